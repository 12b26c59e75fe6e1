/**
 * Resident memory of a process and its descendants in MB (10^6 bytes): now, or the most there was,
 * as the kernel noted it. Pages that processes share are counted in each. It needs /proc.
 */
export function memoryOf(pid: number, which: "VmRSS" | "VmHWM" = "VmRSS"): number {
  const parents = childrenByParent();
  const kilobytes = (one: number): number => {
    const status = Deno.readTextFileSync(`/proc/${one}/status`);
    const own = Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
    return (parents.get(one) ?? []).reduce((sum, child) => sum + kilobytes(child), own);
  };
  return kilobytes(pid) * 1024 / 1e6;
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // pid (name) state parent …; the name may hold anything, parentheses too.
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...children.get(parent) ?? [], Number(name)]);
    } catch {
      // It ended in the meantime.
    }
  }
  return children;
}

/** Processor time that a process has taken since it began, in seconds. It needs /proc. */
export function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // In ticks of the kernel's, a hundred a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
