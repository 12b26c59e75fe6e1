import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";

/** An image as rows of RGBA bytes; opaque. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * A PNG with a palette: charts have few colours, and 8 bits a pixel compress to a third of 32. The
 * 256 commonest colours stay exact, the rest (edges of letters and lines) go to the nearest of them.
 */
export function encodePng({ width, height, data }: Pixels): Uint8Array<ArrayBuffer> {
  const counts = new Map<number, number>();
  const colours = new Uint32Array(width * height);
  for (let index = 0; index < colours.length; index++) {
    // Five bits a channel: steps that no eye sees on edges.
    const colour = coarse(data[4 * index]) << 16 | coarse(data[4 * index + 1]) << 8 |
      coarse(data[4 * index + 2]);
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
  // Eight bits a pixel, indexed colour.
  header.set([8, 3, 0, 0, 0], 8);
  return Uint8Array.from(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap((one) => [one >> 16, one >> 8 & 255, one & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]));
}

function coarse(value = 255): number {
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
