/**
 * Measures wandflow beside the originals and beside the bare requests, prints the figures and
 * writes them to docs/BENCHMARKS.md.
 *
 *   deno task bench                          everything
 *   deno task bench mlflow weave             only these
 *   deno task bench mlflow --print           without writing the page
 *   deno task bench weave --big              instead, its cases that take minutes and gigabytes
 */
import { describeMachine, loadNow } from "./bench/machine.ts";
import { BENCHES, BIG, bigName, SECTIONS } from "./bench/registry.ts";
import { reaches } from "./bench/row.ts";
import { sectionOf, withSection } from "./bench/report.ts";

const PAGE = new URL("../docs/BENCHMARKS.md", import.meta.url);

const say = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

async function main(words: readonly string[]): Promise<number> {
  const names = words.filter((word) => !word.startsWith("--"));
  const big = words.includes("--big");
  const benches = big ? BIG : BENCHES;
  const known = Object.keys(benches);
  const all = names.length === 0 || names.includes("all");
  const unknown = names.filter((name) => name !== "all" && !known.includes(name));
  if (unknown.length > 0) {
    const kind = big ? "big bench" : "bench";
    say(`There is no ${kind} ${unknown.join(", ")}; there are ${known.join(", ")} and all.`);
    return 2;
  }
  let missed = 0;
  for (const name of all ? known : names) {
    const load = loadNow();
    const { bench } = await benches[name]?.() ?? { bench: undefined };
    if (bench === undefined) continue;
    const result = await bench();
    const section = sectionOf(result, describeMachine(new Date(), [load, loadNow()]));
    say(`\n${await formatted(section)}`);
    if (!words.includes("--print")) await write(big ? bigName(name) : name, section);
    for (const row of result.rows) {
      missed += (row.goals ?? []).filter((goal) => !reaches(row, goal)).length;
    }
  }
  say(missed === 0 ? "Every goal is met." : `${missed} goals are missed.`);
  return 0;
}

async function write(name: string, section: string): Promise<void> {
  const page = await Deno.readTextFile(PAGE).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  const whole = withSection(page, name, section, SECTIONS, Object.keys(BENCHES));
  await Deno.writeTextFile(PAGE, await formatted(whole));
}

/** As `deno fmt` wants Markdown. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "-"],
    cwd: new URL("../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error("The page could not be formatted.");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
