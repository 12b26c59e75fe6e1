/** The HTTP side: who may ask, what is answered, how it ends. */
import assert from "node:assert/strict";
import { createHttpHandler, runHttp } from "../../src/mcp/http.ts";
import { createMetrics } from "../../src/mcp/http/metrics.ts";
import { readMessage } from "../../src/mcp/http/body.ts";
import { acting, echo, factoryOf, keptLog } from "./support.ts";

const ROUTES = ["/mcp", "/healthz", "/readyz", "/metrics", "/", "/other", "/mcp/", "/MCP"];

function handlerFor(allowedHosts: readonly string[] = [], ready = () => true) {
  return createHttpHandler(factoryOf([echo]), {
    allowedHosts,
    authentication: { kind: "none" },
    metrics: createMetrics("1"),
    log: keptLog().log,
    ready,
  });
}

const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  new Request(`http://localhost:8080${path}`, {
    method,
    headers: { host: "localhost:8080", ...headers },
  });

const call = (headers: Record<string, string> = {}) =>
  new Request("http://localhost:8080/mcp", {
    method: "POST",
    headers: {
      host: "localhost:8080",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "echo", arguments: { text: "hello" } },
    }),
  });

Deno.test("a foreign Host is refused on every route, before anything else", async () => {
  const handler = handlerFor();
  for (const route of ROUTES) {
    for (
      const host of [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::2]",
        "0.0.0.0:8080",
        "",
      ]
    ) {
      const response = await handler.fetch(ask(route, { host }));
      assert.equal(response.status, 403, `${host} on ${route}`);
      await response.body?.cancel();
    }
    const missing = new Request(`http://localhost:8080${route}`);
    assert.equal((await handler.fetch(missing)).status, 403, `no Host on ${route}`);
  }
});

Deno.test("a wildcard address is not accepted as Host, even if the server listens on it", async () => {
  for (const listening of ["0.0.0.0", "::", "[::]", "0", "0:0:0:0:0:0:0:0"]) {
    const handler = handlerFor([listening, "wandflow.example.com"]);
    const status = async (headers: Record<string, string>) => {
      const response = await handler.fetch(ask("/healthz", headers));
      await response.body?.cancel();
      return response.status;
    };
    for (const host of ["0.0.0.0:8080", "[::]:8080"]) {
      assert.equal(await status({ host }), 403, `${host} at ${listening}`);
      assert.equal(await status({ host: "localhost", origin: `http://${host}` }), 403);
    }
    assert.equal(await status({ host: "wandflow.example.com" }), 200);
  }
});

Deno.test("a foreign host in the target is refused on every route, whatever the Host header says", async () => {
  const handler = handlerFor(["mcp.example.com"]);
  const fetchAt = (origin: string, route: string) =>
    handler.fetch(new Request(origin + route, { headers: { host: "localhost" } }));
  for (const route of ROUTES) {
    for (const origin of ["http://evil.example", "http://localhost.evil.example:8080", "x://y"]) {
      assert.equal((await fetchAt(origin, route)).status, 403, origin + route);
    }
  }
  for (const origin of ["http://localhost:8080", "http://127.0.0.1", "https://mcp.example.com"]) {
    assert.equal((await fetchAt(origin, "/healthz")).status, 200, origin);
  }
});

Deno.test("a foreign Origin is refused on every route", async () => {
  const handler = handlerFor();
  for (const route of ROUTES) {
    for (
      const origin of [
        "https://evil.example",
        "http://localhost.evil.example",
        "null",
        "file://",
        "garbage",
        "http://evil.example:8080",
      ]
    ) {
      const response = await handler.fetch(ask(route, { origin }));
      assert.equal(response.status, 403, `${origin} on ${route}`);
    }
  }
  assert.equal((await handler.fetch(call({ origin: "https://evil.example" }))).status, 403);
});

Deno.test("loopback names are accepted, with any port, and so are their pages", async () => {
  const handler = handlerFor();
  for (const host of ["localhost", "localhost:1", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"]) {
    assert.equal((await handler.fetch(ask("/healthz", { host }))).status, 200, host);
  }
  const response = await handler.fetch(ask("/healthz", { origin: "http://localhost:6274" }));
  assert.equal(response.status, 200);
});

Deno.test("further names are accepted when configured, however they are written", async () => {
  const names = [
    "MCP.Example.com",
    "other.example:9000",
    "::2",
    "https://Third.example:9/mcp",
    "*",
  ];
  const handler = handlerFor(names);
  const accepted = ["mcp.example.com", "mcp.example.com:443", "other.example", "third.example:9"];
  for (const host of [...accepted, "[::2]:80"]) {
    assert.equal((await handler.fetch(ask("/healthz", { host }))).status, 200, host);
  }
  for (const host of ["x.mcp.example.com", "https", "anything.example"]) {
    assert.equal((await handler.fetch(ask("/healthz", { host }))).status, 403, host);
  }
});

Deno.test("probes answer only GET and HEAD, and are not cached", async () => {
  const handler = handlerFor();
  for (const [route, body] of [["/healthz", "ok\n"], ["/readyz", "ready\n"]] as const) {
    const response = await handler.fetch(ask(route));
    assert.deepEqual([response.status, await response.text()], [200, body]);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal((await handler.fetch(ask(route, {}, "HEAD"))).status, 200);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const refused = await handler.fetch(ask(route, {}, method));
      assert.equal(refused.status, 405, `${method} ${route}`);
      assert.equal(refused.headers.get("allow"), "GET, HEAD");
    }
  }
});

Deno.test("a draining server is alive but not ready", async () => {
  const handler = handlerFor([], () => false);
  assert.equal((await handler.fetch(ask("/readyz"))).status, 503);
  assert.equal((await handler.fetch(ask("/healthz"))).status, 200);
});

Deno.test("other paths are not found, and the answer names the endpoint", async () => {
  const handler = handlerFor();
  for (const route of ["/", "/other", "/mcp/", "/MCP", "/healthz/x", "/.env", "//mcp"]) {
    const response = await handler.fetch(ask(route));
    assert.equal(response.status, 404, route);
    assert.match(await response.text(), /endpoint is \/mcp/);
  }
});

Deno.test("calls are answered without a session, by any instance", async () => {
  for (const handler of [handlerFor(), handlerFor()]) {
    for (let count = 0; count < 2; count++) {
      const response = await handler.fetch(call());
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("mcp-session-id"), null);
      assert.match(await response.text(), /"structuredContent":\{"count":1,"said":\["hello"\]\}/);
    }
  }
});

Deno.test("the endpoint refuses GET and DELETE, and every body that is not a message", async () => {
  const handler = handlerFor();
  for (const method of ["GET", "DELETE"]) {
    const response = await handler.fetch(ask("/mcp", { accept: "text/event-stream" }, method));
    assert.equal(response.status, 405, method);
  }
  for (const body of ["", "{", "[]", "null", '"text"', "{}"]) {
    const request = new Request(call(), { method: "POST", body });
    const response = await handler.fetch(request);
    assert.ok(response.status >= 400 && response.status < 500, `${body}: ${response.status}`);
    await response.body?.cancel();
  }
});

Deno.test("a message beyond the limit is refused", async () => {
  const huge = new Request(call(), { method: "POST", body: `"${"x".repeat(5 << 20)}"` });
  const response = await handlerFor().fetch(huge);
  assert.equal(response.status, 413);
});

Deno.test("a message that takes too long is refused, even if its parts come without a pause", async () => {
  const parts = [" ", "{}"].map((part) => new TextEncoder().encode(part));
  const refused = await readMessage(call().headers, () => Promise.resolve(parts.shift()), {
    patience: { part: 1000, whole: 0 },
  });
  assert.ok(refused instanceof Response);
  assert.equal(refused.status, 408);
});

Deno.test("a message that stops arriving is refused, whatever is missing", async () => {
  const parts = [new TextEncoder().encode('{"jsonrpc"')];
  const refused = await readMessage(
    call().headers,
    () => parts.length > 0 ? Promise.resolve(parts.shift()) : new Promise(() => {}),
    { patience: { part: 20, whole: 1000 } },
  );
  assert.ok(refused instanceof Response);
  assert.deepEqual([refused.status, refused.headers.get("connection")], [408, "close"]);
});

Deno.test("a batch in which two requests share an id is refused as a whole", async () => {
  let done = 0;
  const counting = acting(() => Promise.resolve({ done: done += 1 }));
  const handler = createHttpHandler(factoryOf([counting]), {
    allowedHosts: [],
    authentication: { kind: "none" },
    log: keptLog().log,
    ready: () => true,
  });
  const message = (id: unknown) =>
    JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "act" } });
  const post = async (body: string) => {
    const response = await handler.fetch(new Request(call(), { method: "POST", body }));
    return { status: response.status, text: await response.text() };
  };
  for (const space of ["", " \r\n\t", "\uFEFF"]) {
    const { status, text } = await post(`${space}[${message(7)},${message("7")},${message(7.0)}]`);
    assert.equal(status, 400, text);
    assert.match(text, /same id/);
  }
  assert.equal(done, 0);
  assert.equal((await post(`[${message(7)},${message("7")}]`)).status, 200);
  assert.equal(done, 2);
});

/** Starts the real server on a free port. */
async function listening(tools = [echo], hostname = "127.0.0.1") {
  const stopping = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const ended = runHttp(factoryOf(tools), {
    hostname,
    port: 0,
    allowedHosts: [],
    authentication: { kind: "none" },
    log: keptLog().log,
    stop: stopping.signal,
    onListen: resolve,
  });
  return { url: await promise, stop: () => stopping.abort(), ended };
}

Deno.test("the server listens at the given address", async () => {
  const linux = Deno.build.os === "linux" ? ["127.0.0.2"] : [];
  for (const hostname of ["127.0.0.1", "localhost", ...linux]) {
    const { url, stop, ended } = await listening([echo], hostname);
    assert.match(url, /^http:\/\/(127\.0\.0\.\d|\[::1\]):\d+\/mcp$/);
    const response = await fetch(new URL("/healthz", url));
    assert.deepEqual([response.status, await response.text()], [200, "ok\n"]);
    stop();
    await ended;
  }
});

Deno.test("a message beyond the limit is refused over the socket, whether or not the client accepts streams", async () => {
  const { url, stop, ended } = await listening();
  for (const accept of ["application/json, text/event-stream", "application/json"]) {
    for (const size of [5 << 20, 30 << 20, 100 << 20]) {
      const body = new Blob([new Uint8Array(size).fill(0x20)]);
      for (const sent of [body, body.stream()]) {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", accept },
          body: sent,
        });
        assert.equal(response.status, 413, `${accept}, ${size}`);
        assert.match(await response.text(), /must not exceed 4194304 bytes/);
      }
    }
  }
  stop();
  await ended;
});

Deno.test("a client that reads only after sending everything still gets the refusal", async () => {
  const { url, stop, ended } = await listening();
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const size = 100 << 20;
  const head = `POST /mcp HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${size}\r\n` +
    "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const part = new Uint8Array(1 << 20).fill(0x20);
  for (let sent = 0; sent < size;) {
    sent += await connection.write(part.subarray(0, Math.min(part.length, size - sent)));
  }
  const buffer = new Uint8Array(10_000);
  const count = await connection.read(buffer) ?? 0;
  assert.match(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1.1 413 /);
  stop();
  await ended;
});

Deno.test("a client that asks before it sends is refused before it has sent", async () => {
  const { url, stop, ended } = await listening();
  const { hostname, port } = new URL(url);
  const message = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  for (const [size, status] of [[5 << 20, 413], [message.length, 100]] as const) {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const head = `POST /mcp HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${size}\r\n` +
      "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
      "Expect: 100-continue\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(10_000);
    const read = async () =>
      new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    assert.match(await read(), new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 413) continue;
    await connection.write(new TextEncoder().encode(message));
    assert.match(await read(), /^HTTP\/1.1 200 /);
  }
  stop();
  await ended;
});

Deno.test("a stalled upload is refused when the server stops, which does not wait for it", async () => {
  const { url, stop, ended } = await listening();
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST /mcp HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 100\r\n` +
    "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
    '\r\n{"jsonrpc"';
  await connection.write(new TextEncoder().encode(head));
  // An answer to a later request: by then the server reads the message.
  assert.equal(await (await fetch(new URL("/healthz", url))).text(), "ok\n");
  const buffer = new Uint8Array(1000);
  const read = async () =>
    new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  stop();
  assert.match(await read(), /^HTTP\/1.1 503 .*connection: close/is);
  await ended;
});

Deno.test("a page of another site is refused over the socket too", async () => {
  const { url, stop, ended } = await listening();
  const response = await fetch(url, { headers: { origin: "https://evil.example" } });
  assert.equal(response.status, 403);
  await response.body?.cancel();
  stop();
  await ended;
});

Deno.test("stopping lets a call under way finish and takes no new one", async () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = acting(async () => {
    started.resolve();
    await release.promise;
    return { finished: true };
  });
  const { url, stop, ended } = await listening([slow]);
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "act" } };
  const answer = fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify(message),
  });
  await started.promise;
  stop();
  release.resolve();
  assert.match(await (await answer).text(), /"finished":true/);
  await ended;
  await assert.rejects(fetch(new URL("/healthz", url)));
});

Deno.test("a server that is stopped before it starts ends at once", async () => {
  await runHttp(factoryOf([echo]), {
    hostname: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    authentication: { kind: "none" },
    log: keptLog().log,
    stop: AbortSignal.abort(),
    onListen: () => {},
  });
});

Deno.test("a client that goes away cancels its call", async () => {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const waiting = acting((context) =>
    new Promise((_, reject) => {
      context.signal.addEventListener("abort", () => {
        aborted.resolve();
        reject(new Error("gone"));
      });
      started.resolve();
    })
  );
  const { url, stop, ended } = await listening([waiting]);
  const leaving = new AbortController();
  const answer = fetch(url, {
    method: "POST",
    signal: leaving.signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "act" } }),
  });
  const gone = assert.rejects(answer.then((response) => response.text()));
  await started.promise;
  leaving.abort();
  await gone;
  await aborted.promise;
  stop();
  await ended;
});
