/**
 * Resident memory of a process and its descendants, in MB (10^6 bytes). Pages that processes share
 * are counted in each: nothing is left out because another program happens to use the same files.
 *
 * @throws Error where there is no /proc.
 */
export function memoryOf(pid: number): number {
  return sumOf(pid, /^VmRSS:\s+(\d+) kB$/m);
}

/**
 * The most resident memory that a process has had so far, and each of its descendants that still
 * runs, in MB; as the kernel noted it, so that no peak is missed.
 *
 * @throws Error where there is no /proc.
 */
export function peakMemoryOf(pid: number): number {
  return sumOf(pid, /^VmHWM:\s+(\d+) kB$/m);
}

function sumOf(pid: number, line: RegExp): number {
  const children = childrenByParent();
  const kilobytes = (one: number): number =>
    (children.get(one) ?? []).reduce((sum, child) => sum + kilobytes(child), statusOf(one, line));
  return kilobytes(pid) * 1024 / 1e6;
}

function statusOf(pid: number, line: RegExp): number {
  return Number(line.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
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
