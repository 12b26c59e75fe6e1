import assert from "node:assert/strict";
import { chartBars } from "../../src/analysis/charts/bars.ts";
import { chartCurves } from "../../src/analysis/charts/curves.ts";
import { chartTimes } from "../../src/analysis/charts/times.ts";
import { drawPng, MOST_PIXELS } from "../../src/pictures/draw.ts";
import { encodePng } from "../../src/pictures/png.ts";
import { countColours, decode } from "./png.ts";

const steps = (value: (step: number) => number, length = 1000) =>
  Array.from({ length }, (_, step) => ({ step, value: value(step) }));

Deno.test("encodePng: exact colours up to 64, the nearest for the rest", () => {
  const data = new Uint8Array(4 * 100);
  for (let pixel = 0; pixel < 100; pixel++) {
    data.set(pixel < 90 ? [255, 255, 255, 255] : [0, 2 * (pixel - 90), 255, 255], 4 * pixel);
  }
  const picture = decode(encodePng({ width: 10, height: 10, data }));
  assert.equal(picture.at(0, 0), "#ffffff");
  assert.equal(picture.at(0, 9), "#0000ff");
});

Deno.test("a curve chart is a small picture with each curve's colour in it", async () => {
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
  const png = await drawPng(spec);
  const picture = decode(png);
  assert.ok(png.length <= 40_000, `${png.length} bytes`);
  assert.ok(picture.width * picture.height <= MOST_PIXELS);
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

Deno.test("the same specification gives the same bytes", async () => {
  const { spec } = chartBars({
    title: "scores",
    panels: [{ title: "accuracy", bars: [{ name: "a", value: 0.5, interval: [0.4, 0.6] }] }],
  });
  assert.deepEqual(await drawPng(spec), await drawPng(spec));
});

Deno.test("times are drawn without the time zone of the machine", async () => {
  const points = [0, 1, 2].map((hour) => ({
    at: Date.UTC(2026, 10, 6, hour),
    seconds: 1 + hour,
    failed: hour === 1,
  }));
  const { spec } = chartTimes({ title: "traces", points });
  const { renderSvg } = await import("../../src/pictures/renderer.ts");
  const svg = await renderSvg(spec);
  assert.match(svg, />(Fri 06|12 AM|November|Nov 06)</);
  assert.doesNotMatch(svg, /<script|href="http/);
});
