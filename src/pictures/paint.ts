/**
 * Vega-Lite to SVG, SVG to pixels, pixels to PNG. Heavy, so loaded only to draw a picture.
 *
 * @module
 */
import font from "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf" with { type: "bytes" };
import wasm from "@resvg/resvg-wasm/index_bg.wasm" with { type: "bytes" };
import * as vega from "vega";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";
import { compile } from "vega-lite";
import type { ChartSpec } from "../analysis/charts/spec.ts";
import { once } from "../core/values.ts";

/**
 * The largest picture. OpenAI's models count it as two tiles, 425 tokens; Anthropic's count one
 * token per 750 pixels, so 700.
 */
export const LARGEST = { width: 1024, height: 512 } as const;

/** A request for a picture. */
export interface ToPainter {
  readonly id: number;
  readonly spec: ChartSpec;
}

/** A picture, or why there is none. */
export type FromPainter =
  | { readonly id: number; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string };

/** Draws a specification: a PNG no larger than {@link LARGEST}, on a white ground. */
export async function paint(spec: ChartSpec): Promise<Uint8Array<ArrayBuffer>> {
  return encodePng(await rasterize(await renderSvg(spec), LARGEST));
}

const start = once(async () => {
  const advances = readAdvances(font);
  // Without a canvas Vega overestimates text widths by a fifth. Its types lack this export.
  Object.assign(Reflect.get(vega, "textMetrics"), {
    width: (item: { readonly fontSize?: number }, text: unknown) =>
      advances(String(text ?? "")) * (item.fontSize ?? 11),
  });
  await initWasm(wasm);
});

/** A chart as SVG. */
export async function renderSvg(spec: ChartSpec): Promise<string> {
  await start();
  // The compiler keeps and modifies its input.
  const copy = JSON.parse(JSON.stringify(spec));
  const { spec: compiled } = compile(copy, { logger: vega.logger(vega.None) });
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.None });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Renders an SVG to pixels, at its own size or as large as is allowed. */
export async function rasterize(
  svg: string,
  largest: { readonly width: number; readonly height: number },
): Promise<Pixels> {
  await start();
  const size = new Resvg(svg);
  // One pixel less, since sizes are rounded up.
  const zoom = Math.min(
    1,
    (largest.width - 1) / size.width,
    (largest.height - 1) / size.height,
  );
  size.free();
  const resvg = new Resvg(svg, {
    background: "#ffffff",
    fitTo: { mode: "zoom", value: zoom },
    font: { fontBuffers: [font], defaultFontFamily: "Inter", loadSystemFonts: false },
  });
  const image = resvg.render();
  try {
    return { width: image.width, height: image.height, data: image.pixels.slice() };
  } finally {
    image.free();
    resvg.free();
  }
}

/**
 * Character widths of a TrueType font, from its tables `cmap` (format 4) and `hmtx`.
 *
 * @returns A function that gives a text's width as a multiple of the font size.
 */
export function readAdvances(bytes: Uint8Array): (text: string) => number {
  const font = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = new Map<string, number>();
  for (let index = 0; index < font.getUint16(4); index++) {
    const entry = 12 + 16 * index;
    tables.set(String.fromCharCode(...bytes.subarray(entry, entry + 4)), font.getUint32(entry + 8));
  }
  const at = (name: string): number => {
    const offset = tables.get(name);
    if (offset === undefined) throw new Error(`The font has no table ${name}.`);
    return offset;
  };
  const unitsPerEm = font.getUint16(at("head") + 18);
  const metrics = font.getUint16(at("hhea") + 34);
  const glyphs = readCharacters(font, at("cmap"));
  const advance = (character: string): number => {
    const glyph = glyphs(character.codePointAt(0) ?? 0);
    return font.getUint16(at("hmtx") + 4 * Math.min(glyph, metrics - 1)) / unitsPerEm;
  };
  const known = new Map<string, number>();
  return (text) => {
    let width = 0;
    for (const character of text) {
      let one = known.get(character);
      if (one === undefined) known.set(character, one = advance(character));
      width += one;
    }
    return width;
  };
}

/** Maps a code point to its glyph; 0 if the font lacks it. */
function readCharacters(font: DataView, cmap: number): (code: number) => number {
  for (let index = 0; index < font.getUint16(cmap + 2); index++) {
    const table = cmap + font.getUint32(cmap + 8 + 8 * index);
    if (font.getUint16(table) !== 4) continue;
    const twice = font.getUint16(table + 6);
    const ends = table + 14;
    const starts = ends + twice + 2;
    const deltas = starts + twice;
    const ranges = deltas + twice;
    return (code) => {
      for (let place = 0; place < twice; place += 2) {
        if (code > font.getUint16(ends + place)) continue;
        const start = font.getUint16(starts + place);
        if (code < start) return 0;
        const range = font.getUint16(ranges + place);
        const delta = font.getUint16(deltas + place);
        if (range === 0) return code + delta & 0xffff;
        const glyph = font.getUint16(ranges + place + range + 2 * (code - start));
        return glyph === 0 ? 0 : glyph + delta & 0xffff;
      }
      return 0;
    };
  }
  throw new Error("The font has no character table of format 4.");
}

/** An opaque image as rows of RGBA bytes. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * A PNG with a palette: charts have few colours, and 8 bits per pixel compress to a third of 32.
 * The 256 commonest colours stay exact; the rest (edges of letters and lines) use the nearest.
 */
export function encodePng({ width, height, data }: Pixels): Uint8Array<ArrayBuffer> {
  const counts = new Map<number, number>();
  const colours = new Uint32Array(width * height);
  for (let index = 0; index < colours.length; index++) {
    // Five bits per channel: on edges the difference is not visible.
    const colour = coarsen(data[4 * index]) << 16 | coarsen(data[4 * index + 1]) << 8 |
      coarsen(data[4 * index + 2]);
    colours[index] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = [...counts].sort(([, a], [, b]) => b - a).slice(0, 256).map(([colour]) => colour);
  const places = new Map(palette.map((colour, place) => [colour, place]));
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colours[y * width + x] ?? 0;
      let place = places.get(colour);
      if (place === undefined) {
        place = nearest(colour, palette);
        places.set(colour, place);
      }
      rows[y * (width + 1) + 1 + x] = place;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits per pixel, indexed colour.
  header.set([8, 3, 0, 0, 0], 8);
  return Uint8Array.from(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap((one) => [one >> 16, one >> 8 & 255, one & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]));
}

function coarsen(value = 255): number {
  return value & 0xf8 | value >> 5;
}

function nearest(colour: number, palette: readonly number[]): number {
  let [best, least] = [0, Infinity];
  palette.forEach((one, place) => {
    const distance = ((one >> 16) - (colour >> 16)) ** 2 +
      ((one >> 8 & 255) - (colour >> 8 & 255)) ** 2 + ((one & 255) - (colour & 255)) ** 2;
    if (distance < least) [best, least] = [place, distance];
  });
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const result = Buffer.alloc(body.length + 8);
  result.writeUInt32BE(data.length, 0);
  body.copy(result, 4);
  result.writeUInt32BE(crc32(body), body.length + 4);
  return result;
}
