/**
 * Writes the table of variation sequences, from files of the Unicode Character Database and the
 * Ideographic Variation Database.
 *
 *   deno run -A scripts/variants.ts \
 *     StandardizedVariants.txt emoji-variation-sequences.txt IVD_Sequences.txt
 */
import { ALPHABET, MOST_COUNT, MOST_GAP } from "../src/core/visible.ts";
import { fileOf } from "./graph.ts";

const [standardized = "", emoji = "", ideographic = ""] = Deno.args;

/** The bases of each selector. */
function readSequences(path: string): Map<number, Set<number>> {
  const bases = new Map<number, Set<number>>();
  for (const line of Deno.readTextFileSync(path).split("\n")) {
    const [, base, selector] = /^([0-9A-F]{4,6}) ([0-9A-F]{4,6}) *;/.exec(line) ?? [];
    if (base === undefined || selector === undefined) continue;
    const code = Number.parseInt(selector, 16);
    bases.set(code, (bases.get(code) ?? new Set()).add(Number.parseInt(base, 16)));
  }
  return bases;
}

function writeRanges(codes: Iterable<number>): string {
  const ranges: [number, number][] = [];
  for (const code of [...codes].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges.map(([first, last]) => [...new Set([first, last])].map(hex).join("-")).join(" ");
}

function hex(code: number): string {
  return code.toString(16);
}

/** Wraps a text into lines that fit, at spaces if there are any. */
function wrap(text: string): string {
  return text.match(text.includes(" ") ? /\S.{0,96}(?= |$)/g : /.{1,98}/g)?.join("\n") ?? "";
}

const sequences = new Map([...readSequences(standardized), ...readSequences(emoji)]);
const selectors = Map.groupBy(
  [...sequences.keys()].sort((a, b) => a - b),
  (selector) =>
    writeRanges(
      [...sequences.get(selector) ?? []]
        .filter((code) => !/^\p{Unified_Ideograph}$/u.test(String.fromCodePoint(code))),
    ),
);
const letters = [...selectors].map(([ranges, some]) =>
  `  "${some.map(hex).join(" ")}": \`\n${wrap(ranges)}\n\`,`
);

const counts = new Map<number, number>();
for (const [selector, bases] of readSequences(ideographic)) {
  for (const base of bases) {
    counts.set(base, Math.max(counts.get(base) ?? 0, selector - 0xE0100 + 1));
  }
}
let last = 0;
let ideographs = "";
for (const [base, count] of [...counts].sort(([a], [b]) => a - b)) {
  const gap = base - last;
  ideographs += gap <= MOST_GAP && count <= MOST_COUNT
    ? ALPHABET[(gap - 1) * MOST_COUNT + count - 1]
    : `(${gap.toString(36)},${count.toString(36)})`;
  last = base;
}

await Deno.writeTextFile(
  fileOf("src/core/variant_table.ts"),
  `/** Written by scripts/variants.ts from Unicode's tables; not to be edited. */

/** Bases other than ideographs, by the selectors that they have in common, in hexadecimal. */
const LETTERS: Readonly<Record<string, string>> = {
${letters.join("\n")}
};

/** Ideographs and how many registered variants each has: gaps and counts, see variants.ts. */
const IDEOGRAPHS: string = \`
${wrap(ideographs)}
\`;
`,
);
