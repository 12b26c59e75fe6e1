import { markdownTable } from "../../src/core/table.ts";
import { type Goal, ratioFor, reaches, type Result, type Row } from "./row.ts";

/** A result as the Markdown between its markers. */
export function sectionOf(result: Result, machine: string): string {
  const { rows } = result;
  const originals = rows.some((row) => row.original !== undefined);
  const bare = rows.some((row) => row.bare !== undefined);
  const goals = rows.some((row) => (row.goals ?? []).length > 0);
  const notes = rows.some((row) => row.note !== undefined);
  const more = [...new Set(rows.flatMap((row) => Object.keys(row.more ?? {})))];
  const { originalHeading: original = "original" } = result;
  const table = markdownTable(
    [
      ...["", "wandflow"],
      ...(originals ? [original, "original ÷ wandflow"] : []),
      ...(bare ? ["bare", "wandflow ÷ bare"] : []),
      ...more,
      ...(goals ? ["goal"] : []),
      ...(notes ? ["note"] : []),
    ],
    rows.map((row) => [
      ...[row.what, figure(row, row.wandflow)],
      ...(originals ? [figure(row, row.original), factor(row, "original")] : []),
      ...(bare ? [figure(row, row.bare), factor(row, "bare")] : []),
      ...more.map((heading) => row.more?.[heading] ?? ""),
      ...(goals ? [goalText(row)] : []),
      ...(notes ? [row.note ?? ""] : []),
    ]),
  );
  return `## ${result.title}\n\n${result.about}\n\n${machine}\n\n${table}`;
}

function figure({ unit }: Row, value: number | undefined): string {
  if (value === undefined) return "";
  const digits = unit === "ms" && value < 100 ? 1 : 0;
  const name = unit === "requests" && value === 1 ? "request" : unit;
  return `${grouped(value.toFixed(digits))} ${name}`;
}

function factor(row: Row, against: "original" | "bare"): string {
  const ratio = ratioFor(row, against);
  return ratio === undefined ? "" : grouped(ratio.toFixed(ratio < 10 ? 2 : 0));
}

function goalText(row: Row): string {
  return (row.goals ?? []).map((goal) => {
    const what = goal.against === "original"
      ? `≥ ${goal.factor} × better`
      : goal.against === "bare"
      ? `≤ ${goal.factor} × bare`
      : `${goal.against === "least" ? "≥" : "≤"} ${figure(row, goal.factor)}`;
    return `${what}: ${reaches(row, goal) ? "met" : `**missed**${bound(row, goal)}`}`;
  }).join("; ");
}

/** What a missed goal against the original comes up to where the back end alone takes too long. */
function bound(row: Row, { against, factor }: Goal): string {
  const { original, bare } = row;
  if (against !== "original" || original === undefined || bare === undefined) return "";
  const most = original / bare;
  return most >= factor ? "" : ` (the bare requests: ${most.toFixed(most < 10 ? 1 : 0)} ×)`;
}

/** Thousands set apart by commas. */
export function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** The page's beginning. */
const head = (parts: readonly string[]) =>
  `# Benchmarks

What \`deno task bench\` measured, newest run of each part. What stands side by side was measured in
the same run, in turns (A B C A B C …), after a warm-up, unless its section says that a figure is
recorded; times are medians. Goals are those of the project's plan. \`deno task bench\` with any of
${parts.map((name) => `\`${name}\``).join(", ")} measures these again, without a name all, and
rewrites their parts of this page; with \`--big\`, it measures what takes minutes and gigabytes.
`;

/** The page with one section put in or replaced; sections keep the order of `names`. `parts` is what can be measured. */
export function withSection(
  page: string,
  name: string,
  section: string,
  names: readonly string[],
  parts: readonly string[],
): string {
  const sections = new Map<string, string>();
  for (const known of names) {
    const text = known === name ? section : between(page, known);
    if (text !== undefined) sections.set(known, text.trim());
  }
  const marked = [...sections].map(([known, text]) =>
    `${open(known)}\n\n${text}\n\n${close(known)}\n`
  );
  return [head(parts), ...marked].join("\n");
}

function between(page: string, name: string): string | undefined {
  const from = page.indexOf(open(name));
  const to = page.indexOf(close(name));
  return from < 0 || to < from ? undefined : page.slice(from + open(name).length, to);
}

function open(name: string): string {
  return `<!-- bench:${name} -->`;
}

function close(name: string): string {
  return `<!-- /bench:${name} -->`;
}
