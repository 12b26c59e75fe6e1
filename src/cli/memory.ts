/** Growth from which it is worth giving memory back, in bytes. */
const GROWTH = 12 * 1024 * 1024;
/** How long no call may have been under way before, in milliseconds. */
const QUIET = 200;
/** How often it is tried: what is still being written cannot be given back yet. */
const TRIES = 3;

/** What the runtime offers, for tests to replace. */
export interface Memory {
  /** Bytes that the process holds. */
  size(): number;
  /** Collects garbage and gives free pages back to the system. */
  collect(): void;
  /** Does something after so many milliseconds. */
  after(milliseconds: number, action: () => void): void;
}

/** Gives memory back some time after a call, unless another is under way by then. */
type Tidy = (idle: () => boolean) => void;

/**
 * Gives memory back after large results. Left to itself the runtime keeps what it once needed: after
 * five traces of 10 MB a process of 103 MB stays at 118 to 125 MB, and is back at 104 to 106 MB
 * with this. The collection runs while nobody waits, and only where the program was started with
 * `--v8-flags=--expose-gc`, as executables are.
 */
export function createTidy(memory: Memory | undefined = runtimeMemory()): Tidy {
  if (memory === undefined) return () => {};
  let settled = memory.size();
  let waiting = false;
  const later = (idle: () => boolean, tries: number) => {
    // What a helper took goes with it, and is no level to grow from.
    settled = Math.min(settled, memory.size());
    if (waiting || tries === 0 || memory.size() < settled + GROWTH) return;
    waiting = true;
    memory.after(QUIET, () => {
      waiting = false;
      if (!idle()) return;
      memory.collect();
      // Memory that a try does not free is in use: the next growth counts from there.
      if (tries === 1) settled = memory.size();
      later(idle, tries - 1);
    });
  };
  return (idle) => later(idle, TRIES);
}

function runtimeMemory(): Memory | undefined {
  const collector: unknown = Reflect.get(globalThis, "gc");
  if (typeof collector !== "function") return undefined;
  return {
    size: () => Deno.memoryUsage().rss,
    collect: () => {
      Reflect.apply(collector, undefined, [{ type: "major", flavor: "last-resort" }]);
    },
    after: (milliseconds, action) => void setTimeout(action, milliseconds),
  };
}
