/**
 * Reads executables without running them: which machine one is for, whether it is the base runtime
 * that `deno compile` builds on, and which settings a finished one has built in.
 */
import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";

/** The start of each target's name, by the machine's name in the three object formats. */
const ELF_MACHINES: ReadonlyMap<number, string> = new Map([[0x3e, "x86_64"], [0xb7, "aarch64"]]);
const MACHO_MACHINES: ReadonlyMap<number, string> = new Map([
  [0x01000007, "x86_64"],
  [0x0100000c, "aarch64"],
]);
const PE_MACHINES: ReadonlyMap<number, string> = new Map([
  [0x8664, "x86_64"],
  [0xaa64, "aarch64"],
]);

/** A text that only the base runtime contains, and one that only the command-line program does. */
const BASE_TEXT = "Could not find standalone binary section";
const PROGRAM_TEXT = "deno::lsp";

/** Where the embedded block begins. */
const MAGIC = "d3n0l4nd";

/** The target of a file, as `deno compile` names it; undefined for other files. */
export function readTarget(file: Uint8Array): string | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 64) return undefined;
  const named = (machine: string | undefined, rest: string) =>
    machine === undefined ? undefined : `${machine}-${rest}`;
  // ELF, 64 bit, little-endian.
  if (bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1) {
    return named(ELF_MACHINES.get(bytes.readUInt16LE(18)), "unknown-linux-gnu");
  }
  // Mach-O, 64 bit, for one machine.
  if (bytes.readUInt32LE(0) === 0xfeedfacf) {
    return named(MACHO_MACHINES.get(bytes.readUInt32LE(4)), "apple-darwin");
  }
  if (bytes.toString("latin1", 0, 2) === "MZ") {
    const header = bytes.readUInt32LE(0x3c);
    if (header + 6 > bytes.length || bytes.readUInt32BE(header) !== 0x50450000) return undefined;
    return named(PE_MACHINES.get(bytes.readUInt16LE(header + 4)), "pc-windows-msvc");
  }
  return undefined;
}

/** Why a file is not the base runtime of a version for a target; undefined if it is. */
export function findBaseFault(
  file: Uint8Array,
  target: string,
  version: string,
): string | undefined {
  const found = readTarget(file);
  if (found === undefined) return "is not an executable for any of the targets";
  if (found !== target) return `is made for ${found}`;
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.includes(PROGRAM_TEXT)) {
    return "is the deno program, whose copy would run any code without limits, and not denort";
  }
  if (!bytes.includes(BASE_TEXT)) return "is not denort";
  return bytes.includes(`Deno/${version}`) ? undefined : `is not denort of version ${version}`;
}

/** The settings that are built into a finished executable; undefined if there are none. */
export function readBaked(file: Uint8Array): Record<string, unknown> | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    const start = at + MAGIC.length + 8;
    if (start > bytes.length) return undefined;
    const length = bytes.readBigUInt64LE(start - 8);
    if (length > BigInt(bytes.length - start)) continue;
    const text = bytes.toString("utf8", start, start + Number(length));
    if (!text.startsWith('{"argv"')) continue;
    const settings: unknown = JSON.parse(text);
    if (typeof settings === "object" && settings !== null) return { ...settings };
  }
  return undefined;
}

/** The differences between the settings built in and those expected, one line each. */
export function compareBaked(
  baked: unknown,
  expected: unknown,
  path = "",
): string[] {
  if (isDeepStrictEqual(baked, expected)) return [];
  if (isPlain(baked) && isPlain(expected)) {
    const names = new Set([...Object.keys(baked), ...Object.keys(expected)]);
    return [...names].sort().flatMap((name) =>
      compareBaked(baked[name], expected[name], path === "" ? name : `${path}.${name}`)
    );
  }
  return [`${path} is ${JSON.stringify(baked)} and not ${JSON.stringify(expected)}`];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
