import { cpus, release, totalmem, type } from "node:os";
import { markdownTable } from "../../src/core/table.ts";
import type { Goal, Row, Section } from "./row.ts";

const TEXTS = await Deno.readTextFile(new URL("page.md", import.meta.url));
const [HEAD = ""] = TEXTS.split("<!-- ");

/** What the page says above a part's figures, with the facts of this run. */
function textOf(name: string, facts: Section["facts"] = {}): string {
  const text = TEXTS.split(`<!-- bench:${name} -->`)[1]?.split("<!-- ")[0];
  if (text === undefined) throw new Error(`The page has no text for ${name}.`);
  return text.trim().replaceAll(/\{(\w+)\}/g, (whole, key) => String(facts[key] ?? whole));
}

/** A section as the Markdown between its markers. */
export function printSection(name: string, section: Section, machine: string): string {
  const { rows, picture, facts, headings: { original = "original", bare = "bare" } = {} } = section;
  // A heading's remark is its own.
  const known = original.split(",")[0];
  const rates = rows.some(({ unit }) => unit === "calls/s");
  const more = new Set(rows.flatMap((row) => Object.keys(row.more ?? {})));
  const columns: readonly (readonly [string, (row: Row) => string])[] = [
    ["", (row) => row.what],
    ["wandflow", (row) => figure(row, row.wandflow)],
    [original, (row) => figure(row, row.original)],
    [rates ? `wandflow ÷ ${known}` : `${known} ÷ wandflow`, (row) => factor(row, "original")],
    [bare, (row) => figure(row, row.bare)],
    [`wandflow ÷ ${bare}`, (row) => factor(row, "bare")],
    ...[...more].map((name) => [name, (row: Row) => row.more?.[name] ?? ""] as const),
    ["goal", (row) => (row.goals ?? []).map((goal) => goalText(row, goal, bare)).join("; ")],
    ["note", (row) => row.note ?? ""],
  ];
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  const table = markdownTable(
    used.map(([heading]) => heading),
    rows.map((row) => used.map(([, cell]) => cell(row))),
  );
  const shown = picture === undefined ? [] : [`![${picture.title}](${picture.name})`];
  return [textOf(name, facts), machine, table, ...shown].join("\n\n");
}

function figure({ unit }: Row, value: number | undefined): string {
  if (value === undefined) return "";
  const digits = unit === "ms" && value < 100 ? 1 : 0;
  const name = unit === "requests" && value === 1 ? "request" : unit;
  return `${grouped(value.toFixed(digits))} ${name}`;
}

/** How many times better than the original, or how many times the bare requests. */
function ratio(row: Row, against: "original" | "bare"): number | undefined {
  const other = row[against];
  const inverted = against === "original" && row.unit !== "calls/s";
  return other && (inverted ? other / row.wandflow : row.wandflow / other);
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

/** A size in round numbers. */
export function formatBytes(bytes: number, unit: "kB" | "MB"): string {
  const value = bytes / (unit === "kB" ? 1e3 : 1e6);
  return `${grouped(value.toFixed(value < 10 ? 1 : 0))} ${unit}`;
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

/** The page with one section put in or replaced; sections keep the order of the texts. */
export function withSection(page: string, name: string, section: string): string {
  const marked = [...TEXTS.matchAll(/<!-- bench:(\S+) -->/g)].flatMap(([open, known]) => {
    const close = `<!-- /bench:${known} -->`;
    const text = known === name ? section : page.split(open)[1]?.split(close)[0];
    return text === undefined ? [] : [`${open}\n\n${text.trim()}\n\n${close}\n`];
  });
  return [HEAD.trim(), "", ...marked].join("\n");
}
