import { cpus, release, totalmem, type } from "node:os";
import { markdownTable } from "../../src/core/table.ts";
import type { Goal, Row, Section } from "./row.ts";

/** A section as the Markdown between its markers. */
export function printSection(
  { title, about, rows, picture, headings = {} }: Section,
  machine: string,
) {
  const { original = "original", bare = "bare" } = headings;
  // A heading's remark is its own.
  const known = original.split(",")[0];
  const rates = rows.some(({ unit }) => unit === "calls/s");
  const columns: readonly (readonly [string, (row: Row) => string])[] = [
    ["", (row) => row.what],
    ["wandflow", (row) => figure(row, row.wandflow)],
    [original, (row) => figure(row, row.original)],
    [rates ? `wandflow ÷ ${known}` : `${known} ÷ wandflow`, (row) => factor(row, "original")],
    [bare, (row) => figure(row, row.bare)],
    [`wandflow ÷ ${bare}`, (row) => factor(row, "bare")],
    ...[...new Set(rows.flatMap((row) => Object.keys(row.more ?? {})))].map((heading) =>
      [heading, (row: Row) => row.more?.[heading] ?? ""] as const
    ),
    ["goal", (row) => (row.goals ?? []).map((goal) => goalText(row, goal, bare)).join("; ")],
    ["note", (row) => row.note ?? ""],
  ];
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  const table = markdownTable(
    used.map(([heading]) => heading),
    rows.map((row) => used.map(([, cell]) => cell(row))),
  );
  const shown = picture === undefined ? "" : `\n\n![${picture.title}](${picture.name})`;
  return `## ${title}\n\n${about}\n\n${machine}\n\n${table}${shown}`;
}

function figure({ unit }: Row, value: number | undefined): string {
  if (value === undefined) return "";
  const digits = unit === "ms" && value < 100 ? 1 : 0;
  const name = unit === "requests" && value === 1 ? "request" : unit;
  return `${grouped(value.toFixed(digits))} ${name}`;
}

function ratio(row: Row, against: "original" | "bare"): number | undefined {
  if (against === "original" && row.unit !== "calls/s") {
    return row.original && row.original / row.wandflow;
  }
  if (against === "original") return row.original && row.wandflow / row.original;
  return row.bare && row.wandflow / row.bare;
}

function factor(row: Row, against: "original" | "bare"): string {
  const value = ratio(row, against);
  return value === undefined ? "" : grouped(value.toFixed(value < 10 ? 2 : 0));
}

/** Whether a row reaches a goal. */
export function reaches(row: Row, goal: Goal): boolean {
  if (goal.against === "limit") return row.wandflow <= goal.factor;
  const value = ratio(row, goal.against);
  if (value === undefined) return false;
  const most = goal.against === "bare" && row.unit !== "calls/s";
  return most ? value <= goal.factor : value >= goal.factor;
}

function goalText(row: Row, goal: Goal, bare: string): string {
  const what = {
    original: `≥ ${goal.factor} × better`,
    bare: `${row.unit === "calls/s" ? "≥" : "≤"} ${goal.factor} × ${bare}`,
    limit: `≤ ${figure(row, goal.factor)}`,
  }[goal.against];
  return `${what}: ${reaches(row, goal) ? "met" : `**missed**${bound(row, goal)}`}`;
}

/** What a missed goal against the original comes up to where the back end alone takes too long. */
function bound({ original, bare }: Row, { against, factor }: Goal): string {
  if (against !== "original" || original === undefined || bare === undefined) return "";
  const most = original / bare;
  return most >= factor ? "" : ` (the bare requests: ${most.toFixed(most < 10 ? 1 : 0)} ×)`;
}

/** A number with its thousands set apart by commas. */
export function grouped(number: number | string): string {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** What the figures were taken on, without anything that names the machine. */
export function describeMachine(load: readonly [number, number]): string {
  const version = /^\d+\.\d+/.exec(release())?.[0] ?? "";
  const busy = load.map((value) => value.toFixed(1)).join(" at the start, ");
  return `Taken on ${new Date().toISOString().slice(0, 10)} on a machine with ${cpus().length} ` +
    `cores (${Deno.build.arch}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${type()} ` +
    `${version}, Deno ${Deno.version.deno}. Load average (one minute): ${busy} at the end; the ` +
    "benchmark itself makes about 1." +
    (Math.max(...load) > cpus().length
      ? " Other programs were running, so times are longer than on a quiet machine and the " +
        "ratios, though taken in turns, less exact."
      : "");
}

const head = (parts: readonly string[]) =>
  `# Benchmarks

Results of \`deno task bench\`, from the newest run of each part. Figures side by side were measured
in the same run, in turns (A B C A B C …), after a warm-up, unless the section says that a figure is
recorded. Times are medians. Goals are those of the project's plan. \`deno task bench\` with any of
${parts.map((name) => `\`${name}\``).join(", ")} measures those parts again and rewrites their
sections of this page; with \`all\` or without a name it measures all of them. \`--big\` measures
what takes minutes and gigabytes.
`;

/** The page with one section put in or replaced; sections keep the order of `names`. */
export function withSection(
  page: string,
  name: string,
  section: string,
  { names, parts }: { names: readonly string[]; parts: readonly string[] },
): string {
  const marked = names.flatMap((known) => {
    const [open, close] = [`<!-- bench:${known} -->`, `<!-- /bench:${known} -->`];
    const old = page.split(open)[1]?.split(close)[0];
    const text = known === name ? section : old;
    return text === undefined ? [] : [`${open}\n\n${text.trim()}\n\n${close}\n`];
  });
  return [head(parts), ...marked].join("\n");
}
