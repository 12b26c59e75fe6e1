/** What becomes of the answers that servers, proxies and wrong addresses give. */
import assert from "node:assert/strict";
import { cleanDetail, isHtml } from "../../src/http/body.ts";
import { path } from "../../src/http/request.ts";
import { retryAfterSeconds, waitSentence } from "../../src/http/failure.ts";
import { failure, serve, sessionWith } from "./support.ts";

const GET = { method: "GET", path: path`/api/thing` } as const;
const POST = { method: "POST", path: path`/api/thing`, json: { a: 1 } } as const;

Deno.test("each status has its kind, and says whether to try again", async () => {
  const expected: Record<number, [string, boolean]> = {
    400: ["invalid_arguments", false],
    401: ["unauthorized", false],
    403: ["forbidden", false],
    404: ["not_found", false],
    408: ["timeout", true],
    407: ["unauthorized", false],
    409: ["conflict", false],
    413: ["invalid_arguments", false],
    418: ["invalid_arguments", false],
    429: ["rate_limited", true],
    500: ["upstream_error", false],
    501: ["upstream_error", false],
    502: ["upstream_error", true],
    503: ["upstream_error", true],
    504: ["timeout", true],
    304: ["upstream_error", false],
  };
  for (const [status, [kind, retryable]] of Object.entries(expected)) {
    const code = Number(status);
    await using server = serve(() => new Response(code === 304 ? null : "", { status: code }));
    const { report, status: told } = await failure(
      sessionWith(server.url, {
        retry: { maxRetries: 0, backoffMs: 0, jitterMs: 0, respectRetryAfter: true },
      }).json(GET),
    );
    assert.deepEqual([report.error, report.retryable, told], [kind, retryable, code], status);
    assert.match(report.message, new RegExp(`HTTP ${status}`));
  }
});

Deno.test("only safe requests are repeated, as often as allowed", async () => {
  const attempts: readonly [number, "GET" | "POST", number][] = [
    [500, "GET", 1],
    [500, "POST", 1],
    [401, "GET", 1],
    [404, "GET", 1],
    [502, "GET", 3],
    [502, "POST", 1],
    [503, "GET", 3],
    [503, "POST", 1],
    [504, "GET", 3],
    [504, "POST", 1],
    [408, "GET", 3],
    [408, "POST", 1],
    [429, "GET", 3],
    [429, "POST", 3],
  ];
  for (const [status, method, count] of attempts) {
    await using server = serve(() => new Response("", { status }));
    await failure(sessionWith(server.url).json(method === "GET" ? GET : POST));
    assert.equal(server.requests.length, count, `${method} ${status}`);
  }
});

Deno.test("a POST that is declared safe is repeated, a GET that is not is not", async () => {
  await using server = serve(() => new Response("", { status: 502 }));
  await failure(sessionWith(server.url).json({ ...POST, repeatable: true }));
  assert.equal(server.requests.length, 3);
  await failure(sessionWith(server.url).json({ ...GET, repeatable: false }));
  assert.equal(server.requests.length, 4);
});

Deno.test("a successful retry is the answer", async () => {
  await using server = serve((_, count) =>
    count < 2 ? new Response("busy", { status: 503 }) : Response.json({ ok: true })
  );
  assert.deepEqual(await sessionWith(server.url).json(GET), { ok: true });
  assert.equal(server.requests.length, 3);
});

Deno.test("Retry-After is read as seconds and as a date", () => {
  const now = Date.parse("2026-11-06T12:00:00Z");
  assert.equal(retryAfterSeconds(" 7 ", now), 7);
  assert.equal(retryAfterSeconds("0.5", now), 0.5);
  assert.equal(retryAfterSeconds("Fri, 06 Nov 2026 12:00:30 GMT", now), 30);
  assert.equal(retryAfterSeconds("Fri, 06 Nov 2026 11:00:00 GMT", now), 0);
  assert.equal(retryAfterSeconds("1" + "0".repeat(20), now), 86_400);
  assert.equal(retryAfterSeconds("Fri, 31 Dec 9999 11:00:00 GMT", now), 86_400);
  assert.deepEqual([undefined, 0.4, 59, 1200, 1e9].map(waitSentence), [
    "",
    " It asks to wait 1 s.",
    " It asks to wait 59 s.",
    " It asks to wait 20 minutes.",
    " It asks to wait a day or longer.",
  ]);
  for (const nonsense of [null, "", "soon", "-5"]) {
    assert.ok((retryAfterSeconds(nonsense, now) ?? 0) === 0, String(nonsense));
  }
});

Deno.test("a wait beyond the call's deadline is not begun, and the error says how long it would be", async () => {
  for (
    const header of ["3600", new Date(Date.now() + 3_600_000).toUTCString(), "9".repeat(30)]
  ) {
    await using server = serve(() =>
      new Response("slow down", { status: 429, headers: { "retry-after": header } })
    );
    const { report } = await failure(sessionWith(server.url).json(GET));
    assert.equal(report.error, "rate_limited");
    const expected = header.startsWith("999")
      ? /wait a day or longer\.$/
      : /wait (60|61) minutes\.$/;
    assert.match(report.message, expected);
    assert.equal(server.requests.length, 1, header);
  }
});

Deno.test("a session's second request has only the time that is left", async () => {
  // The wait that the server asks for would fit into the whole time, not into what is left.
  await using server = serve((request) =>
    request.url.endsWith("/first")
      ? new Promise((resolve) => setTimeout(() => resolve(Response.json({})), 2500))
      : new Response("", { status: 429, headers: { "retry-after": "6" } })
  );
  const session = sessionWith(server.url, { timeoutMs: 8000 });
  await session.json({ method: "GET", path: path`/first` });
  const { report } = await failure(session.json(GET));
  assert.equal(report.error, "rate_limited");
  assert.equal(server.requests.length, 2);
});

Deno.test("Retry-After can be ignored by setting", async () => {
  await using server = serve((_, count) =>
    count === 0
      ? new Response("", { status: 503, headers: { "retry-after": "3600" } })
      : Response.json(1)
  );
  const retry = { maxRetries: 1, backoffMs: 0, jitterMs: 0, respectRetryAfter: false };
  assert.equal(await sessionWith(server.url, { retry }).json(GET), 1);
});

const HTML =
  "<!DOCTYPE html><html><head><title>Login</title></head><body>canary-page</body></html>";
const SQL = "(sqlite3.OperationalError) no such column: foo\n[SQL: SELECT canary_column FROM t]\n" +
  "[parameters: ('canary-parameter',)]\n(Background on this error at: https://sqlalche.me/e/20/e3q8)";
const TRACEBACK =
  'Traceback (most recent call last):\n  File "/srv/canary/app.py", line 1, in f\n' +
  "ValueError: canary";

Deno.test("HTML pages, SQL and stack traces of an error are never passed on", async () => {
  for (
    const body of [
      HTML,
      SQL,
      TRACEBACK,
      `Bad thing.\n${TRACEBACK}`,
      `Internal Server Error\n    at canary (/srv/app.js:1:1)`,
      `<h1>Bad Gateway</h1>canary`,
      `<div>canary</div>`,
      `<?xml version="1.0"?><Error>canary</Error>`,
      `Sorry: <html><body>canary`,
      `syntax error\nLINE 1: SELECT canary FROM users`,
      `{"stack":"canary"}`,
      `{"canary":`,
    ]
  ) {
    for (const status of [400, 404, 500, 503]) {
      await using server = serve(() => new Response(body, { status }));
      const retry = { maxRetries: 0, backoffMs: 0, jitterMs: 0, respectRetryAfter: true };
      const { report } = await failure(sessionWith(server.url, { retry }).json(GET));
      const text = JSON.stringify(report);
      assert.doesNotMatch(text, /canary|SELECT|Traceback|<|sqlalche|File/, `${status} ${body}`);
      assert.ok(report.message.length < 600);
    }
  }
});

Deno.test("a server's plain sentence is passed on, bounded and in one line", () => {
  assert.equal(cleanDetail("Run 'x'\n not   found. "), "Run 'x' not found");
  assert.equal(cleanDetail("at least one id is needed"), "at least one id is needed");
  assert.equal(cleanDetail("a < b and b > c"), "a < b and b > c");
  assert.equal(cleanDetail("x".repeat(5000)).length, 401);
  assert.match(cleanDetail(SQL), /^no such column: foo$/);
  assert.equal(isHtml("  \n<HTML>"), true);
  assert.equal(isHtml("<Response [400]>"), false);
});

Deno.test("the error for a reply that is not JSON says what it is", async () => {
  const cases: readonly [string, string, RegExp][] = [
    [HTML, "text/html", /a web page where JSON/],
    [HTML, "application/json", /a web page where JSON/],
    ["", "application/json", /nothing where JSON/],
    ["   ", "application/json", /nothing where JSON/],
    ["OK", "text/plain", /no valid JSON/],
    ['{"a":1', "application/json", /no valid JSON/],
    ["\u0000\u0001\u0002", "application/octet-stream", /no valid JSON/],
  ];
  for (const [body, type, expected] of cases) {
    await using server = serve(() => new Response(body, { headers: { "content-type": type } }));
    const { report } = await failure(sessionWith(server.url).json(GET));
    assert.match(report.message, expected);
    assert.match(report.hint ?? "", /TRACKER_URI/);
    assert.doesNotMatch(JSON.stringify(report), /canary|title/);
    assert.equal(server.requests.length, 1);
  }
});

Deno.test("JSON of the wrong content type is read all the same", async () => {
  await using server = serve(() =>
    new Response('{"a":12345678901234567890}', { headers: { "content-type": "text/html" } })
  );
  assert.deepEqual(await sessionWith(server.url).json(GET), { a: "12345678901234567890" });
});

Deno.test("secrets of the request that a server echoes are never passed on", async () => {
  const basic = btoa("user:canary-password-9");
  for (
    const headers of [
      { authorization: "Bearer canary-token-0001" },
      { authorization: `Basic ${basic}` },
      { "x-api-key": "canary-key-77" },
      { cookie: "session=canary-cookie" },
    ]
  ) {
    const echo = (request: Request) => JSON.stringify([...request.headers]).replaceAll('"', "");
    const decoded = (request: Request) => {
      const value = request.headers.get("authorization") ?? "";
      return value.startsWith("Basic ") ? atob(value.slice(6)) : value;
    };
    await using server = serve((request) =>
      new Response(`Refused: ${echo(request)} ${decoded(request)}`, { status: 400 })
    );
    let seen = "";
    const { report } = await failure(
      sessionWith(server.url, {
        headers: () => headers,
        readError: (_, body) => void (seen = body),
      }).json(GET),
    );
    assert.match(report.message, /Refused: .*\*\*\*/);
    assert.doesNotMatch(report.message + seen, /canary/);
    assert.ok(!report.message.includes(basic));
  }
});

Deno.test("the log of attempts has paths and statuses, no queries, headers or bodies", async () => {
  await using server = serve(() => new Response("canary-body", { status: 400 }));
  const attempts: unknown[] = [];
  await failure(
    sessionWith(server.url, { onAttempt: (attempt) => attempts.push(attempt) })
      .json({ ...GET, query: [["filter", "canary-query"]] }),
  );
  assert.equal(attempts.length, 1);
  assert.match(JSON.stringify(attempts), /"method":"GET","path":"\/api\/thing","status":400/);
  assert.doesNotMatch(JSON.stringify(attempts), /canary/);
});

Deno.test("credentials that no header can carry are refused, and nothing is sent", async () => {
  await using server = serve(() => Response.json({}));
  for (const value of ["Bearer a\r\nx-injected: canary", "Bearer €canary", "Bearer \u0000"]) {
    const { report } = await failure(
      sessionWith(server.url, { headers: () => ({ authorization: value }) }).json(GET),
    );
    assert.equal(report.error, "unauthorized");
    assert.doesNotMatch(JSON.stringify(report), /canary/);
  }
  assert.equal(server.requests.length, 0);
});
