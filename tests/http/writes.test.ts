/** What must arrive at most once does, whatever becomes of the connection or the reply. */
import assert from "node:assert/strict";
import { Failure } from "../../src/core/failure.ts";
import { openSession } from "../../src/http/client.ts";
import { path, type UpstreamRequest } from "../../src/http/request.ts";
import { createTransport } from "../../src/http/transport.ts";
import { certificate } from "./certificate.ts";
import { failure, optionsFor, say, serve, serveRaw, sessionWith } from "./support.ts";

const GET = { method: "GET", path: path`/read` } as const;
const WRITES: readonly UpstreamRequest[] = [
  { method: "POST", path: path`/write`, json: { text: "x".repeat(2000) } },
  { method: "PATCH", path: path`/write`, json: { a: 1 } },
  { method: "DELETE", path: path`/write`, json: { a: 1 } },
  { method: "DELETE", path: path`/write` },
  { method: "GET", path: path`/write`, repeatable: false },
];
const POST = { method: "POST", path: path`/write`, json: { a: 1 } } as const;
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";

/** Ways to lose a connection: what is still said, and whether the request is read whole. */
const LOSSES: Readonly<Record<string, { readonly reads: "all" | "head"; readonly says: string }>> =
  {
    "before it acts: a reset with half of the request unread": { reads: "head", says: "" },
    "before it answers": { reads: "all", says: "" },
    "in the status line": { reads: "all", says: "HTTP/1.1 20" },
    "in the headers": { reads: "all", says: "HTTP/1.1 200 OK\r\ncontent-le" },
    "in the body": { reads: "all", says: "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{" },
    "in a chunk": {
      reads: "all",
      says: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{",
    },
  };

const authority = await certificate({ name: "Test authority", authority: true });
const tls = await certificate({ name: "server", hosts: ["127.0.0.1"], by: authority });
const TRANSPORTS = {
  "http": { transport: createTransport(), tls: undefined },
  "https with an authority": { transport: createTransport({ caCerts: [authority.cert] }), tls },
  "https unverified": { transport: createTransport({ insecure: true }), tls },
};

/** Answers reads on connections that it keeps, and loses those of writes. */
function loser(loss: { reads: "all" | "head"; says: string }, secure: typeof tls | undefined) {
  return serveRaw(async (connection, _, request) => {
    if (request.text.includes(" /read ")) {
      await say(connection, OK);
      return "keep";
    }
    if (loss.reads === "all") await request.whole();
    await say(connection, loss.says);
    return "close";
  }, secure);
}

for (const [name, { transport, tls: secure }] of Object.entries(TRANSPORTS)) {
  for (const [when, loss] of Object.entries(LOSSES)) {
    Deno.test(`${name}: a connection lost ${when} is reported, and the write arrives once`, async () => {
      for (const request of WRITES) {
        for (const kept of [false, true]) {
          await using server = loser(loss, secure);
          const session = sessionWith(server.url, { transport });
          if (kept) {
            // Two at once, so that a connection is at rest while the other is used.
            await Promise.all([session.json(GET), session.json(GET)]);
          }
          const error = await failure(session.json(request));
          const writes = server.requests.filter((line) => line.includes("/write"));
          assert.deepEqual(writes, [`${request.method} /write`], kept ? "kept" : "fresh");
          assertUncertain(error);
        }
      }
    });
  }
}

for (const [name, { transport, tls: secure }] of Object.entries(TRANSPORTS)) {
  Deno.test(`${name}: a redirected write on a lost connection arrives once`, async () => {
    for (const status of [307, 308]) {
      await using server = serveRaw(async (connection, _, request) => {
        await request.whole();
        if (request.text.includes(" /write ")) return "close";
        const moved = `HTTP/1.1 ${status} Moved\r\nlocation: /write\r\ncontent-length: 0\r\n\r\n`;
        await say(connection, request.text.includes(" /read ") ? OK : moved);
        return "keep";
      }, secure);
      const session = sessionWith(server.url, { transport });
      await Promise.all([session.json(GET), session.json(GET)]);
      const error = await failure(session.json({ ...POST, path: path`/start` }));
      const writes = server.requests.filter((line) => line.includes("/write"));
      assert.deepEqual(writes, ["POST /write"], String(status));
      assertUncertain(error);
    }
  });
}

Deno.test("the bare runtime repeats a write when a reused connection is lost", async () => {
  await using server = loser({ reads: "all", says: "" }, undefined);
  await (await fetch(`${server.url}/read`)).text();
  await assert.rejects(fetch(`${server.url}/write`, { method: "POST", body: "{}" }));
  assert.deepEqual(server.requests, ["GET /read", "POST /write", "POST /write"]);
});

Deno.test("a reply that leaves a write in doubt is reported as such, and nothing is repeated", async () => {
  const gateway = JSON.stringify({ message: "Service Unavailable" });
  for (const status of [303, 408, 500, 502, 503, 504, 520]) {
    for (const body of ["", "<html><h1>Bad gateway</h1></html>", gateway]) {
      const headers = { "retry-after": "0", location: "/elsewhere" };
      await using server = serve(() => new Response(body, { status, headers }));
      const error = await failure(sessionWith(server.url).json(POST));
      assertUncertain(error);
      assert.equal(error.status, status);
      assert.deepEqual(server.requests, ["POST /write"]);
    }
  }
  for (const body of ["", "<html></html>", '{"a":']) {
    await using server = serve(() => new Response(body));
    assertUncertain(await failure(sessionWith(server.url).json(POST)));
    assert.deepEqual(server.requests, ["POST /write"]);
  }
});

Deno.test("a refusal leaves no doubt", async () => {
  for (const status of [400, 401, 403, 404, 405, 409, 413, 422, 501]) {
    await using server = serve(() => new Response("", { status }));
    const error = await failure(sessionWith(server.url).json(POST));
    assert.deepEqual([error.effect, error.retryable], [undefined, false], String(status));
    assert.doesNotMatch(error.message, /not known/);
  }
});

Deno.test("a write is repeated after 429, and after a 503 that the server itself gave", async () => {
  for (const status of [429, 503]) {
    await using server = serve((_, count) =>
      count < 2 ? new Response("own", { status }) : Response.json({ ok: true })
    );
    const readError = (_: number, body: string) =>
      body === "own" && status === 503
        ? new Failure("upstream_error", "Busy.", { status, retryable: true, effect: "none" })
        : undefined;
    assert.deepEqual(await sessionWith(server.url, { readError }).json(POST), { ok: true });
    assert.equal(server.requests.length, 3);
  }
});

Deno.test("a write that times out or is cancelled is in doubt once it was sent", async () => {
  const never = new Promise<never>(() => {});
  await using silent = serveRaw(() => never);
  const late = await failure(sessionWith(silent.url, { timeoutMs: 300 }).json(POST));
  assert.equal(late.code, "timeout");
  assertUncertain(late);
  const stopping = new AbortController();
  setTimeout(() => stopping.abort(), 200);
  const cancelled = await failure(openSession(optionsFor(silent.url), stopping.signal).json(POST));
  assert.equal(cancelled.code, "cancelled");
  assertUncertain(cancelled);
  assert.equal(silent.requests.length, 2);

  const unsent = await failure(openSession(optionsFor(silent.url), stopping.signal).json(POST));
  assert.deepEqual([unsent.code, unsent.effect], ["cancelled", undefined]);
  await using busy = serve(() =>
    new Response("", { status: 429, headers: { "retry-after": "0.2" } })
  );
  const limited = await failure(sessionWith(busy.url, { timeoutMs: 300 }).json(POST));
  assert.deepEqual([limited.code, limited.effect], ["rate_limited", undefined]);
  assert.equal(silent.requests.length, 2);
});

Deno.test("a request that was never sent has no effect", async () => {
  let url = "";
  {
    await using server = serve(() => Response.json(1));
    url = server.url;
  }
  await using secure = serve(() => Response.json(1), tls);
  const unverified = { transport: createTransport({ insecure: true }) };
  for (
    const [address, overrides] of [
      [url, {}],
      [url.replace("http:", "https:"), unverified],
      ["http://no-such-host.invalid", {}],
      ["https://no-such-host.invalid", unverified],
      ["http://127.0.0.1:9", {}],
      [secure.url, {}],
    ] as const
  ) {
    const error = await failure(sessionWith(address, overrides).json(POST));
    assert.deepEqual([error.code, error.effect], ["unreachable", "none"], address);
    assert.doesNotMatch(error.message, /not known whether/);
  }
  assert.deepEqual(secure.requests, []);
});

function assertUncertain({ report, effect }: Failure): void {
  assert.deepEqual([effect, report.retryable], ["unknown", false], report.message);
  assert.match(report.message, /Whether the request took effect is not known\.$/);
  assert.equal(report.hint, "Look at what is stored before you repeat the call.");
}
