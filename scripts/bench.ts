/**
 * Measures wandflow beside the originals and beside the bare requests, prints the figures and
 * writes them to docs/BENCHMARKS.md.
 *
 *   deno task bench                          everything
 *   deno task bench mlflow weave             only these
 *   deno task bench mlflow --print           without writing the page
 *   deno task bench weave --big              instead, its cases that take minutes and gigabytes
 */
import { describeMachine, printSection, reaches, withSection } from "./bench/report.ts";
import type { Section } from "./bench/row.ts";
import { formatted } from "./docs.ts";
import { say } from "./say.ts";

type Bench = () => Promise<Section>;

/** Every part, and where it has one, what takes minutes and gigabytes; in the order of the page. */
const PARTS: Readonly<Record<string, () => Promise<{ bench: Bench; benchBig?: Bench }>>> = {
  mlflow: () => import("./bench/mlflow.ts"),
  weave: () => import("./bench/weave.ts"),
  wandb: () => import("./bench/wandb.ts"),
  local: () => import("./bench/local.ts"),
  start: () => import("./bench/start.ts"),
  doors: () => import("./bench/doors.ts"),
};

const PAGE = new URL("../docs/BENCHMARKS.md", import.meta.url);

const loadNow = () => Deno.loadavg()[0] ?? 0;

async function main(words: readonly string[]): Promise<number> {
  const parts = Object.keys(PARTS);
  const named = words.filter((word) => !word.startsWith("--") && word !== "all");
  const unknown = named.filter((name) => !parts.includes(name));
  if (unknown.length > 0) {
    say(`There is no bench ${unknown.join(", ")}; there are ${parts.join(", ")} and all.`);
    return 2;
  }
  const big = words.includes("--big");
  let missed = 0;
  for (const name of named.length > 0 ? named : parts) {
    const part = await PARTS[name]?.();
    const bench = big ? part?.benchBig : part?.bench;
    if (bench === undefined) continue;
    const load = loadNow();
    const result = await bench();
    const section = printSection(result, describeMachine([load, loadNow()]));
    say(`\n${await formatted(section)}`);
    for (const row of result.rows) {
      missed += (row.goals ?? []).filter((goal) => !reaches(row, goal)).length;
    }
    if (words.includes("--print")) continue;
    const names = parts.flatMap((known) => [known, `${known}-big`]);
    const page = await Deno.readTextFile(PAGE);
    const whole = withSection(page, big ? `${name}-big` : name, section, { names, parts });
    await Deno.writeTextFile(PAGE, await formatted(whole));
  }
  say(missed === 0 ? "Every goal is met." : `${missed} goals are missed.`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
