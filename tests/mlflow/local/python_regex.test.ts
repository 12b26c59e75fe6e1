/** Regular expressions as Python means them, compared with Python itself. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { pythonSearch } from "../../../src/mlflow/local/python_regex.ts";
import { run } from "../../support/python/command.ts";
import { findPython } from "../../support/python/interpreter.ts";

const PYTHON = `
import json, re, sys, warnings
warnings.simplefilter("ignore")
cases = json.load(open(sys.argv[1], encoding="utf-8"))
out = []
for pattern, texts in cases:
    try:
        compiled = re.compile(pattern)
        out.append([compiled.search(text) is not None for text in texts])
    except (re.error, OverflowError):
        out.append(None)
print(json.dumps(out))
`;

type Case = readonly [pattern: string, texts: readonly string[]];

/** What Python finds in each text; null where it does not take the pattern. */
async function python(cases: readonly Case[]): Promise<(boolean[] | null)[]> {
  const { path } = await findPython();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, JSON.stringify(cases));
    const { code, stdout, stderr } = await run(path, ["-I", "-c", PYTHON, file]);
    assert.equal(code, 0, stderr);
    return z.array(z.array(z.boolean()).nullable()).parse(JSON.parse(stdout));
  } finally {
    await Deno.remove(file);
  }
}

/** What we find, or the refusal's message. */
function ours([pattern, texts]: Case): boolean[] | string {
  try {
    const regex = pythonSearch(pattern);
    return texts.map((text) => regex.test(text));
  } catch (error) {
    return String(error);
  }
}

const TEXTS: readonly string[] = [
  ...[
    "",
    "a",
    "ab",
    "abc",
    "A",
    "aB1",
    "x_y",
    "12",
    "٣",
    "½",
    "\n",
    "a\n",
    "a\nb",
    "\na",
    "a\r\nb",
  ],
  ...["a b", "a\tb", "a\u00a0b", "a\u2028b", "a\ufeffb", "\u001cx", "é", "É", "ß", "straße"],
  ...[
    "İstanbul",
    "ıI",
    "i",
    "I",
    "ſ",
    "K",
    "東京",
    "🚀",
    "🚀a",
    "e\u0301",
    "[a]",
    "a-b",
    "{2}",
    "a{2}",
  ],
  ...[
    "aa",
    "aaa",
    "]",
    "^",
    "$",
    "\\",
    "a.b",
    "a|b",
    "(a)",
    "foo bar",
    "foo_bar-1",
    "\u0085",
    "#x y",
  ],
];

Deno.test("the constructs that differ mean what Python means", async () => {
  const patterns = [
    ...["", "a", "^a", "a$", "^a$", "\\Aa", "a\\Z", "(?m)^a$", "(?m)^b", "(?s)a.b", "a.b", "^.$"],
    ...[
      "\\d",
      "\\D",
      "\\w",
      "\\W",
      "\\s",
      "\\S",
      "^\\w+$",
      "^\\s*$",
      "\\bfoo\\b",
      "\\Bar",
      "\\B",
      "\\b",
    ],
    ...[
      "(?i)i",
      "(?i)I",
      "(?i)é",
      "(?i)ß",
      "(?i)[a-z]",
      "(?i)[^a-z]",
      "(?i)s",
      "(?i)k",
      "(?i:A)b1",
    ],
    ...["(?P<x>a)b", "(?:a|b)c", "(a)(b)", "(?=a)", "(?!a).", "(?<=a)b", "(?<!a)b", "(?#note)a"],
    ...["a{2}", "a{2,}", "a{,2}b", "a{1,2}$", "{2}", "a{,}", "a{x}", "a{}", "x{1", "a*?b", "a+?"],
    ...[
      "[]]",
      "[^]]",
      "[a-]",
      "[-a]",
      "[\\d_]",
      "[^\\d\\s]",
      "[\\W]",
      "[^\\W]",
      "[\\]]",
      "[.]",
      "[&&]",
    ],
    ...["[a||b]", "[[:alpha:]]", "[\\b]", "\\x41", "\\u00e9", "\\U0001F680", "\\0", "\\101", "\\n"],
    ...["\\.", "\\-", "\\/", "\\_", "\\ ", "#", "a|", "|a", "()", "(?:)", "(?s:.)$", "(?-i:a)"],
    ...[
      "^*",
      "$*",
      "a**",
      "*a",
      "+",
      "?",
      "a{2}{3}",
      "(",
      ")",
      "[",
      "[b-a]",
      "[\\d-z]",
      "\\",
      "(?P<1>a)",
    ],
    ...[
      "(?<x>a)",
      "\\q",
      "\\p{L}",
      "(?z)a",
      "a(?i)",
      "(?P=x)",
      "\\8",
      "(?<=a+)b",
      "(?<=a|bc)b",
      "(?y:a)",
    ],
  ];
  const cases = patterns.map((pattern): Case => [pattern, TEXTS]);
  const theirs = await python(cases);
  const untranslated: string[] = [];
  cases.forEach((one, index) => {
    const found = ours(one);
    const expected = theirs[index];
    if (typeof found === "string") {
      assert.match(found, /cannot be used: ./, one[0]);
      if (expected !== null) untranslated.push(one[0]);
    } else assert.deepEqual(found, expected, one[0]);
  });
  // What Python takes and we do not.
  assert.deepEqual(untranslated, ["(?#note)a"].filter((one) => untranslated.includes(one)));
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["(a)\\1", /back-references/],
  ["(?P<x>a)(?P=x)", /back-references/],
  ["(a)?(?(1)b|c)", /conditions/],
  ["(?>a)", /atomic/],
  ["a*+", /possessive/],
  ["a{1,2}+", /possessive/],
  ["(?x) a", /mode "x"/],
  ["(?a)\\w", /mode "a"/],
  ["\\N{DIGIT ONE}", /by name/],
  ["a(?i)b", /very beginning/],
  ["(?<=a+)b", /variable width/],
  ["[z-a]", /backwards/],
  ["(a", /never closed/],
  ["[a", /never closed/],
  ["a)", /never opened/],
  ["a\\", /backslash/],
  ["\\p{L}", /means nothing/],
  ["x{99999999}", /too large/],
];

Deno.test("what cannot be translated is refused with the reason", () => {
  for (const [pattern, reason] of REFUSED) {
    assert.throws(
      () => pythonSearch(pattern),
      (error: unknown) => reason.test(String(error)),
      pattern,
    );
  }
});

const piece = fc.constantFrom(
  ...["a", "b", "A", "i", "1", " ", "\\n", ".", "^", "$", "|", "*", "+", "?", "{2}", "{,2}", "*?"],
  ...["(", ")", "(?:", "(?P<n>", "(?=", "(?!", "(?<=", "(?i)", "(?m)", "(?s)", "(?i:", "(?m:"],
  ...[
    "[",
    "]",
    "[^",
    "-",
    "\\d",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\b",
    "\\B",
    "\\A",
    "\\Z",
    "\\.",
    "é",
  ],
);

Deno.test("generated patterns find what Python finds, or are refused", async () => {
  const pattern = fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
  const cases = fc.sample(pattern, { numRuns: 4000, seed: 21 }).map((one): Case => [one, TEXTS]);
  const theirs = await python(cases);
  let compared = 0;
  cases.forEach((one, index) => {
    const found = ours(one);
    if (typeof found === "string") return;
    assert.deepEqual(found, theirs[index], JSON.stringify(one[0]));
    compared++;
  });
  const accepted = theirs.filter((one) => one !== null).length;
  assert.ok(compared > accepted * 0.9, `${compared} of ${accepted} were translated`);
});
