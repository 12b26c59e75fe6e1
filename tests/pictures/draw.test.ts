import assert from "node:assert/strict";
import { chartBars } from "../../src/analysis/charts/bars.ts";
import { chartCurves } from "../../src/analysis/charts/curves.ts";
import { chartTimes } from "../../src/analysis/charts/times.ts";
import { encodePng, LARGEST, paint } from "../../src/pictures/paint.ts";
import { countColours, decode } from "./png.ts";
import { slowTest } from "../support/slow.ts";

const steps = (value: (step: number) => number, length = 1000) =>
  Array.from({ length }, (_, step) => ({ step, value: value(step) }));

slowTest("encodePng: the 256 commonest colours are exact, the rest go to the nearest", () => {
  // 600 greens and blues, the first 256 of them twice.
  const colour = (index: number) => [0, 8 * (index % 32), 8 * Math.floor(index / 32), 255];
  const data = new Uint8Array(4 * 856);
  for (let pixel = 0; pixel < 856; pixel++) data.set(colour(pixel % 600), 4 * pixel);
  const picture = decode(encodePng({ width: 856, height: 1, data }));
  const channels = (x: number) =>
    [1, 3, 5].map((at) => parseInt(picture.at(x, 0).slice(at, at + 2), 16));
  for (const x of [0, 31, 255]) {
    channels(x).forEach((value, at) => assert.ok(Math.abs(value - (colour(x)[at] ?? 0)) < 8));
  }
  // The last of the exact ones has a blue of 56, which is nearest to all above.
  assert.deepEqual(channels(599)[2], channels(255)[2]);
  assert.ok(Math.abs((channels(599)[1] ?? 0) - (colour(599)[1] ?? 0)) < 8);
});

slowTest("a curve chart is a small picture with each curve's colour in it", async () => {
  const { spec } = chartCurves({
    title: "loss of two runs",
    xTitle: "step",
    panels: [{
      key: "loss",
      curves: [
        { name: "falling", points: steps((step) => Math.exp(-step / 200)), exact: true },
        { name: "größe Жук", points: steps((step) => 0.5 + step / 4000), exact: true },
      ],
    }],
  });
  const png = await paint(spec);
  const picture = decode(png);
  assert.ok(png.length <= 40_000, `${png.length} bytes`);
  assert.ok(picture.width <= LARGEST.width && picture.height <= LARGEST.height);
  const found = countColours(picture);
  for (const [red, green, blue] of [[0x3b, 0x6f, 0xd4], [0xe0, 0x7b, 0x00]] as const) {
    const near = [...found].filter(([colour]) => {
      const value = parseInt(colour.slice(1), 16);
      return Math.abs((value >> 16) - red) < 9 && Math.abs((value >> 8 & 255) - green) < 9 &&
        Math.abs((value & 255) - blue) < 9;
    });
    assert.ok(near.reduce((sum, [, count]) => sum + count, 0) > 500, `${red} ${green} ${blue}`);
  }
});

slowTest("the same specification gives the same bytes", async () => {
  const { spec } = chartBars({
    title: "scores",
    panels: [{ title: "accuracy", bars: [{ name: "a", value: 0.5, interval: [0.4, 0.6] }] }],
  });
  assert.deepEqual(await paint(spec), await paint(spec));
});

slowTest("times are drawn without the time zone of the machine", async () => {
  const points = [0, 1, 2].map((hour) => ({
    at: Date.UTC(2026, 10, 6, hour),
    seconds: 1 + hour,
    failed: hour === 1,
  }));
  const { spec } = chartTimes({ title: "traces", points });
  const { renderSvg } = await import("../../src/pictures/paint.ts");
  const svg = await renderSvg(spec);
  assert.match(svg, />(Fri 06|12 AM|November|Nov 06)</);
  assert.doesNotMatch(svg, /<script|href="http/);
});
