import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";
import { chartBars, chartCurves, chartTimes } from "../../src/analysis/chart.ts";
import { drawPng, MOST_PIXELS } from "../../src/pictures/draw.ts";
import { encodePng } from "../../src/pictures/png.ts";

interface Decoded {
  readonly width: number;
  readonly height: number;
  /** Colour of a pixel as `#rrggbb`. */
  readonly at: (x: number, y: number) => string;
}

/** Reads an indexed PNG by the specification, checksums included. */
function decode(bytes: Uint8Array): Decoded {
  const png = Buffer.from(bytes);
  assert.equal(png.subarray(0, 8).toString("latin1"), "\x89PNG\r\n\x1a\n");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    assert.equal(crc32(body), png.readUInt32BE(at + 8 + length));
    chunks.set(body.subarray(0, 4).toString(), body.subarray(4));
    at += 12 + length;
  }
  const [header, palette, data] = ["IHDR", "PLTE", "IDAT"].map((name) =>
    chunks.get(name) ?? Buffer.alloc(0)
  );
  assert.ok(header && palette && data && chunks.has("IEND"));
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8)], [8, 3, 0, 0, 0]);
  const rows = inflateSync(data);
  assert.equal(rows.length, (width + 1) * height);
  return {
    width,
    height,
    at: (x, y) => {
      const place = rows[y * (width + 1) + 1 + x] ?? 0;
      return `#${palette.subarray(3 * place, 3 * place + 3).toString("hex")}`;
    },
  };
}

/** Which colours a picture holds, and of how many pixels. */
function colours({ width, height, at }: Decoded): Map<string, number> {
  const counts = new Map<string, number>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) counts.set(at(x, y), (counts.get(at(x, y)) ?? 0) + 1);
  }
  return counts;
}

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
  const found = colours(picture);
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
    panels: [{ title: "accuracy", bars: [{ name: "a", value: 0.5, spread: 0.1 }] }],
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
