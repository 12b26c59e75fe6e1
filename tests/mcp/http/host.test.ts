/** Which Host headers and targets are accepted, by raw connections. */
import assert from "node:assert/strict";
import { runHttp } from "../../../src/mcp/http.ts";
import { echo, factoryOf, keptLog } from "../support.ts";

/** Starts the server, and sends heads to it, each on a connection of its own. */
async function asking(allowedHosts: readonly string[] = []) {
  const stopping = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const ended = runHttp(factoryOf([echo]), {
    hostname: "127.0.0.1",
    port: 0,
    allowedHosts,
    authentication: { kind: "none" },
    log: keptLog().log,
    stop: stopping.signal,
    onListen: resolve,
  });
  const port = Number(new URL(await promise).port);
  const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return {
    status: async (lines: string, target = "/healthz") => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(latin1(`GET ${target} HTTP/1.1\r\n${lines}\r\n`));
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer) ?? 0;
      return Number(new TextDecoder().decode(buffer.subarray(0, count)).split(" ")[1]);
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await ended;
    },
  };
}

Deno.test("a Host that is not a host with or without a port is a bad request", async () => {
  await using server = await asking();
  for (
    const host of [
      "a@localhost",
      "a:b@localhost",
      "@localhost",
      "localhost@",
      "localhost@evil.example",
      "localhost:80:80",
      "localhost:8a",
      "localhost:-1",
      "localhost:999999",
      "localhost/",
      "localhost/x",
      "localhost#",
      "localhost?",
      "localhost\\x",
      "evil.example#localhost",
      "local host",
      "localhost\tx",
      "local\xADhost",
      "localhost%",
      "http://localhost",
      "::1",
      "[::1",
      "[::1]x",
      "[::1%25lo]",
      "localhost\r\nHost: localhost",
      "localhost\r\nHost: evil.example",
    ]
  ) {
    assert.equal(await server.status(`Host: ${host}\r\n`), 400, host);
  }
  assert.equal(await server.status(""), 400);
});

Deno.test("a host is the same only if it is written the same, but for case and port", async () => {
  await using server = await asking(["mcp.example.com"]);
  for (
    const host of [
      "localhost",
      "LocalHost",
      "localhost:",
      "localhost:80",
      " localhost ",
      "127.0.0.1:1",
      "[::1]",
      "[0:0:0:0:0:0:0:1]:80",
      "MCP.example.com:443",
    ]
  ) {
    assert.equal(await server.status(`Host: ${host}\r\n`), 200, host);
  }
  for (
    const host of [
      "localhost.",
      "%6cocalhost",
      "127.1",
      "0x7f000001",
      "2130706433",
      "127.0.0.1.",
      "[::2]",
      "localhost,localhost",
      "mcp%2Eexample.com",
      "",
    ]
  ) {
    assert.equal(await server.status(`Host: ${host}\r\n`), 403, host);
  }
});

Deno.test("a target names a path, or a host that the server accepts", async () => {
  await using server = await asking();
  const status = (target: string) => server.status("Host: localhost\r\n", target);
  for (const target of ["/healthz?x", "http://localhost/healthz", "HTTP://LOCALHOST:1/healthz"]) {
    assert.equal(await status(target), 200, target);
  }
  assert.equal(await status("//localhost/healthz"), 404);
  assert.equal(await status("http://evil.example/healthz"), 403);
  for (
    const target of [
      "http://a@localhost/healthz",
      "http://localhost:80:80/healthz",
      "http:///healthz",
      "ftp://localhost/healthz",
      "localhost/healthz",
      "/healthz#x",
      "*",
    ]
  ) {
    assert.equal(await status(target), 400, target);
  }
});
