import { flattenGenerally } from "./steps.ts";

/** What one release answered. */
export interface ReleaseAnswers {
  readonly release: string;
  /** Of the store's schema. */
  readonly revision: string;
  readonly spansIn: string;
  readonly answers: ReadonlyMap<string, unknown>;
  /** What a copy of the store answers otherwise: call and place. */
  readonly localDifferences: readonly string[];
}

/** docs/RELEASES.md: which releases there are, and what they answer otherwise than the newest. */
export function printPage(asked: readonly ReleaseAnswers[]): string {
  const releases = asked.map(({ release, revision, spansIn, localDifferences }) => [
    release,
    `\`${revision}\``,
    spansIn,
    localDifferences.length === 0
      ? "the same"
      : `the same but for ${localDifferences.map(code).join(", ")}`,
  ]);
  const rows = groupDifferences(asked).map(({ steps, place, there, newest, releases }) => [
    printRange(releases, asked.map(({ release }) => release)),
    steps.map(code).join(", "),
    code(place === "" ? "-" : place),
    code(there),
    code(newest),
  ]);
  const calls = asked[0]?.answers.size ?? 0;
  return `# MLflow's releases

Every release from the oldest supported one to the newest is started, its own client writes the same
traces, and wandflow makes the same calls. Then a copy of its SQLite file is read without the
server. Written by \`deno task nightly\` (calls: ${calls}).

${printTable(["Release", "Schema", "Spans are kept in", "Its file is read"], releases)}

## Where they answer differently from the newest

Ids, times, durations and sizes are left out; \`-\` is nothing.

${
    rows.length === 0
      ? "Nothing."
      : printTable(["Releases", "Call", "Where", "Their answer", "The newest's"], rows)
  }
`;
}

interface Difference {
  readonly steps: string[];
  readonly place: string;
  readonly there: string;
  readonly newest: string;
  readonly releases: string[];
}

/** Differences from the newest, each with the releases that have it. */
function groupDifferences(asked: readonly ReleaseAnswers[]): Difference[] {
  const newest = asked.at(-1);
  const found = new Map<string, Difference>();
  for (const { release, answers } of asked) {
    for (const [step, answer] of answers) {
      const [here, there] = compare(
        flattenGenerally(answer),
        flattenGenerally(newest?.answers.get(step)),
      );
      for (const place of new Set([...here.keys(), ...there.keys()])) {
        // Refusals name the release.
        const one = here.get(place)?.replaceAll(`MLflow ${release}`, "MLflow") ?? "-";
        const other = there.get(place) ?? "-";
        if (one === other) continue;
        const general = place.replace(/\[\d+\]/g, "[]");
        const key = JSON.stringify([general, one, other]);
        const known = found.get(key) ??
          { steps: [], place: general, there: one, newest: other, releases: [] };
        found.set(key, known);
        if (!known.releases.includes(release)) known.releases.push(release);
        if (!known.steps.includes(step)) known.steps.push(step);
      }
    }
  }
  return [...found.values()];
}

/** Of a call that one of two releases refuses only the refusal counts. */
function compare(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>] {
  if (!one.has("refused") && !other.has("refused")) return [one, other];
  const told = (leaves: ReadonlyMap<string, string>) =>
    new Map([["", leaves.get("message") ?? "an answer"]]);
  return [told(one), told(other)];
}

/** Releases as ranges: `3.4.0–3.5.1, 3.9.0`. */
function printRange(some: readonly string[], all: readonly string[]): string {
  const ranges: string[][] = [];
  for (const release of all) {
    if (!some.includes(release)) ranges.push([]);
    else if (ranges.length === 0) ranges.push([release]);
    else ranges.at(-1)?.push(release);
  }
  return ranges.filter((range) => range.length > 0)
    .map((range) => range.length === 1 ? range[0] : `${range[0]}–${range.at(-1)}`).join(", ");
}

function code(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 99)}…` : text;
  return short === "-" ? short : `\`${short.replaceAll("`", "'").replaceAll("|", "\\|")}\``;
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => [...row[column] ?? ""].length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - [...cell].length)).join(" | ")
    } |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Compares a page of some releases with their part of another: `-` is only there, `+` only here. */
export function comparePages(kept: string, fresh: string): string[] {
  const some = readPage(fresh);
  const names = new Set(some.releases.map(([name]) => name));
  const all = readPage(kept);
  const releases = all.releases.filter(([name]) => names.has(name));
  const rows = all.rows.filter(({ release }) => names.has(release));
  const print = ({ release, place, steps }: Row) =>
    [release, place, [...steps].join(", ")].join(" | ");
  const covers = (many: readonly Row[], { release, place, steps }: Row) =>
    many.some((one) =>
      one.release === release && one.place === place && steps.isSubsetOf(one.steps)
    );
  const differences = (one: readonly string[][], other: readonly string[][], sign: string) =>
    one.map((row) => row.join(" | "))
      .filter((line) => !other.some((row) => row.join(" | ") === line))
      .map((line) => `${sign} ${line}`);
  // A row tells the calls of all its releases together; of some of them there may be fewer.
  return [
    ...differences(releases, some.releases, "-"),
    ...differences(some.releases, releases, "+"),
    ...rows.filter(({ release, place }) =>
      !some.rows.some((one) => one.release === release && one.place === place)
    ).map((row) => `- ${print(row)}`),
    ...some.rows.filter((row) => !covers(rows, row)).map((row) => `+ ${print(row)}`),
  ];
}

/** One difference of one release. */
interface Row {
  readonly release: string;
  /** Where, their answer and the newest's. */
  readonly place: string;
  readonly steps: ReadonlySet<string>;
}

function readPage(page: string): { releases: string[][]; rows: Row[] } {
  const tables = page.split("\n## ").map((part) =>
    part.split("\n").filter((line) => line.startsWith("| ")).slice(2)
      .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()))
  );
  const [releases = [], differences = []] = tables;
  const names = releases.map(([name = ""]) => name);
  const rows = differences.flatMap(([ranges = "", steps = "", ...place]) =>
    ranges.split(", ").flatMap((range) => {
      const [first = "", last = first] = range.split("–");
      return names.slice(names.indexOf(first), names.indexOf(last) + 1);
    }).map((release) => ({
      release,
      place: place.join(" | "),
      steps: new Set(steps.split(/(?<=`), (?=`)/)),
    }))
  );
  return { releases, rows };
}
