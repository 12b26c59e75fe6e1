/** Trust: the built-in authorities, one of the user's own, or none at all when asked for. */
import assert from "node:assert/strict";
import { path } from "../../src/http/request.ts";
import { createTransport } from "../../src/http/transport.ts";
import { certificate } from "./certificate.ts";
import { failure, serve, sessionWith } from "./support.ts";

const GET = { method: "GET", path: path`/x` } as const;
const authority = await certificate({ name: "Test authority", authority: true });
const good = await certificate({ name: "server", hosts: ["127.0.0.1"], by: authority });

Deno.test("an unknown authority is refused with what to do, and not tried again", async () => {
  await using server = serve(() => Response.json(1), good);
  const { report } = await failure(sessionWith(server.url).json(GET));
  assert.equal(report.error, "unreachable");
  assert.match(report.message, /signed by an authority that is not trusted here/);
  assert.match(report.hint ?? "", /MLFLOW_TRACKING_SERVER_CERT_PATH/);
  assert.equal(report.retryable, false);
  assert.deepEqual(server.requests, []);
});

Deno.test("the user's own authority is trusted, for its hosts and as long as it is valid", async () => {
  const transport = createTransport({ caCerts: [authority.cert] });
  await using server = serve(() => Response.json({ ok: 1 }), good);
  assert.deepEqual(await sessionWith(server.url, { transport }).json(GET), { ok: 1 });

  const foreign = await certificate({ name: "x", hosts: ["other.example"], by: authority });
  await using elsewhere = serve(() => Response.json(1), foreign);
  const wrongHost = await failure(sessionWith(elsewhere.url, { transport }).json(GET));
  assert.match(wrongHost.message, /is for another host name/);
  assert.match(wrongHost.hint ?? "", /^Name the host in \S+ as it does/);

  const until = new Date(Date.now() - 3_600_000);
  const old = await certificate({ name: "x", hosts: ["127.0.0.1"], by: authority, until });
  await using expired = serve(() => Response.json(1), old);
  const tooLate = await failure(sessionWith(expired.url, { transport }).json(GET));
  assert.match(tooLate.message, /has expired/);
  assert.match(tooLate.hint ?? "", /needs a new one/);
  assert.deepEqual([...elsewhere.requests, ...expired.requests], []);
});

Deno.test("without verification any certificate is accepted, for every kind of request", async () => {
  const transport = createTransport({ insecure: true });
  const lengths: (string | null)[] = [];
  await using server = serve(async (request) => {
    const { pathname } = new URL(request.url);
    lengths.push(request.headers.get("content-length"));
    if (pathname === "/empty") return new Response(null, { status: 204 });
    if (pathname === "/reset") return new Response(null, { status: 205 });
    if (pathname === "/gone") return new Response("no such thing", { status: 404 });
    return Response.json({
      method: request.method,
      authorization: request.headers.get("authorization"),
      body: await request.text(),
    });
  }, good);
  const session = sessionWith(server.url, { transport });
  assert.deepEqual(await session.json(GET), {
    method: "GET",
    authorization: "Bearer canary-token-0001",
    body: "",
  });
  const post = await session.json({ method: "POST", path: path`/x`, json: { text: "größer" } });
  assert.deepEqual(post, {
    method: "POST",
    authorization: "Bearer canary-token-0001",
    body: '{"text":"größer"}',
  });
  assert.equal(lengths.at(-1), "19");
  assert.equal(await session.text({ method: "DELETE", path: path`/empty` }), "");
  assert.equal(await session.text({ method: "GET", path: path`/reset` }), "");
  const { report } = await failure(session.json({ method: "GET", path: path`/gone` }));
  assert.match(report.message, /no such thing/);
});

Deno.test("without verification a stall still ends in time, and redirects stay within the host", async () => {
  const transport = createTransport({ insecure: true });
  const over = Promise.withResolvers<void>();
  await using server = serve(async (request) => {
    if (request.url.endsWith("/circle")) {
      return new Response(null, { status: 302, headers: { location: "/circle" } });
    }
    await over.promise;
    return new Response();
  }, good);
  const stalled = await failure(sessionWith(server.url, { transport, timeoutMs: 400 }).json(GET));
  over.resolve();
  assert.equal(stalled.code, "timeout");
  const circle = await failure(
    sessionWith(server.url, { transport }).json({ method: "GET", path: path`/circle` }),
  );
  assert.match(circle.message, /in circles/);
});

Deno.test("without verification a body cut short is still reported", async () => {
  const transport = createTransport({ insecure: true });
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: good.cert,
    key: good.key,
  });
  const answering = (async () => {
    for await (const connection of listener) {
      try {
        await connection.read(new Uint8Array(65536));
        const bytes = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":1}';
        await connection.write(new TextEncoder().encode(bytes));
        connection.close();
      } catch {
        // The client went away.
      }
    }
  })();
  const port = listener.addr.transport === "tcp" ? listener.addr.port : 0;
  const { report } = await failure(
    sessionWith(`https://127.0.0.1:${port}`, { transport, timeoutMs: 5000 }).json(GET),
  );
  listener.close();
  await answering;
  assert.equal(report.retryable, true);
  assert.match(report.message, /cut short|failed or was lost/);
});

Deno.test("a redirect from https to http is refused, even within the host's name", async () => {
  const transport = createTransport({ caCerts: [authority.cert] });
  await using plain = serve(() => Response.json({ stolen: true }));
  await using server = serve(
    () => new Response(null, { status: 302, headers: { location: `${plain.url}/x` } }),
    good,
  );
  const { report } = await failure(sessionWith(server.url, { transport }).json(GET));
  assert.equal(report.error, "host_not_allowed");
  assert.match(report.message, /redirects to another host/);
  assert.deepEqual(plain.requests, []);
});

Deno.test("https to a server that speaks plain http is reported as such", async () => {
  await using server = serve(() => Response.json(1));
  const url = server.url.replace("http:", "https:");
  const { report } = await failure(sessionWith(url).json(GET));
  assert.match(report.message, /does not speak TLS/);
});
