/**
 * Measures wandflow beside the originals and beside the bare requests, prints the figures and
 * writes them to docs/BENCHMARKS.md, below the texts of bench/page.md.
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
  load: () => import("./bench/load.ts"),
};

const PAGE = new URL("../docs/BENCHMARKS.md", import.meta.url);

const loadNow = () => Deno.loadavg()[0] ?? 0;

async function main(words: readonly string[]): Promise<number> {
  const parts = Object.keys(PARTS);
  const named = words.filter((word) => !word.startsWith("--") && word !== "all");
  const unknown = named.filter((name) => !parts.includes(name));
  if (unknown.length > 0) {
    say(`Unknown part: ${unknown.join(", ")}. Parts: ${parts.join(", ")}, all.`);
    return 2;
  }
  const [big, print] = [words.includes("--big"), words.includes("--print")];
  let missed = 0;
  const failed: string[] = [];
  for (const part of named.length > 0 ? named : parts) {
    const { bench, benchBig } = await PARTS[part]?.() ?? {};
    const [name, run] = big ? [`${part}-big`, benchBig] : [part, bench];
    if (run === undefined) continue;
    const load = loadNow();
    try {
      const result = await run();
      missed += result.rows.flatMap((row) => (row.goals ?? []).filter((one) => !reaches(row, one)))
        .length;
      const section = printSection(name, result, describeMachine([load, loadNow()]));
      say(`\n${await formatted(section)}`);
      if (!print) await write(name, section, result);
    } catch (error) {
      failed.push(part);
      say(`${part} failed: ${error instanceof Error ? error.stack : error}`);
    }
  }
  if (failed.length > 0) say(`Not measured: ${failed.join(", ")}.`);
  say(missed === 0 ? "Every goal is met." : `${missed} goals are missed.`);
  return missed === 0 && failed.length === 0 ? 0 : 1;
}

async function write(name: string, section: string, { picture }: Section): Promise<void> {
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(PAGE, await formatted(withSection(page, name, section)));
  if (picture === undefined) return;
  const { paint } = await import("../src/pictures/paint.ts");
  await Deno.writeFile(new URL(picture.name, PAGE), await paint(picture.spec));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
