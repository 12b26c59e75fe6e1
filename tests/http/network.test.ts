/** Connections that break, stall, trickle or never end. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readText } from "../../src/http/body.ts";
import { openSession } from "../../src/http/client.ts";
import { path } from "../../src/http/request.ts";
import { networkFailure } from "../../src/http/network.ts";
import { failure, optionsFor, say, serve, serveRaw, sessionWith } from "./support.ts";

const GET = { method: "GET", path: path`/dns/certificate-lookup` } as const;
const POST = { ...GET, method: "POST", json: { a: 1 } } as const;
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const never = new Promise<never>(() => {});

Deno.test("a refused connection is reported, and retried only if that is safe", async () => {
  let url = "";
  {
    await using server = serve(() => Response.json(1));
    url = server.url;
  }
  for (const [request, attempts] of [[GET, 3], [POST, 1]] as const) {
    const options = optionsFor(url);
    const { report } = await failure(
      openSession(options, new AbortController().signal).json(request),
    );
    assert.equal(report.error, "unreachable");
    assert.match(report.message, /Nothing answers at 127\.0\.0\.1:\d+: Tracker is not running/);
    assert.equal(options.attempts.length, attempts);
    assert.equal(options.attempts[0]?.status, undefined);
  }
});

Deno.test("a lost connection: a GET is repeated, a POST never", async () => {
  await using server = serveRaw(() => Promise.resolve());
  const { report } = await failure(sessionWith(server.url).json(GET));
  assert.equal(report.error, "unreachable");
  assert.match(report.message, /failed or was lost/);
  const tried = server.requests.length;
  assert.ok(tried >= 3, `${tried} attempts`);
  await failure(sessionWith(server.url).json(POST));
  assert.deepEqual(server.requests.slice(tried), ["POST /dns/certificate-lookup"]);
});

Deno.test("a body cut short is reported, retried for a GET, and never taken as complete", async () => {
  const bodies = {
    "less than its length": `${HEAD}content-length: 100\r\n\r\n{"a":1}`,
    "an open chunk": `${HEAD}transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n`,
    "half a chunk": `${HEAD}transfer-encoding: chunked\r\n\r\n64\r\n{"a":1}`,
  };
  for (const [name, bytes] of Object.entries(bodies)) {
    await using server = serveRaw((connection) => say(connection, bytes));
    const { report } = await failure(sessionWith(server.url).json(GET));
    assert.deepEqual([report.error, report.retryable], ["upstream_error", true], name);
    assert.match(report.message, /cut short/, name);
    assert.equal(server.requests.length, 3, name);
    await failure(sessionWith(server.url).json(POST));
    assert.equal(server.requests.length, 4, name);
  }
  await using server = serveRaw((connection, count) =>
    say(connection, count === 0 ? bodies["half a chunk"] : `${HEAD}content-length: 2\r\n\r\n[]`)
  );
  assert.deepEqual(await sessionWith(server.url).json(GET), []);
});

Deno.test("a reply that is not HTTP is an error", async () => {
  for (const bytes of ["SSH-2.0-OpenSSH_9\r\n", "\u0000\u0001", "HTTP/1.1 abc\r\n\r\n"]) {
    await using server = serveRaw((connection) => say(connection, bytes));
    const { report } = await failure(sessionWith(server.url).json(POST));
    assert.equal(report.error, "unreachable", bytes);
  }
});

Deno.test("a stall before the headers, in the body or in an error body ends in time", async () => {
  const stalls = {
    headers: "",
    "half of the headers": "HTTP/1.1 200 OK\r\ncontent-",
    body: `${HEAD}content-length: 100\r\n\r\n{"a":`,
    chunk: `${HEAD}transfer-encoding: chunked\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(stalls)) {
    await using server = serveRaw(async (connection) => {
      await say(connection, bytes);
      await never;
    });
    const { report } = await failure(sessionWith(server.url, { timeoutMs: 300 }).json(GET));
    assert.deepEqual([report.error, report.retryable], ["timeout", true], name);
    assert.match(report.message, /within 0\.3 s/);
    assert.equal(server.requests.length, 1, `${name} was repeated after the deadline`);
  }
  await using server = serveRaw(async (connection) => {
    await say(connection, "HTTP/1.1 403 No\r\ncontent-length: 100\r\n\r\nbecause");
    await never;
  });
  const { report } = await failure(sessionWith(server.url, { timeoutMs: 300 }).json(GET));
  assert.ok(["forbidden", "timeout"].includes(report.error), report.error);
});

Deno.test("one deadline for all attempts, not one for each", async () => {
  await using server = serve(() => new Response("", { status: 503 }));
  const retry = { maxRetries: 1000, backoffMs: 40, jitterMs: 0, respectRetryAfter: true };
  const { report } = await failure(sessionWith(server.url, { timeoutMs: 600, retry }).json(GET));
  assert.ok(["upstream_error", "timeout"].includes(report.error), report.error);
  // 40 + 80 + 160 ms are waited; 320 more would be too late.
  assert.ok(server.requests.length <= 4, `${server.requests.length} attempts`);
});

Deno.test("a slow drip ends at the deadline", async () => {
  await using server = serveRaw(async (connection) => {
    await say(connection, `${HEAD}transfer-encoding: chunked\r\n\r\n`);
    for (;;) {
      await say(connection, "1\r\n \r\n");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  const { report } = await failure(sessionWith(server.url, { timeoutMs: 400 }).json(GET));
  assert.equal(report.error, "timeout");
});

Deno.test("a cancelled call ends at once, also while it waits to retry", async () => {
  await using silent = serveRaw(() => never);
  await using busy = serve(() => new Response("", { status: 503 }));
  for (const url of [silent.url, busy.url]) {
    const stopping = new AbortController();
    const options = optionsFor(url, {
      retry: { maxRetries: 5, backoffMs: 15_000, jitterMs: 0, respectRetryAfter: true },
      timeoutMs: 60_000,
    });
    setTimeout(() => stopping.abort("the client's own words"), 200);
    const { report } = await failure(openSession(options, stopping.signal).json(GET));
    assert.equal(report.error, "cancelled");
    assert.doesNotMatch(report.message, /own words/);
  }
  const stopped = openSession(optionsFor(busy.url), AbortSignal.abort());
  assert.equal((await failure(stopped.json(GET))).code, "cancelled");
});

Deno.test("cancelling closes the connection", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = serve((request) => {
    request.signal.addEventListener("abort", () => closed.resolve());
    setTimeout(() => stopping.abort(), 0);
    return closed.promise.then(() => new Response());
  });
  const stopping = new AbortController();
  await failure(openSession(optionsFor(server.url), stopping.signal).json(GET));
  await closed.promise;
});

/** A body of so many mebibytes of blanks, or without end. */
function blanks(mebibytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(1 << 20).fill(32);
  let left = mebibytes;
  return new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(chunk) : controller.close(),
  });
}

Deno.test("an endless body is not read beyond the limit", async () => {
  let cancelled = false;
  const chunk = new Uint8Array(1 << 16).fill(32);
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(chunk),
    cancel: () => void (cancelled = true),
  });
  const { report } = await failure(readText(new Response(endless), "Tracker", 1 << 20));
  assert.match(report.message, /larger than 1 MiB/);
  assert.ok(cancelled, "the rest was not cancelled");
});

Deno.test("a body that declares too much is not read at all", async () => {
  const response = new Response("x", { headers: { "content-length": String(1 << 30) } });
  const { report } = await failure(readText(response, "Tracker", 1 << 20));
  assert.match(report.message, /larger than 1 MiB/);
  assert.equal(await response.body?.getReader().read().then(({ done }) => done), true);
});

Deno.test("a compressed bomb is measured by what it unpacks to", async () => {
  await using server = serve(() =>
    new Response(blanks(64).pipeThrough(new CompressionStream("gzip")), {
      headers: { "content-encoding": "gzip", "content-type": "application/json" },
    })
  );
  const response = await sessionWith(server.url).send(GET);
  const { report } = await failure(readText(response, "Tracker", 4 << 20));
  assert.match(report.message, /larger than 4 MiB/);
});

Deno.test("a compressed answer is read, a broken one is cut short", async () => {
  const packed = new Blob(['{"a":[1,2]}']).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const headers = { "content-encoding": "gzip" };
  await using whole = serve(() => new Response(bytes, { headers }));
  assert.deepEqual(await sessionWith(whole.url).json(GET), { a: [1, 2] });
  await using half = serve(() => new Response(bytes.slice(0, bytes.length - 12), { headers }));
  const { report } = await failure(sessionWith(half.url).json(GET));
  assert.equal(report.error, "upstream_error");
});

Deno.test("an endless error body is not waited for", async () => {
  await using server = serve(() => new Response(blanks(Infinity), { status: 400 }));
  const { report } = await failure(sessionWith(server.url).json(GET));
  assert.equal(report.error, "invalid_arguments");
});

Deno.test("a denied address is refused also when a name resolves to it", async () => {
  await using server = serve(() => Response.json(1));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-net=localhost", "--deny-net=127.0.0.0/8,[::1]"],
      fileURLToPath(new URL("./resolved.ts", import.meta.url)),
      server.url.replace("127.0.0.1", "localhost"),
    ],
  }).output();
  const decoder = new TextDecoder();
  assert.match(decoder.decode(stdout), /^\{"error":"host_not_allowed",/, decoder.decode(stderr));
  assert.match(decoder.decode(stdout), /"retryable":false/);
  assert.deepEqual(server.requests, []);
});

Deno.test("a port that fetch blocks is named, and not retried", async () => {
  const options = optionsFor("http://127.0.0.1:9");
  const session = openSession(options, new AbortController().signal);
  const { report } = await failure(session.json(GET));
  assert.match(report.message, /^Port 9, where Tracker at 127\.0\.0\.1:9 should be,/);
  assert.equal(options.attempts.length, 1);
});

Deno.test("the cause of a network error is read from its words, not from the address", () => {
  const place = {
    service: "Tracker",
    setting: "TRACKER_URI",
    baseUrl: new URL("https://tls-dns.example/refused"),
  };
  const told = (cause: string) =>
    networkFailure(place, new TypeError("fetch failed", { cause: new Error(cause) })).report;
  const url = "for url (https://tls-dns.example/certificate/dns/lookup/refused): client error";
  const cases: readonly [string, RegExp, boolean][] = [
    [`error sending request ${url} (Connect): Connection reset`, /failed or was lost/, true],
    [`${url} (Connect): tcp connect error: Connection refused`, /Nothing answers/, true],
    [`${url} (Connect): dns error: failed to lookup address`, /is not known/, false],
    [`${url} (Connect): invalid peer certificate: UnknownIssuer`, /authority that is not/, false],
    [`${url} (Connect): invalid peer certificate: certificate expired`, /has expired/, false],
    [`${url}: certificate not valid for name "x"`, /another host name/, false],
    [`${url}: received corrupt message of type InvalidContentType`, /does not speak TLS/, false],
  ];
  for (const [cause, expected, retryable] of cases) {
    const report = told(cause);
    assert.match(report.message, expected, cause);
    assert.equal(report.retryable, retryable, cause);
  }
});
