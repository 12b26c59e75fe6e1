import { once } from "./values.ts";
import { IDEOGRAPHS, LETTERS } from "./variant_table.ts";

/** Letters, signs, hieroglyphs and emoji with standardized variants, by the selector. */
const letters = once((): ReadonlyMap<string, RegExp> =>
  new Map(
    Object.entries(LETTERS).flatMap(([selectors, ranges]) => {
      const bases = new RegExp(`^[${writeClass(ranges)}]$`, "v");
      return selectors.split(" ").map((selector): [string, RegExp] => [
        String.fromCodePoint(Number.parseInt(selector, 16)),
        bases,
      ]);
    }),
  )
);

/** Characters of the table: each stands for the gap before an ideograph and for its variants. */
export const ALPHABET: string =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#%&*+-./:;<=>?@[]^";
/** Largest gap that one character stands for. */
export const MOST_GAP = 9;
/** Most variants that one character stands for. */
export const MOST_COUNT = 9;

/** How many registered variants an ideograph has; they are numbered from the first selector on. */
const ideographs = once((): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  let base = 0;
  for (const [one, gap, count] of IDEOGRAPHS.replaceAll(/\s/g, "").matchAll(/\((\w+),(\w+)\)|./g)) {
    const index = ALPHABET.indexOf(one);
    base += gap === undefined ? Math.floor(index / MOST_COUNT) + 1 : Number.parseInt(gap, 36);
    counts.set(base, count === undefined ? index % MOST_COUNT + 1 : Number.parseInt(count, 36));
  }
  return counts;
});

/**
 * Variants that compatibility ideographs stand for: the nth character of that decomposition has the
 * nth selector, which is how Unicode's table numbers them.
 */
const compatibilityVariants = once(() => {
  const counts = new Map<string, number>();
  for (const [first, last] of [[0xf900, 0xfaff], [0x2f800, 0x2fa1f]] as const) {
    for (let code = first; code <= last; code++) {
      const text = String.fromCodePoint(code);
      const unified = text.normalize("NFD");
      if (unified !== text) counts.set(unified, (counts.get(unified) ?? 0) + 1);
    }
  }
  return counts;
});

/** Whether Unicode defines a variant of `base` by this selector. */
export function isVariant(base: string, selector: string): boolean {
  const code = selector.codePointAt(0) ?? 0;
  if (code >= 0xE0100) return (ideographs().get(base.codePointAt(0) ?? 0) ?? 0) > code - 0xE0100;
  if (letters().get(selector)?.test(base) === true) return true;
  const nth = code - 0xFE00;
  return nth >= 0 && nth <= 2 && (compatibilityVariants().get(base) ?? 0) > nth;
}

/** The inside of a character class from ranges as Unicode's files write them. */
function writeClass(ranges: string): string {
  return ranges.replaceAll(/[0-9a-f]+/g, "\\u{$&}").replaceAll(/\s/g, "");
}
