import { cpus, release, totalmem, type } from "node:os";

/** What the figures were taken on, without anything that names the machine. */
export function describeMachine(date: Date, load: readonly [number, number]): string {
  const [first] = cpus();
  const cores = `${cpus().length} cores${first === undefined ? "" : ` (${Deno.build.arch})`}`;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB of memory`;
  const version = /^\d+\.\d+/.exec(release())?.[0] ?? "";
  const busy = load.map((value) => value.toFixed(1)).join(" at the start, ");
  return `Taken on ${date.toISOString().slice(0, 10)} on a machine with ${cores}, ${memory}, ` +
    `${type()} ${version}, Deno ${Deno.version.deno}. Load average (one minute): ${busy} at the ` +
    "end; the benchmark itself makes about 1." +
    (Math.max(...load) > cpus().length
      ? " Other programs were running: the times are longer than on a quiet machine, and the " +
        "ratios, taken in turns, less exact."
      : "");
}

/** The one-minute load average. */
export function loadNow(): number {
  return Deno.loadavg()[0] ?? 0;
}
