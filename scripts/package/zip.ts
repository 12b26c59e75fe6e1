/** Reproducible archives: their bytes depend only on their files. */
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { type Zippable, zipSync } from "fflate";
import { FILE_TIME } from "../bundle.ts";

/** A file of an archive. */
export interface Entry {
  /** Its path, with slashes. */
  readonly path: string;
  /** What is in it. */
  readonly bytes: Uint8Array;
  /** Whether it is a program. */
  readonly program?: boolean;
}

/** An entry of text. */
export function textEntry(path: string, text: string, program = false): Entry {
  return { path, bytes: new TextEncoder().encode(text), program };
}

function sortEntries(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((one, other) => one.path < other.path ? -1 : 1);
}

function mode({ program }: Entry): number {
  return program === true ? 0o755 : 0o644;
}

/** A zip file: wheels, `.mcpb` files, archives for Windows. */
export function zip(entries: readonly Entry[]): Uint8Array {
  // Zip files store local time: make it the same everywhere.
  const mtime = FILE_TIME.getTime() + FILE_TIME.getTimezoneOffset() * 60_000;
  const files: Zippable = {};
  for (const entry of sortEntries(entries)) {
    // Unix file type and permissions.
    const attrs = ((0o100000 | mode(entry)) << 16) >>> 0;
    files[entry.path] = [entry.bytes, { mtime, level: 9, os: 3, attrs }];
  }
  return zipSync(files);
}

const BLOCK = 512;

/** A gzipped tar file: npm packages, archives for everybody else. */
export function tarball(entries: readonly Entry[]): Uint8Array {
  const parts = sortEntries(entries).flatMap((entry) => {
    const rest = (BLOCK - entry.bytes.length % BLOCK) % BLOCK;
    return [header(entry), entry.bytes, new Uint8Array(rest)];
  });
  const packed = gzipSync(Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]), { level: 9 });
  // Byte 9 is the operating system: always "unknown".
  packed[9] = 255;
  return packed;
}

function header(entry: Entry): Uint8Array {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}`;
  if (Buffer.byteLength(entry.path) > 100) throw new RangeError(`${entry.path} is too long.`);
  bytes.write(entry.path, 0);
  bytes.write(octal(mode(entry), 8), 100);
  bytes.write(octal(0, 8), 108);
  bytes.write(octal(0, 8), 116);
  bytes.write(octal(entry.bytes.length, 12), 124);
  bytes.write(octal(FILE_TIME.getTime() / 1000, 12), 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write("0", 156);
  bytes.write("ustar\0" + "00", 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 7)}\0 `, 148);
  return bytes;
}
