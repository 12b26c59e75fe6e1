/** What a server puts up with, by raw connections. */
import assert from "node:assert/strict";
import { type ConnectionLimits, serveConnections } from "../../src/mcp/connections.ts";
import { writeAll } from "../support/raw_http.ts";
import { keptLog } from "./support.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** A program that opens three connections and resets them. */
const RESETTING = `
  import { once } from "node:events";
  import { connect } from "node:net";
  for (let time = 0; time < 3; time++) {
    const socket = connect(Number(Deno.args[0]), "127.0.0.1");
    await once(socket, "connect");
    socket.resetAndDestroy();
    await once(socket, "close");
  }
`;

/** A server that answers everything, or what is given. */
async function serving(
  limits: Partial<ConnectionLimits>,
  answer: Parameters<typeof serveConnections>[0] = () => Promise.resolve(new Response("here\n")),
) {
  const stopping = new AbortController();
  const listening = Promise.withResolvers<Deno.NetAddr>();
  const kept = keptLog();
  const ended = serveConnections(answer, {
    hostname: "127.0.0.1",
    port: 0,
    log: kept.log,
    stop: stopping.signal,
    onListen: listening.resolve,
    limits,
  });
  const { port } = await listening.promise;
  return {
    kept,
    port,
    url: `http://127.0.0.1:${port}/`,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await ended;
    },
  };
}

/** What a connection still brings until the other side ends it. */
async function rest(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(65536);
  let text = "";
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return text;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  } catch {
    return text;
  }
}

/** Sends a request and reads until its answer's last words are there. */
async function ask(connection: Deno.TcpConn): Promise<string> {
  await connection.write(encode(GET));
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!text.endsWith("here\n")) {
    const count = await connection.read(buffer);
    assert.notEqual(count, null);
    text += new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }
  return text;
}

Deno.test("connections without complete request headers are closed, however slowly bytes arrive", async () => {
  await using server = await serving({ quiet: 400 });
  for (const begun of ["", "GET", "GET / HTTP/1.1\r\nHost: loc", GET.slice(0, -2)]) {
    using connection = await server.connect();
    if (begun !== "") await connection.write(encode(begun));
    assert.equal(await rest(connection), "", begun);
  }
  using dripping = await server.connect();
  const drip = async () => {
    await dripping.write(encode("GET / HTTP/1.1\r\nHost: localhost\r\nX: "));
    for (;;) {
      await dripping.write(encode("x"));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const dropped = assert.rejects(drip());
  assert.equal(await rest(dripping), "");
  await dropped;
});

Deno.test("a connection answers one request after the other, and is closed when none comes", async () => {
  await using server = await serving({ quiet: 400 });
  using connection = await server.connect();
  for (let time = 0; time < 3; time++) {
    assert.match(await ask(connection), /^HTTP\/1.1 200 OK\r\n(.+\r\n)*content-length: 5\r\n/i);
  }
  assert.equal(await rest(connection), "");
});

Deno.test("a body in countless tiny parts is not read to its end, one in small parts is", async () => {
  const received: (number | string)[] = [];
  await using server = await serving({ quiet: 400 }, async (_request, next) => {
    let size = 0;
    try {
      for (let part = await next(); part !== undefined; part = await next()) size += part.length;
      received.push(size);
    } catch (error) {
      received.push(String(error));
    }
    return new Response("here\n", { headers: { connection: "close" } });
  });
  const send = async (size: number, count: number) => {
    using connection = await server.connect();
    const head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
    const sent = writeAll(connection, `${head}${chunk.repeat(count)}0\r\n\r\n`).catch(() => {});
    const answer = await rest(connection);
    await sent;
    return answer;
  };
  assert.match(await send(100, 20_000), /here\n$/);
  assert.match(await send(1, 8_000), /here\n$/);
  assert.match(await send(1, 20_000), /here\n$/);
  assert.deepEqual(received, [2_000_000, 8_000, "Error: The body comes in too many parts."]);
});

Deno.test("requests that are sent at once are answered one after the other", async () => {
  const paths: string[] = [];
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using server = await serving({}, async ({ url }) => {
    paths.push(new URL(url).pathname);
    asked.resolve();
    if (paths.length === 1) await held.promise;
    return new Response(`here ${paths.length}\n`);
  });
  using connection = await server.connect();
  const count = 100;
  // More than is read at once.
  const long = GET.replace("\r\n", `\r\nX: ${"x".repeat(3000)}\r\n`);
  const sent = writeAll(
    connection,
    Array.from({ length: count }, (_, at) => long.replace("/", `/${at}`)).join(""),
  );
  await asked.promise;
  using other = await server.connect();
  await other.write(encode(GET.replace("/", "/other")));
  const buffer = new Uint8Array(1000);
  await other.read(buffer);
  assert.deepEqual(paths, ["/0", "/other"]);
  held.resolve();
  let text = "";
  while (!text.endsWith(`here ${count + 1}\n`)) {
    const size = await connection.read(buffer);
    assert.notEqual(size, null, text);
    text += new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  }
  await sent;
  assert.deepEqual(paths.slice(2), Array.from({ length: count - 1 }, (_, at) => `/${at + 1}`));
});

Deno.test("after an answer that ends the connection no request is read or waited for", async () => {
  for (const body of ["", "abc"]) {
    let calls = 0;
    await using server = await serving({}, () => {
      calls++;
      return Promise.resolve(new Response("here\n", { headers: { connection: "close" } }));
    });
    using connection = await server.connect();
    const first = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    await connection.write(encode(first + body + GET + GET));
    assert.match(await rest(connection), /^HTTP\/1.1 200 OK\r\n[^]*here\n$/);
    assert.equal(calls, 1);
  }
});

Deno.test("of too many connections, idle ones are closed first, then the newest", async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let calls = 0;
  await using server = await serving({ most: 2 }, async () => {
    calls++;
    if (calls === 2) asked.resolve();
    if (calls <= 2) await held.promise;
    return new Response("here\n");
  });
  using first = await server.connect();
  await first.write(encode(GET));
  using idle = await server.connect();
  using second = await server.connect();
  assert.equal(await rest(idle), "");
  await second.write(encode(GET));
  await asked.promise;
  using third = await server.connect();
  assert.equal(await rest(third), "");
  held.resolve();
  for (const connection of [first, second]) {
    const buffer = new Uint8Array(1000);
    const count = await connection.read(buffer);
    assert.match(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), /^HTTP\/1.1 200 OK/);
  }
  using later = await server.connect();
  assert.match(await ask(later), /here/);
});

Deno.test("clients that reset their connections before these are accepted disturb no others", async () => {
  await using server = await serving({});
  using idle = await server.connect();
  await ask(idle);
  // Nothing is accepted while this process waits for the other.
  const args = ["eval", RESETTING, `${server.port}`];
  assert.equal(new Deno.Command(Deno.execPath(), { args }).outputSync().success, true);
  using next = await server.connect();
  await ask(next);
  await ask(idle);
  assert.deepEqual(server.kept.lines, []);
});

Deno.test("a client that does not read its answer is dropped, and its request ends", async () => {
  const left = Promise.withResolvers<void>();
  await using server = await serving({ unread: 300 }, (request) => {
    request.signal.addEventListener("abort", () => left.resolve());
    return Promise.resolve(new Response(new Uint8Array(64 << 20)));
  });
  using connection = await server.connect();
  await connection.write(encode(GET));
  await left.promise;
});

/** A server whose answers begin when the client has left. */
async function servingUntilLeft() {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const server = await serving({}, async ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    asked.resolve();
    await left.promise;
    return new Response();
  });
  return { ...server, asked, left };
}

Deno.test("a client that goes away before its answer has begun ends its request", async () => {
  await using server = await servingUntilLeft();
  const connection = await server.connect();
  await connection.write(encode(GET));
  await server.asked.promise;
  connection.close();
  await server.left.promise;
});

Deno.test("an invalid request is refused, and an unforeseen failure is a 500", async () => {
  await using server = await serving({}, () => Promise.reject(new Error("unforeseen")));
  for (
    const [request, status] of [
      ["nonsense\r\n\r\n", 400],
      ["GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", 400],
      [`GET / HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(100_000)}\r\n\r\n`, 431],
      ["GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 500],
    ] as const
  ) {
    using connection = await server.connect();
    await connection.write(encode(request));
    if (request.includes("http://")) await connection.closeWrite();
    assert.match(await rest(connection), new RegExp(`^HTTP/1.1 ${status} `), request.slice(0, 50));
  }
});

Deno.test("a stream for a caller who has gone is cancelled, and does not delay a stop", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const answered = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const server = await serving({}, async ({ signal }) => {
    asked.resolve(signal);
    await answered.promise;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(encode("data: here\n\n")),
      cancel: () => cancelled.resolve(),
    });
    return new Response(endless, { headers: { "content-type": "text/event-stream" } });
  });
  const connection = await server.connect();
  await connection.write(encode(GET));
  const signal = await asked.promise;
  connection.close();
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  answered.resolve();
  await cancelled.promise;
  await server[Symbol.asyncDispose]();
});

Deno.test("a caller who leaves during a stream ends it", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await serving({}, () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(encode("data: here\n\n")),
      cancel: () => cancelled.resolve(),
    });
    const headers = { "content-type": "text/event-stream" };
    return Promise.resolve(new Response(endless, { headers }));
  });
  const connection = await server.connect();
  await connection.write(encode(GET));
  await connection.read(new Uint8Array(1024));
  connection.close();
  await cancelled.promise;
});

Deno.test("a body that has not come whole before the answer ends the connection with it", async () => {
  await using server = await serving({});
  const body = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const lengths = [`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"];
  for (const method of ["POST", "GET", "DELETE"]) {
    for (const length of lengths) {
      for (const expect of ["", "Expect: 100-continue\r\n"]) {
        using connection = await server.connect();
        const head = `${method} / HTTP/1.1\r\nHost: localhost\r\n${length}\r\n${expect}\r\n`;
        await connection.write(encode(head));
        const buffer = new Uint8Array(1000);
        const count = await connection.read(buffer) ?? 0;
        // It may be the body, or a request of somebody who has skipped the body.
        await connection.write(encode(body + GET));
        const answer = new TextDecoder().decode(buffer.subarray(0, count)) + await rest(connection);
        assert.match(answer, /^HTTP\/1.1 200 OK\r\n(.+\r\n)*connection: close\r\n/i, head);
        assert.equal(answer.split("HTTP/1.1").length, 2, head);
      }
    }
  }
  // One that has come is known to be the body.
  using connection = await server.connect();
  await connection.write(
    encode(`POST / HTTP/1.1\r\nHost: localhost\r\n${lengths[0]}\r\n\r\n${body}`),
  );
  const buffer = new Uint8Array(1000);
  const count = await connection.read(buffer) ?? 0;
  assert.doesNotMatch(new TextDecoder().decode(buffer.subarray(0, count)), /connection: close/i);
  assert.match(await ask(connection), /^HTTP\/1.1 200 OK/);
});

Deno.test("a head whose body or meaning others may see differently is refused, and ends the connection", async () => {
  let calls = 0;
  await using server = await serving({}, () => {
    calls++;
    return Promise.resolve(new Response("here\n"));
  });
  const post = (lines: string, version = "1.1") =>
    `POST / HTTP/${version}\r\nHost: localhost\r\n${lines}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  const lines = (count: number) => "a:\r\n".repeat(count - 1);
  for (
    const [request, status] of [
      [post("Transfer-Encoding: gzip, chunked"), 501],
      [post("Transfer-Encoding: identity, chunked"), 501],
      [post("Transfer-Encoding: ,chunked"), 501],
      [post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), 501],
      [post("Transfer-Encoding: chunked, chunked"), 400],
      [post("Transfer-Encoding: chunked;a=b"), 400],
      [post("Transfer-Encoding: gzip"), 400],
      [post("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400],
      [post("Transfer-Encoding: chunked", "1.0"), 400],
      [post("Connection: keep-alive\r\nTransfer-Encoding: chunked", "1.0"), 400],
      [post("Transfer-Encoding: chunked\r\nExpect: tea"), 417],
      [GET.replace("\r\n\r\n", `\r\n${lines(1001)}\r\n`), 431],
      [GET.replace("\r\n\r\n", `\r\n${lines(4000)}Origin: https://evil.example\r\n\r\n`), 431],
    ] as const
  ) {
    using connection = await server.connect();
    await connection.write(encode(request + GET));
    const answer = await rest(connection);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} (.+\r\n)+connection: close\r\n`, "i"));
    assert.equal(answer.split("HTTP/1.1").length, 2, request.slice(0, 100));
  }
  assert.equal(calls, 0);
  for (
    const request of [
      post("Transfer-Encoding: Chunked"),
      GET.replace("\r\n\r\n", `\r\n${lines(1000)}\r\n`),
    ]
  ) {
    using connection = await server.connect();
    await connection.write(encode(request));
    await ask(connection);
  }
  assert.equal(calls, 4);
});

Deno.test("what is no request is refused after the answers to those before it", async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using server = await serving({}, async (_request, next) => {
    asked.resolve();
    await held.promise;
    while (await next() !== undefined);
    return new Response("here\n");
  });
  const broken = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
  const connections: Deno.TcpConn[] = [];
  const cases = [
    ["nonsense\r\n\r\n", 400],
    [broken, 400],
    [`GET / HTTP/1.1\r\nA: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ] as const;
  for (const [bad] of cases) {
    const connection = await server.connect();
    connections.push(connection);
    await connection.write(encode(GET + GET + bad + GET));
  }
  await asked.promise;
  held.resolve();
  for (const [index, [bad, status]] of cases.entries()) {
    using connection = connections[index] ?? assert.fail();
    const answers = await rest(connection);
    const statuses = Array.from(answers.matchAll(/HTTP\/1.1 (\d+)/g), ([, code]) => Number(code));
    assert.deepEqual(statuses, [200, 200, status], bad.slice(0, 50));
  }
  // Others are read as ever.
  using next = await server.connect();
  await ask(next);
});

Deno.test("of too many connections, one whose message is slow to arrive makes room, not one that is answered", async () => {
  const held = Promise.withResolvers<void>();
  let running = 0;
  const started = Promise.withResolvers<void>();
  await using server = await serving({ most: 3 }, async (request, next) => {
    running++;
    if (running === 3) started.resolve();
    while (await next() !== undefined);
    if (request.url.endsWith("/held")) await held.promise;
    return new Response("here\n");
  });
  const half = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc";
  using first = await server.connect();
  await first.write(encode(GET.replace("/", "/held")));
  using slow = await server.connect();
  await slow.write(encode(half));
  using other = await server.connect();
  await other.write(encode(half));
  await started.promise;
  // A client tries until it gets through.
  const retry = async (): Promise<string> => {
    for (;;) {
      using connection = await server.connect();
      try {
        await connection.write(encode(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")));
      } catch {
        // Refused.
      }
      const answer = await rest(connection);
      if (answer !== "") return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  assert.match(await retry(), /here/);
  assert.equal(await rest(slow), "");
  await other.write(encode("defghi"));
  const buffer = new Uint8Array(1000);
  for (const connection of [other, first]) {
    const count = await connection.read(buffer) ?? 0;
    assert.match(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1.1 200 OK/);
    held.resolve();
  }
});

Deno.test("a client that ends in the middle of a request is gone, and so are its calls", async () => {
  await using server = await servingUntilLeft();
  using connection = await server.connect();
  await connection.write(encode(`${GET}GET / HT`));
  await server.asked.promise;
  await connection.closeWrite();
  await server.left.promise;
  assert.equal(await rest(connection), "");
});
