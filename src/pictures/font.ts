/**
 * Widths of a TrueType font's characters, from its tables `cmap` (format 4) and `hmtx`.
 *
 * @returns A function that gives a text's width as a part of its font size.
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

/** The glyph of a code point; 0 for one that the font lacks. */
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
