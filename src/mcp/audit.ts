import { Failure, isFailure } from "../core/failure.ts";
import { cutText } from "../core/values.ts";
import { stripInvisible } from "../core/visible.ts";
import type { CallContext, Reply, Target } from "./tool.ts";

/** What came of a change. */
type Outcome = "done" | "refused" | "failed" | "partly done" | "effect unknown";

/** Refusals: whoever answered with one of these has checked the call and changed nothing. */
const REFUSALS = [
  "invalid_arguments",
  "not_found",
  "unauthorized",
  "forbidden",
  "conflict",
  "rate_limited",
  "host_not_allowed",
  "unsupported",
] as const;

/** Longest value in an audit line, in characters: callers choose names and ids. */
const LONGEST = 2_000;

/**
 * Makes a change and writes its audit line: who, what, where, and what came of it, without contents.
 * The line is written when the change has ended, even if the caller has gone away.
 */
export async function audit<R extends Reply<Record<string, unknown>>>(
  { name, effect }: { readonly name: string; readonly effect: string },
  target: () => Target,
  { log, client, host }: CallContext,
  change: () => Promise<R>,
): Promise<R> {
  const write = (outcome: Outcome, error?: string, made: Target = {}) => {
    const fields = {
      tool: name,
      effect,
      outcome,
      error,
      client,
      host,
      ...readTarget(target),
      ...made,
    };
    log.audit("Change", Object.fromEntries(Object.entries(fields).map(show)));
  };
  try {
    const reply = await change();
    write("done", undefined, findIds(reply.data));
    return reply;
  } catch (error) {
    write(classify(error), isFailure(error) ? error.code : "internal");
    throw error;
  }
}

function classify(error: unknown): Outcome {
  if (!(error instanceof Failure) || error.effect === "unknown") return "effect unknown";
  if (error.effect === "part") return "partly done";
  return isFailure(error, ...REFUSALS) ? "refused" : "failed";
}

/** The target; empty if the arguments name none, about which the change itself complains. */
function readTarget(target: () => Target): Target {
  try {
    return target();
  } catch {
    return {};
  }
}

/** The ids in a reply: those of what was created are not the caller's choice. */
function findIds(data: Readonly<Record<string, unknown>>): Target {
  const ids = Object.entries(data).flatMap(([name, value]): [string, string][] =>
    name.endsWith("_id") && typeof value === "string" ? [[name, value]] : []
  );
  return Object.fromEntries(ids);
}

function show([name, value]: [string, Target[string]]): [string, Target[string]] {
  return [
    name,
    typeof value === "string" ? stripInvisible(cutText(value, LONGEST)).text : value,
  ];
}
