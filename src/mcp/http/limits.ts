import { Failure } from "../../core/failure.ts";

/** How many calls one caller may make to one replica. */
interface Limits {
  /** Calls under way at a time. */
  readonly callsAtOnce: number;
  readonly callsPerMinute: number;
}

interface Usage {
  running: number;
  /** Calls that are left, refilled as time goes by. */
  left: number;
  /** When that was, in milliseconds. */
  at: number;
}

/** Most callers that are remembered; the least recent caller is forgotten first. */
const REMEMBERED = 10_000;

/**
 * Counts the calls of each caller.
 *
 * @returns Counts a call until the result is disposed of; throws `rate_limited` for one too many.
 */
export function createLimits(
  { callsAtOnce, callsPerMinute }: Limits,
  now: () => number = () => performance.now(),
): (caller: string) => Disposable {
  const callers = new Map<string, Usage>();
  const refill = (usage: Usage) => {
    const time = now();
    usage.left = Math.min(callsPerMinute, usage.left + (time - usage.at) / 60_000 * callsPerMinute);
    usage.at = time;
  };
  const makeRoom = () => {
    if (callers.size < REMEMBERED) return;
    for (const [caller, { running }] of callers) {
      if (running > 0) continue;
      callers.delete(caller);
      return;
    }
    throw refuse(
      `Calls of ${REMEMBERED} callers are under way here.`,
      "Wait, then repeat the call.",
    );
  };
  const find = (caller: string): Usage => {
    const known = callers.get(caller);
    if (known === undefined) makeRoom();
    const usage = known ?? { running: 0, left: callsPerMinute, at: now() };
    // The map is in the order of the last calls.
    callers.delete(caller);
    callers.set(caller, usage);
    return usage;
  };
  return (caller) => {
    const usage = find(caller);
    refill(usage);
    if (usage.running >= callsAtOnce) {
      throw refuse(
        `${callsAtOnce} calls of yours are under way here, as many as one caller may have.`,
        "Wait for one of them to end.",
      );
    }
    if (usage.left < 1) {
      const seconds = Math.ceil((1 - usage.left) / callsPerMinute * 60);
      throw refuse(
        `You have made ${callsPerMinute} calls within a minute, as many as one caller may make.`,
        `Wait ${seconds} s, then repeat the call; ask for more in fewer calls.`,
      );
    }
    usage.left -= 1;
    usage.running += 1;
    return { [Symbol.dispose]: () => void (usage.running -= 1) };
  };
}

function refuse(message: string, hint: string): Failure {
  return new Failure("rate_limited", `${message} Nothing was sent upstream.`, {
    hint,
    retryable: true,
    effect: "none",
  });
}
