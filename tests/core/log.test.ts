import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createLog,
  createRedactor,
  LOG_LEVELS,
  type LogOptions,
  redactDeep,
} from "../../src/core/log.ts";

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "DEBUG",
    format: "human",
    secrets: [],
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

Deno.test("lines below the level are dropped", () => {
  for (const [index, level] of LOG_LEVELS.entries()) {
    const { log, lines } = capture({ level });
    log.debug("a");
    log.info("b");
    log.warning("c");
    log.error("d");
    assert.equal(lines.length, LOG_LEVELS.length - index, level);
  }
});

Deno.test("a human line has time, level, message and fields", () => {
  const { log, lines } = capture();
  log.info("Started", { port: 8080, url: "http://x", list: [1] });
  assert.match(
    lines[0] ?? "",
    /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {4}Started port=8080 url=http:\/\/x list=\[1\]\n$/,
  );
});

Deno.test("a JSON line is one object whose own members win", () => {
  const { log, lines } = capture({ format: "json" });
  log.error("Failed", { status: 500, level: "forged", message: "forged", nested: { a: 1 } });
  const line: unknown = JSON.parse(lines[0] ?? "");
  assert.ok(line !== null && typeof line === "object" && "time" in line);
  assert.deepEqual({ ...line, time: "" }, {
    time: "",
    level: "ERROR",
    message: "Failed",
    status: 500,
    nested: { a: 1 },
  });
});

Deno.test("nothing breaks out of its line or steers a terminal", () => {
  for (const format of ["human", "json"] as const) {
    const { log, lines } = capture({ format });
    log.warning("a\nERROR forged\r\n", { detail: "\u001B[2J\u009Bx\u0000", other: "b\nc" });
    assert.equal(lines.length, 1);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(lines[0]?.slice(0, -1) ?? "", /[\u0000-\u001F\u007F-\u009F]/);
  }
});

Deno.test("values without a JSON form do not fail the caller", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const format of ["human", "json"] as const) {
    const { log, lines } = capture({ format });
    log.error("x", { circle, big: 10n, nothing: undefined, call: () => {} });
    assert.equal(lines.length, 1);
  }
});

Deno.test("secrets never appear, in whatever form they are written", () => {
  const secret = 'pä$s "w\\o/rd%';
  for (const format of ["human", "json"] as const) {
    const { log, lines } = capture({ format, secrets: [secret, "short"] });
    log.error(`plain ${secret}`, {
      text: secret,
      url: `http://x/?t=${encodeURIComponent(secret)}`,
      json: JSON.stringify({ secret }),
      nested: { secret, twice: JSON.stringify({ secret }) },
      header: `Bearer ${new TextEncoder().encode(secret).toBase64()}`,
      unpadded: `Bearer ${new TextEncoder().encode(secret).toBase64({ omitPadding: true })}`,
      harmless: "short",
    });
    const line = lines.join("");
    assert.doesNotMatch(line, /pä|w\\+o|%C3%A4|cMOk/);
    assert.match(line, /short/);
    assert.match(line, /\*\*\*/);
  }
});

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

Deno.test("a secret that contains another is hidden whole", () => {
  assert.equal(createRedactor(["secret", "secret-longer"])("x secret-longer y"), "x *** y");
});

Deno.test("createLog: secrets learnt later are hidden from then on", () => {
  const lines: string[] = [];
  const log = createLog({
    level: "DEBUG",
    format: "human",
    secrets: [],
    write: (line) => void lines.push(line),
  });
  log.hide(["learnt-later-123"]);
  log.info("password learnt-later-123");
  assert.match(lines.join(""), /password \*\*\*/);
  assert.equal(log.redact("x learnt-later-123"), "x ***");
});

Deno.test("every way in which servers write a secret is found", () => {
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

Deno.test("a short secret is hidden where it is one, and stays a word elsewhere", () => {
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

Deno.test("a value is redacted in texts and keys; what holds no secret is the same object", () => {
  const redact = createRedactor(["canary-1234", "experiment"]);
  const clean = { experiment_id: "1", list: [{ a: null, b: 2 }] };
  assert.equal(redactDeep(clean, redact), clean);
  const found = { list: [{ "x-canary-1234": "t canary-1234" }], experiment: ["experiment"] };
  assert.deepEqual(redactDeep(found, redact), {
    list: [{ "x-***": "t ***" }],
    experiment: ["***"],
  });
});
