/** The variation sequences that Unicode 17 and the IVD of 2022-09-13 have, and no others. */
import assert from "node:assert/strict";
import { isVariant, stripInvisible } from "../../src/core/visible.ts";

const SELECTORS = [
  ...[0x180B, 0x180C, 0x180D, 0x180F],
  ...Array.from({ length: 16 }, (_, index) => 0xFE00 + index),
];

/** How many bases up to `last` have a variant by each of the selectors. */
function countVariants(selectors: readonly number[], last: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let code = 0; code <= last; code++) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    const base = String.fromCodePoint(code);
    for (const selector of selectors) {
      if (!isVariant(base, String.fromCodePoint(selector))) continue;
      const name = selector.toString(16);
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}

Deno.test("letters, signs and emoji have the variants of Unicode's tables", () => {
  const expected = { "180b": 40, "180c": 14, "180d": 6, fe00: 1048, fe01: 148, fe02: 48 };
  assert.deepEqual(countVariants(SELECTORS, 0x33FFF), {
    ...expected,
    ...{ fe03: 1, fe06: 1, fe0e: 371, fe0f: 371 },
  });
});

Deno.test("ideographs have their registered variants", () => {
  let all = 0;
  for (let code = 0x3400; code < 0x32400; code++) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    const base = String.fromCodePoint(code);
    for (let nth = 0; isVariant(base, String.fromCodePoint(0xE0100 + nth)); nth++) all++;
  }
  assert.equal(all, 29_437);
  assert.ok(isVariant("\u9089", "\u{E011F}"), "the ideograph with the most");
  assert.ok(!isVariant("\u9089", "\u{E0120}"));
});

Deno.test("selectors carry no message after bases without such a variant", () => {
  for (const base of ["\u8FD9", "\u4EEC", "\u182B", "\u1834", "\u0915", "\u0431", "7"]) {
    for (const selector of ["\u{E0100}", "\u{E0101}", "\u180B", "\uFE00", "\uFE05"]) {
      assert.equal(stripInvisible(base + selector).text, base, JSON.stringify(base + selector));
    }
  }
});
