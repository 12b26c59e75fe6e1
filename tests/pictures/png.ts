import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";

/** A picture as a test reads it. */
export interface Decoded {
  readonly width: number;
  readonly height: number;
  /** Colour of a pixel as `#rrggbb`. */
  readonly at: (x: number, y: number) => string;
}

/** Reads an indexed PNG by the specification, checksums included. */
export function decode(bytes: Uint8Array): Decoded {
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
export function countColours({ width, height, at }: Decoded): Map<string, number> {
  const counts = new Map<string, number>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) counts.set(at(x, y), (counts.get(at(x, y)) ?? 0) + 1);
  }
  return counts;
}
