import { once } from "./values.ts";

/** Emoji that are also written as text; of those that are shown as emoji by default, Unicode's list. */
const emoji = once(() =>
  new RegExp(
    "[[\\p{Emoji}--\\p{Emoji_Presentation}]" + classOf(
      "231a-231b 23e9-23ea 23f3 25fd-25fe 2614-2615 2648-2653 267f 2693 26a1 26aa-26ab 26bd-26be " +
        "26c4-26c5 26d4 26ea 26f2-26f3 26f5 26fa 26fd 2753 2757 2b1b-2b1c 2b50 2b55 1f004 1f21a " +
        "1f22f 1f30d-1f30f 1f315 1f31c 1f378 1f393 1f3a7 1f3ac-1f3ae 1f3c2 1f3c4 1f3c6 1f3ca 1f3e0 " +
        "1f3ed 1f408 1f415 1f41f 1f426 1f442 1f446-1f449 1f44d-1f44e 1f453 1f46a 1f47d 1f4a3 1f4b0 " +
        "1f4b3 1f4bb 1f4bf 1f4cb 1f4da 1f4df 1f4e4-1f4e6 1f4ea-1f4ed 1f4f7 1f4f9-1f4fb 1f508 1f50d " +
        "1f512-1f513 1f550-1f567 1f610 1f687 1f68d 1f691 1f694 1f698 1f6ad 1f6b2 1f6b9-1f6ba 1f6bc",
    ) + "]",
    "v",
  )
);

/** Letters, signs and hieroglyphs with variants, by the selector: StandardizedVariants.txt. */
const letters = once((): ReadonlyMap<string, RegExp> =>
  new Map(
    [
      [
        "\uFE00",
        "30 1000 1002 1004 1010-1011 1015 1019-101a 101c-101d 1022 1031 1075 1078 107a 1080 210b " +
        "2110 2112 211b 212c 2130-2131 2133 2205 2229-222a 2268-2269 2272-2273 228a-228b 2293-2295 " +
        "2297 229c 22da-22db 2a3c-2a3d 2a9d-2a9e 2aac-2aad 2acb-2acc 3001-3002 a856 a85c a85e-a860 " +
        "a868 aa60-aa66 aa6b-aa6c aa6f aa7a ff01 ff0c ff0e ff10 ff1a-ff1b ff1f 10ac5-10ac6 " +
        "10ad6-10ad7 10ae1 13000-1342f 13443-13446 1d49c 1d49e-1d49f 1d4a2 1d4a5-1d4a6 1d4a9-1d4ac " +
        "1d4ae-1d4b5",
      ],
      [
        "\uFE01",
        "210b 2110 2112 211b 212c 2130-2131 2133 3001-3002 ff01 ff0c ff0e ff1a-ff1b ff1f 13000-1342f " +
        "1d49c 1d49e-1d49f 1d4a2 1d4a5-1d4a6 1d4a9-1d4ac 1d4ae-1d4b5",
      ],
      ["\uFE02", "13000-1342f"],
    ].map(([selector = "", ranges = ""]) => [selector, new RegExp(`[${classOf(ranges)}]`, "v")]),
  )
);

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
  if (/^[\uFE0E\uFE0F]$/.test(selector)) return emoji().test(base);
  if (/^[\u180B-\u180D\u180F]$/.test(selector)) {
    return /^[\p{L}&&\p{Script=Mongolian}]$/v.test(base);
  }
  // 96 % of the registered ideographic variants; the rest are of rare forms with many variants.
  if (/^[\u{E0100}-\u{E0103}]$/u.test(selector)) return /^\p{Unified_Ideograph}$/u.test(base);
  if (letters().get(selector)?.test(base) === true) return true;
  const nth = selector.charCodeAt(0) - 0xfe00;
  return nth >= 0 && nth <= 2 && (compatibilityVariants().get(base) ?? 0) > nth;
}

/** The inside of a character class from ranges as Unicode's files write them. */
function classOf(ranges: string): string {
  return ranges.replaceAll(/[0-9a-f]+/g, "\\u{$&}").replaceAll(" ", "");
}
