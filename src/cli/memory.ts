/** Heap size from which it is worth giving memory back, in bytes. */
const LARGE = 40 * 1024 * 1024;
/** How long no call may have been under way before, in milliseconds. */
const QUIET = 200;
/** How often it is tried: what is still being written cannot be given back yet. */
const TRIES = 4;

/** What the runtime offers, for tests to replace. */
export interface Heap {
  /** Bytes of heap that the runtime holds. */
  size(): number;
  /** Collects garbage and gives free pages back to the system. */
  collect(): void;
}

/**
 * Gives memory back after large results. Left to itself the runtime keeps what it once needed: ten
 * megabytes of trace leave three hundred behind. The collection runs while nobody waits, and only
 * where the program was started with `--v8-flags=--expose-gc`, as executables are.
 *
 * @returns To be called whenever the last call under way has ended, with a way to ask whether any
 * is under way again.
 */
export function createTidying(
  heap: Heap | undefined = runtimeHeap(),
): (idle: () => boolean) => void {
  let waiting = false;
  const later = (idle: () => boolean, tries: number) => {
    if (heap === undefined || waiting || tries === 0 || heap.size() < LARGE) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (!idle()) return;
      heap.collect();
      later(idle, tries - 1);
    }, QUIET);
  };
  return (idle) => later(idle, TRIES);
}

function runtimeHeap(): Heap | undefined {
  const collector: unknown = Reflect.get(globalThis, "gc");
  if (typeof collector !== "function") return undefined;
  return {
    size: () => {
      const { heapTotal, external } = Deno.memoryUsage();
      return heapTotal + external;
    },
    collect: () => {
      Reflect.apply(collector, undefined, [{ type: "major", flavor: "last-resort" }]);
    },
  };
}
