import assert from "node:assert/strict";
import { createLog, LOG_LEVELS, type LogOptions } from "../../src/core/log.ts";

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

Deno.test("a JSON line is one object, in which fields replace no member of its own", () => {
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

Deno.test("no value breaks out of its line or controls the terminal", () => {
  for (const format of ["human", "json"] as const) {
    const { log, lines } = capture({ format });
    log.warning("a\nERROR forged\r\n", { detail: "\u001B[2J\u009Bx\u0000", other: "b\nc" });
    assert.equal(lines.length, 1);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(lines[0]?.slice(0, -1) ?? "", /[\u0000-\u001F\u007F-\u009F]/);
  }
});

Deno.test("logging a value without a JSON form does not throw", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const format of ["human", "json"] as const) {
    const { log, lines } = capture({ format });
    log.error("x", { circle, big: 10n, nothing: undefined, call: () => {} });
    assert.equal(lines.length, 1);
  }
});

Deno.test("secrets are hidden in every form", () => {
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

Deno.test("createLog: secrets learned later are hidden from then on", () => {
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

Deno.test("createLog: a renewed secret is hidden for an hour after its end, then forgotten", () => {
  let now = 0;
  const log = createLog({
    ...{ level: "DEBUG", format: "human", secrets: ["given-at-start"], write: () => {} },
    now: () => now,
  });
  log.hide(["learnt-and-kept"]);
  const hour = 3_600_000;
  for (let number = 0; number < 1000; number++, now += hour) {
    log.hide([`token-number-${number}-`], 3600);
    for (const secret of ["given-at-start", "learnt-and-kept"]) {
      assert.equal(log.redact(secret), "***");
    }
    // The one in use, and the one before.
    assert.equal(log.redact(`token-number-${number}-`), "***");
    if (number > 0) assert.equal(log.redact(`token-number-${number - 1}-`), "***");
    const old = `token-number-${number - 3}-`;
    assert.equal(log.redact(old), old);
  }
  // One that is learnt again, or for good, is kept for the longer time.
  log.hide(["twice-learnt"], 3600);
  log.hide(["twice-learnt", "once-learnt"], 10 * 3600);
  log.hide(["twice-learnt"], 1);
  log.hide(["given-at-start", "unknown-life"], Number.NaN);
  now += 10 * hour;
  log.hide([]);
  const kept = "twice-learnt once-learnt given-at-start unknown-life";
  assert.equal(log.redact(kept), "*** *** *** ***");
});
