import assert from "node:assert/strict";
import fc from "fast-check";
import { createRedactor, readLifetime } from "../../src/core/log.ts";
import { isRecord } from "../../src/core/json.ts";
import { redactDeep } from "../../src/core/visible.ts";
import { cutText } from "../../src/core/values.ts";

Deno.test("redaction finds any secret of six characters or more, anywhere in a text", () => {
  const secret = fc.string({ minLength: 6, maxLength: 30 }).filter((text) => !"***".includes(text));
  fc.assert(fc.property(fc.string(), secret, fc.string(), (before, hidden, after) => {
    const redact = createRedactor([hidden]);
    for (const form of [hidden, encodeURIComponent(hidden), JSON.stringify(hidden)]) {
      const result = redact(before + form + after);
      // What surrounds it may happen to spell it anew only around the stars.
      assert.ok(result.includes("***"), result);
      assert.ok(!result.replaceAll("***", "\u0000").includes(hidden));
    }
  }));
  assert.equal(createRedactor([])("anything"), "anything");
});

Deno.test("a secret that was cut short is hidden too", () => {
  const secret = "local-0c7a8b3302bd4422";
  const redact = createRedactor([secret, "local-0c7a8b33-and-another"]);
  const basic = btoa(`api:${secret}`);
  const forms = { plain: secret, json: JSON.stringify({ key: secret }), basic };
  const both = createRedactor([secret, basic]);
  for (const [form, text] of Object.entries(forms)) {
    const whole = `before ${text} after`;
    for (let size = 0; size < whole.length; size++) {
      const shown = both(cutText(whole, size));
      assert.doesNotMatch(shown, /local-0c|YXBpOmxv/, `${form} ${size}`);
      assert.ok(shown.startsWith("before ".slice(0, size)), shown);
    }
  }
  // Cuts within a text, and what only begins alike.
  assert.equal(redact("a local-0c7a8… b local-0c… c local-0…"), "a ***… b ***… c local-0…");
  for (const text of ["local-0c7a8", "local-0c7a8 …", "local-0c7x…", "…", "a local-… b"]) {
    assert.equal(redact(text), text);
  }
});

Deno.test("a secret that contains another is hidden whole", () => {
  assert.equal(createRedactor(["secret", "secret-longer"])("x secret-longer y"), "x *** y");
});

Deno.test("a secret is found in every encoding that servers use", () => {
  const secret = "pä s/w+'rd<1>";
  const redact = createRedactor([secret]);
  const ways: Record<string, string> = {
    "percent-encoded": encodeURIComponent(secret),
    "percent-encoded in small letters": encodeURIComponent(secret).replace(
      /%../g,
      (code) => code.toLowerCase(),
    ),
    "a form": String(new URLSearchParams({ password: secret })),
    "JSON": JSON.stringify({ a: secret }),
    "JSON of Python": '{"a": "p\\u00e4 s/w+\'rd<1>"}',
    "JSON with slashes escaped": JSON.stringify(secret).replaceAll("/", "\\/"),
    "JSON in JSON": JSON.stringify({ a: JSON.stringify({ b: secret }) }),
    "Base64": new TextEncoder().encode(secret).toBase64(),
    "Base64 for URLs": new TextEncoder().encode(secret).toBase64({ alphabet: "base64url" }),
  };
  for (const [way, text] of Object.entries(ways)) {
    assert.match(redact(text), /\*\*\*/, way);
    assert.doesNotMatch(redact(text), /rd<1|rd%3|w%2B|w%2b|cmQ8/, way);
  }
});

Deno.test("a short secret is hidden where it is a credential, and kept as a word elsewhere", () => {
  const redact = createRedactor(["a1b2", "cat"]);
  for (
    const text of [
      "cat",
      " a1b2 ",
      "password=cat",
      '{"password": "cat"}',
      '{\\"api_key\\": \\"a1b2\\"}',
      "Authorization: Bearer a1b2",
      "http://user:cat@host/",
      "token cat, sent",
    ]
  ) assert.doesNotMatch(redact(text), /cat|a1b2/, text);
  for (const text of ["the cat sat", "category", "concat=1", "password=category", "monkey cats"]) {
    assert.equal(redact(text), text);
  }
});

Deno.test("values are redacted in texts and keys; parts without secrets are the same objects", () => {
  const redact = createRedactor(["canary-1234", "experiment"]);
  const clean = { experiment_id: "1", list: [{ a: null, b: 2 }] };
  assert.equal(redactDeep(clean, redact), clean);
  const parts = redactDeep({ clean, list: [clean, "k-canary-1"] }, createRedactor(["k-canary-1"]));
  assert.deepEqual(parts, { clean, list: [clean, "***"] });
  assert.ok(isRecord(parts) && Array.isArray(parts.list));
  assert.deepEqual([parts.clean === clean, parts.list[0] === clean], [true, true]);
  const found = { list: [{ "x-canary-1234": "t canary-1234" }], experiment: ["experiment"] };
  assert.deepEqual(redactDeep(found, redact), {
    list: [{ "x-***": "t ***" }],
    experiment: ["***"],
  });
});

Deno.test("numbers, booleans and keys are searched too", () => {
  const redact = createRedactor([
    "12345678",
    "0087654321",
    "12345678901234567",
    "true",
    "1234",
    "hunters",
  ]);
  const echoed = JSON.parse(
    '{"a": [12345678, 1], "b": {"hunters": 1, "my_hunters": 2}, "c": 87654321, "d": 12345678901234567,' +
      ' "password": 1234, "token": [true], "count": 1234, "deleted": true, "e": null, "f": 112345678}',
  );
  assert.deepEqual(redactDeep(echoed, redact), {
    a: ["***", 1],
    b: { "***": 1, "my_***": 2 },
    c: "***",
    d: "***",
    password: "***",
    token: ["***"],
    count: 1234,
    deleted: true,
    e: null,
    f: "***",
  });
  const keys = JSON.parse('{"x": {"k-canary-1": 1, "k-canary-2": 2, "__proto__": 3}}');
  assert.deepEqual(
    Object.entries(Object(redactDeep(keys, createRedactor(["k-canary-1", "k-canary-2"]))).x),
    [["***", 1], ["****", 2], ["__proto__", 3]],
  );
});

Deno.test("a secret is found with any of its characters escaped in any way", () => {
  const ways: readonly ((character: string) => string)[] = [
    (character) => character,
    (character) => unitsOf(character).map((unit) => `\\u${hex(unit, 4)}`).join(""),
    (character) => unitsOf(character).map((unit) => `\\\\u${hex(unit, 4).toUpperCase()}`).join(""),
    (character) => `&#${character.codePointAt(0)};`,
    (character) => `&#x${hex(character.codePointAt(0) ?? 0, 1)};`,
    (character) =>
      [...new TextEncoder().encode(character)].map((byte) => `%${hex(byte, 2)}`).join(""),
  ];
  const character = fc.constantFrom(..."abcXYZ0189-_.$/ä€😀");
  const written = fc.array(fc.tuple(character, fc.nat(ways.length - 1)), {
    minLength: 6,
    maxLength: 20,
  });
  fc.assert(fc.property(written, (characters) => {
    const secret = characters.map(([one]) => one).join("");
    const text = characters.map(([one, way]) => ways[way]?.(one)).join("");
    assert.match(createRedactor([secret])(`"x": "${text}", "y": 1`), /\*\*\*/, text);
  }));
  assert.equal(createRedactor(["cat"])('{"password": "c\\u0061t"}'), '{"password": "***"}');
  assert.equal(createRedactor(["cat"])("the c\\u0061t"), "the c\\u0061t");
  const foreign = '{"text": "\\u00e4\\u4e2d %41 &amp;"}';
  assert.equal(createRedactor(["canary-1"])(foreign), foreign);
});

Deno.test("a token's lifetime is read from its claims, if it has any", () => {
  const token = (claims: unknown) =>
    `e30.${
      new TextEncoder().encode(JSON.stringify(claims)).toBase64({ alphabet: "base64url" })
    }.c2ln`;
  assert.equal(readLifetime(token({ iat: 1_700_000_000, exp: 1_700_003_600, sub: "ä?~" })), 3600);
  for (
    const other of [
      "",
      "opaque",
      "a.b.c",
      "a.%.c",
      token(null),
      token({ exp: 5 }),
      token({ exp: "1", iat: 0 }),
    ]
  ) {
    assert.equal(readLifetime(other), undefined);
  }
});

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function unitsOf(character: string): number[] {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
}
