/**
 * Compares one picture of each kind with the one that was reviewed. `scripts/pictures.ts` redraws
 * the golden ones.
 *
 * The tolerance: the renderer, its font and the numbers are the same everywhere, so that pictures are
 * equal to the byte as long as nothing changes. A newer renderer may put edges of lines and letters
 * elsewhere by a part of a pixel, which changes the pixels of edges, few of them by more than 96 of
 * 255. So one pixel in 5000 may differ by so much. The smallest parts that a reader would miss, the
 * crosses in a gap and the intervals on bars, are one in 2400 and one in 1400: the last test changes
 * parts one by one and wants each to be noticed.
 */
import assert from "node:assert/strict";
import type { ChartSpec } from "../../src/analysis/charts/spec.ts";
import { paint } from "../../src/pictures/paint.ts";
import { decode, type Decoded } from "./png.ts";
import { slowTest } from "../support/slow.ts";
import { SAMPLES } from "./samples.ts";

const FEW = 1 / 5000;
const MUCH = 96;

/** The part of the pixels that differ much; all, where the sizes differ. */
function difference(a: Decoded, b: Decoded): number {
  if (a.width !== b.width || a.height !== b.height) return 1;
  let differing = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const [one, other] = [a.at(x, y), b.at(x, y)];
      if (one === other) continue;
      const channels = [1, 3, 5].map((at) =>
        Math.abs(parseInt(one.slice(at, at + 2), 16) - parseInt(other.slice(at, at + 2), 16))
      );
      if (Math.max(...channels) > MUCH) differing++;
    }
  }
  return differing / (a.width * a.height);
}

for (const [name, spec] of Object.entries(SAMPLES)) {
  Deno.test(`golden picture: ${name}`, async () => {
    const golden = await Deno.readFile(new URL(`../golden/pictures/${name}.png`, import.meta.url));
    const png = await paint(spec);
    const picture = decode(png);
    assert.ok(difference(picture, decode(golden)) <= FEW);
    assert.ok(png.length <= 40_000, `${png.length} bytes`);
    const { width, height } = picture;
    const anthropic = Math.ceil(width * height / 750);
    const openai = 85 + 170 * Math.ceil(width / 512) * Math.ceil(height / 512);
    assert.ok(Math.max(anthropic, openai) <= 700, `${width} × ${height}: ${anthropic}, ${openai}`);
  });
}

slowTest("golden pictures: the loss of any part that a reader needs is noticed", async () => {
  const { curves, eight, evaluations, traces } = SAMPLES;
  assert.ok(curves && eight && evaluations && traces);
  /** The chart with every member of this name changed. */
  const without = (spec: ChartSpec, name: string, change: (value: unknown) => unknown): ChartSpec =>
    JSON.parse(JSON.stringify(spec, (key, value) => key === name ? change(value) : value));
  const lastName = (rows: unknown) =>
    Array.isArray(rows) ? rows.filter(({ s }) => s !== "sweep-agent-8") : rows;
  const parts: readonly (readonly [string, ChartSpec, ChartSpec])[] = [
    ["a curve of eight", eight, without(eight, "values", lastName)],
    ["the legend", curves, without(curves, "legend", () => null)],
    ["the marks of a gap", curves, without(curves, "shape", () => "triangle-down")],
    ["the subtitle", curves, without(curves, "subtitle", () => "")],
    ["a scale", eight, without(eight, "type", (type) => type === "log" ? "linear" : type)],
    ["intervals", evaluations, without(evaluations, "strokeWidth", () => 0)],
    ["the failed ones", traces, without(traces, "range", () => ["#3b6fd4", "#3b6fd4"])],
  ];
  for (const [part, whole, changed] of parts) {
    const by = difference(decode(await paint(whole)), decode(await paint(changed)));
    assert.ok(by > FEW, `${part}: ${by}`);
  }
});
