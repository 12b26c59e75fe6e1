/** RLIKE on a local store finds what Python finds, and takes linear time. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { compileSearch } from "../../../src/mlflow/local/python_regex.ts";
import { run } from "../../support/python/command.ts";
import { findPython } from "../../support/python/interpreter.ts";

/** As MLflow calls it; there, what Python does not compile matches nothing. */
const PYTHON = `
import json, re, sys, warnings
warnings.simplefilter("ignore")
def search(pattern, texts):
    try:
        return [text for text in texts if re.search(pattern, text) is not None]
    except (re.error, OverflowError):
        return None
patterns, texts = json.load(open(sys.argv[1], encoding="utf-8"))
print(json.dumps([search(pattern, texts) for pattern in patterns]))
`;

/** The texts in which Python finds each pattern; null for a pattern that it does not compile. */
async function searchWithPython(patterns: readonly string[]): Promise<(string[] | null)[]> {
  const { path } = await findPython();
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, JSON.stringify([patterns, TEXTS]));
    const { code, stdout, stderr } = await run(path, ["-I", "-c", PYTHON, file]);
    assert.equal(code, 0, stderr);
    return z.array(z.array(z.string()).nullable()).parse(JSON.parse(stdout));
  } finally {
    await Deno.remove(file);
  }
}

/** Compares all patterns; gives those that Python takes, and of these the ones that are refused. */
async function compare(
  patterns: readonly string[],
): Promise<{ valid: string[]; refused: string[] }> {
  const expected = await searchWithPython(patterns);
  const valid = patterns.filter((_, index) => expected[index] !== null);
  const refused: string[] = [];
  const differing: unknown[] = [];
  for (const [index, pattern] of patterns.entries()) {
    const theirs = expected[index] ?? [];
    try {
      const ours = TEXTS.filter(compileSearch(pattern));
      const wrong = TEXTS.filter((text) => ours.includes(text) !== theirs.includes(text));
      if (wrong.length > 0) differing.push([pattern, wrong]);
    } catch (error) {
      assert.match(String(error), /cannot be used: ./);
      if (expected[index] !== null) refused.push(pattern);
    }
  }
  assert.deepEqual(differing, []);
  return { valid, refused };
}

// deno-fmt-ignore
const TEXTS: readonly string[] = [
  "", "a", "ab", "abc", "A", "aB1", "x_y", "12", "٣", "½", "\n", "a\n", "a\nb", "\na", "a\r\nb",
  "a b", "a\tb", "a\u00a0b", "a\u2028b", "a\ufeffb", "\u001cx", "é", "É", "ß", "straße", "a é",
  "İstanbul", "ıI", "i", "I", "ſ", "K", "東京", "🚀", "🚀a", "e\u0301", "[a]", "a-b", "{2}",
  "a{2}", "aa", "aaa", "]", "^", "$", "\\", "a.b", "a|b", "(a)", "foo bar", "éfoo", "foo é foo",
  "foo_bar-1", "\u0085", "#x y", "a\n\n", "éa\n", "\ufdd0a",
];

Deno.test("patterns that people write find what Python finds", async () => {
  // deno-fmt-ignore
  const { refused } = await compare([
    "", "a", "^a", "a$", "^a$", "\\Aa", "a\\Z", "(?m)^a$", "(?m)^b", "(?s)a.b", "a.b", "^.$", "^$",
    "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "^\\w+$", "^\\s*$", "\\bfoo\\b", "\\bé", "é\\b",
    "\\b", "\\b\\w\\b", "^\\b", "\\b^a", "\\b$", "(?m)\\b^a", ".\\b.", "[^a]\\b", "\\W\\b\\w",
    "(?i)\\bFOO", "(?i)i", "(?i)I", "(?i)é", "(?i)ß", "(?i)[a-z]", "(?i)[^a-z]", "(?i)s", "(?i)k",
    "(?P<x>a)b", "(?:a|b)c", "(a)(b)", "[^\\W\\d_]", "(?i)[^\\W_]", "\\b[^\\W_]", "a{2}", "a{2,}", "a{,2}b", "a{1,2}$", "a{,}", "a{x}", "a{}",
    "x{1", "a*?b", "a+?", "[]]", "[^]]", "[a-]", "[-a]", "[\\d_]", "[^\\d\\s]",
    "[\\]]", "[.]", "[&&]", "[a||b]", "[[:alpha:]]", "[\\b]", "\\x41", "\\u00e9", "\\U0001F680",
    "\\n", "\\.", "\\-", "\\/", "\\_", "\\ ", "#", "a|", "|a", "()", "(?:)", "(^|_)foo", "(a$|b)",
    "(a|b$)$|c", "\\n$", "$|b", "(?im)^A$", "\\{2\\}", "[\\w.-]+@", "^(?:a|aa)+$", "a$\\n|b|c d",
  ]);
  assert.deepEqual(refused, ["(a|b$)$|c", "a$\\n|b|c d"]);
});

const REFUSED: Readonly<Record<string, RegExp>> = {
  "(a)\\1": /\\1 is not supported/,
  "(?P<x>a)(?P=x)": /\(\?P= is not supported/,
  "(a)?(?(1)b|c)": /\(\?\(1 is not supported/,
  "(?>a)": /\(\?>a is not supported/,
  "(?=a)": /\(\?=a is not supported/,
  "a(?!b)": /\(\?!b is not supported/,
  "(?<=a)b": /\(\?<= is not supported/,
  "(?<!a)b": /\(\?<! is not supported/,
  "(?#note)a": /\(\?#n is not supported/,
  "a*+": /nothing for \+ to repeat/,
  "a{1,2}+": /nothing for \+ to repeat/,
  "(?x) a": /mode "x"/,
  "(?a)\\w": /mode "a"/,
  "a(?i)b": /only allowed at the very beginning/,
  "a(?i:b)": /only allowed at the very beginning/,
  "(?<x>a)": /\(\?<x is not supported/,
  "\\Boo": /\\B is not supported/,
  "\\N{DIGIT ONE}": /\\N is not supported/,
  "\\101": /\\1 is not supported/,
  "\\p{L}": /\\p is not supported/,
  "[\\D\\S]": /\\D, \\W, \\S within .* is not supported/,
  "[\\d-z]": /range/,
  "[z-a]": /range/,
  "(a": /missing closing \)/,
  "[a": /never closed/,
  "a)": /unexpected \)/,
  "a\\": /backslash/,
  "^*": /nothing for \* to repeat/,
  "a**": /nothing for \* to repeat/,
  "a{2}{3}": /nothing for \{3\} to repeat/,
  "x{1001}": /invalid repeat count/,
  "(a$)\\n": /something follows a \$/,
  ["a".repeat(10_000)]: /too long/,
};

Deno.test("syntax that RE2 lacks is named and refused", () => {
  for (const [pattern, reason] of Object.entries(REFUSED)) {
    assert.throws(() => compileSearch(pattern), { message: reason }, pattern);
  }
});

// deno-fmt-ignore
const piece = fc.constantFrom(
  "a", "b", "A", "i", "1", " ", "\\n", ".", "^", "$", "|", "*", "+", "?", "{2}", "{,2}", "*?", "(",
  ")", "(?:", "(?P<n>", "(?i)", "(?m)", "(?s)", "[", "]", "[^", "-", "\\d", "\\D", "\\w", "\\W",
  "\\s", "\\S", "\\b", "\\A", "\\Z", "\\.", "é",
);

Deno.test("generated patterns find what Python finds, or are refused", async () => {
  const pattern = fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
  const patterns = fc.sample(pattern, { numRuns: 5_000, seed: 21 });
  const { valid, refused } = await compare(patterns);
  assert.ok(
    refused.length < valid.length / 10,
    `${refused.length} of ${valid.length} were refused`,
  );
});

Deno.test("nested quantifiers take linear time", () => {
  const matches = compileSearch("((((a+)+)+)+)+$");
  assert.equal(matches("a".repeat(1_000_000) + "b"), false);
  assert.equal(matches("b".repeat(1_000_000) + "a"), true);
});

Deno.test("a pattern that is expensive on long texts is refused", () => {
  const matches = compileSearch("(a|b)*a(a|b){900}[cd]");
  assert.throws(() => matches("ab".repeat(1_000_000)), {
    message: /too costly for a text of 2000000/,
  });
});
