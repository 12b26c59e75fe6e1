import assert from "node:assert/strict";
import fc from "fast-check";
import { isPlainJson, stripInvisible, stripInvisibleDeep } from "../../src/core/visible.ts";

/** Text with many of the characters that matter, and the code points around them. */
const tricky = fc.array(
  fc.oneof(
    fc.constantFrom(
      ..."\u200B\u200C\u200D\u200E\u202E\u2060\uFE00\uFE0E\uFE0F\uFEFF\u00AD\u034F\u0301",
      "\u{E0041}",
      "\u{E0101}",
      "\u{E007F}",
      "\u{1F3F4}",
      "\u{1F3F4}\u{E0067}\u{E0062}",
      "\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
      "\u{1F3FD}",
      "\u2800",
      "\u2813",
      "\u1820",
      "\u180B",
      "\u180E",
      "\u{13000}",
      "\u{13430}",
      "\u{1BCA0}",
      "葛",
      "0",
      "\u20E3",
      "\u{1F469}",
      "\u{1F525}",
      "\u2764",
      "\u0915\u094D",
      "\u06CC",
      "a",
      "\uD83D",
      "\uDC69",
      "\u001B",
    ),
    fc.string({ unit: "binary", maxLength: 2 }),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

Deno.test("hidden characters are removed and counted", () => {
  const cases: readonly [string, string][] = [
    ["bidirectional override", "abc\u202Etxt.exe\u202C"],
    ["isolates", "\u2066abc\u2069"],
    ["zero-width space and joiners", "i\u200Bg\u200Cn\u200Do\u2060r\uFEFFe"],
    ["tag characters", "safe\u{E0069}\u{E0067}\u{E006E}"],
    ["supplementary variation selectors", "a\u{E0100}\u{E01EF}"],
    ["controls", "a\u0000b\u001B[31mc\u009Bd\u007F"],
    ["soft hyphen, grapheme joiner, fillers", "a\u00ADb\u034Fc\u3164d\u115F"],
    ["Mongolian selectors, musical and Khmer controls", "a\u180Eb\u{1D173}c\u17B4"],
    ["line and paragraph separators", "a\u2028b\u2029"],
    ["variation selectors on plain letters", "h\uFE00e\uFE01l\uFE0Fl\uFE0Eo\uFE0D"],
    ["shorthand format controls", "a\u{1BCA0}b\u{1BCA1}c\u{1BCA2}d\u{1BCA3}"],
    ["controls of hieroglyphs without any", "a\u{13430}b\u{1343F}"],
    ["blank Braille without any", "a\u2800b\u2800\u2800"],
    ["Mongolian selectors without any", "a\u180Bb\u180Fc"],
    ["tags of other flags, or none", "a\u{E0067}\u{E0062}\u{E007F}"],
    ["unassigned characters to ignore", "a\u2065b\uFFF0c\u{E0FFF}"],
  ];
  for (const [name, text] of cases) {
    const { text: clean, removed } = stripInvisible(text);
    assert.match(clean, /^[\x20-\x7E]+$/, name);
    assert.equal(removed, text.length - clean.length, name);
    assert.ok(removed > 0, name);
  }
});

Deno.test("text that people write stays as it is", () => {
  for (
    const text of [
      "plain ASCII\twith\r\nlines",
      "Zürich, naïve, e\u0301",
      "مى‌خواهم نمی‌دانم",
      "क्‍ष श्‍र क्‌ष",
      "ශ්‍රී ලංකාව",
      "👩‍👩‍👧‍👦 👩🏽‍💻 ❤️‍🔥 🏳️‍🌈 1️⃣ ☎︎",
      "🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿 🇩🇪",
      "❤‍🔥 👁‍🗨 🏃🏽‍♀️‍➡️ 🧑🏾‍🤝‍🧑🏻 ⌚︎ ⌚️",
      "葛\u{E0100}城市 辻\u{E0101}さん 朗\uFE00 金\uFE00",
      "ᠮᠣᠩᠭᠣᠯ ᠠ\u180B ᠬᠠ\u180Eᠠ",
      "0\uFE00 ∩\uFE00 𝒜\uFE01 。\uFE01",
      "⠓⠑⠇⠇⠕\u2800⠺⠕⠗⠇⠙ \u2800\u2800⢀⡠⠤",
      "\u{13000}\u{13430}\u{13001} \u{13117}\uFE02",
      "日本語 中文 한국어",
      "∑ x² → ∞",
    ]
  ) {
    assert.deepEqual(stripInvisible(text), { text, removed: 0 });
  }
});

Deno.test("a run of joiners or variation selectors cannot carry a message", () => {
  assert.equal(stripInvisible("👩" + "\u200D\u200C".repeat(50)).text, "👩");
  assert.equal(stripInvisible("ب" + "\u200D\u200C".repeat(50)).text, "ب\u200D");
  assert.equal(stripInvisible("☎" + "\uFE0E\uFE0F".repeat(50)).text, "☎\uFE0E");
  assert.equal(stripInvisible("🏴" + "\u{E0068}\u{E0069}\u{E007F}").text, "🏴");
  assert.equal(stripInvisible("👩\u200D🏠 👩\u200D👩\u200D👩").text, "👩🏠 👩👩👩");
  assert.equal(stripInvisible("葛\u{E0100}\u{E0101}\u{E01EF}").text, "葛\u{E0100}");
  assert.equal(stripInvisible("e\u0301\u200Dx").text, "e\u0301x");
  assert.equal(stripInvisible("\uFE0F\u200D").text, "");
  assert.equal(stripInvisible("a\u200Db").text, "ab");
});

Deno.test("lone surrogates become replacement characters, pairs stay", () => {
  assert.equal(stripInvisible("a\uD83Db").text, "a\uFFFDb");
  assert.equal(stripInvisible("\uDC69👩").text, "\uFFFD👩");
});

Deno.test("stripping twice is stripping once, and the rest is well formed", () => {
  fc.assert(
    fc.property(tricky, (text) => {
      const once = stripInvisible(text).text;
      assert.deepEqual(stripInvisible(once), { text: once, removed: 0 });
      assert.ok(once.isWellFormed());
      assert.doesNotMatch(once, /[\u200B\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("values are copied, and keys are stripped without losing any", () => {
  const input = Object.freeze({
    list: Object.freeze(["a\u200B", 1, null, true]),
    "sta\u200Btus": "ERROR",
    status: "OK",
    "__proto__x": 1,
  });
  const { value, removed } = stripInvisibleDeep(input);
  assert.deepEqual(value, {
    list: ["a", 1, null, true],
    status: "ERROR",
    "status*": "OK",
    "__proto__x": 1,
  });
  assert.equal(removed, 2);
  const proto: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
  assert.equal(JSON.stringify(stripInvisibleDeep(proto).value), JSON.stringify(proto));
});

Deno.test("any JSON value keeps its shape and is not changed itself", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
    const before = JSON.stringify(value);
    const plain = before.replaceAll(/[^\x20-\x7E]/g, "?");
    const parsed: unknown = JSON.parse(plain);
    assert.equal(JSON.stringify(stripInvisibleDeep(parsed).value), JSON.stringify(parsed));
    stripInvisibleDeep(value);
    assert.equal(JSON.stringify(value), before);
  }));
});

Deno.test("plain JSON text has nothing to strip", () => {
  const hidden = fc.constantFrom(
    "a\u200Bb",
    "\u0007",
    "\b",
    "\f",
    "\x7F",
    "\uD800",
    "\u202E",
    "\u0085",
  );
  const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), hidden);
  const value = fc.oneof(fc.jsonValue(), text, fc.array(text), fc.dictionary(text, text));
  fc.assert(fc.property(value, (one) => {
    const { value: clean, removed } = stripInvisibleDeep(one);
    if (!isPlainJson(JSON.stringify(one))) return;
    assert.equal(clean, one);
    assert.equal(removed, 0);
  }));
  fc.assert(fc.property(hidden, (one) => assert.equal(isPlainJson(JSON.stringify([one])), false)));
  for (const plain of ["a\tb\r\n", 'quote "', "~ !", ""]) {
    assert.ok(isPlainJson(JSON.stringify({ [plain]: plain })));
  }
});
