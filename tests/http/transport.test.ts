/** Redirects: within the host only, unless the configuration names the other. */
import assert from "node:assert/strict";
import { z } from "zod";
import { path } from "../../src/http/request.ts";
import { failure, serve, sessionWith } from "./support.ts";

const GET = { method: "GET", path: path`/start` } as const;
const POST = { method: "POST", path: path`/start`, json: { a: 1 } } as const;
const Outcome = z.object({
  value: z.unknown().optional(),
  report: z.object({ error: z.string(), message: z.string(), hint: z.string().optional() })
    .optional(),
});

const to = (location: string, status = 302) =>
  new Response(null, { status, headers: { location } });

/** Asks from a worker that may reach only the given hosts. */
function confined(url: string, net: readonly string[], method: "GET" | "POST" = "GET") {
  const { promise, resolve, reject } = Promise.withResolvers<z.output<typeof Outcome>>();
  const worker = new Worker(new URL("./confined.ts", import.meta.url).href, {
    type: "module",
    deno: { permissions: { net: [...net], read: true, import: true } },
  });
  worker.onmessage = ({ data }) => resolve(Outcome.parse(data));
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage({ url, method });
  return promise.finally(() => worker.terminate());
}

Deno.test("a redirect within the host is followed with the credentials", async () => {
  const authorizations: (string | null)[] = [];
  await using server = serve((request, count) => {
    authorizations.push(request.headers.get("authorization"));
    return count === 0 ? to("/next?x=1") : count === 1 ? to("end") : Response.json({ ok: 1 });
  });
  assert.deepEqual(await sessionWith(server.url).json(GET), { ok: 1 });
  assert.deepEqual(server.requests, ["GET /start", "GET /next?x=1", "GET /end"]);
  assert.deepEqual(authorizations, Array(3).fill("Bearer canary-token-0001"));
});

Deno.test("an absolute address is used as it is, query included", async () => {
  await using server = serve((_, count) => count === 0 ? to("/plain") : Response.json(1));
  const address = new URL(`${server.url}/signed%2Fpath?b=%7e&a=+1`);
  assert.equal(await sessionWith("http://127.0.0.1:1/prefix").json({ method: "GET", address }), 1);
  assert.deepEqual(server.requests, ["GET /signed%2Fpath?b=%7e&a=+1", "GET /plain"]);
});

Deno.test("a redirect to a host that is not configured is refused, and that host sees nothing", async () => {
  await using other = serve(() => Response.json({ stolen: true }));
  for (const status of [301, 302, 303, 307, 308]) {
    for (const method of ["GET", "POST"] as const) {
      await using server = serve(() => to(`${other.url}/steal`, status));
      const { report } = await confined(server.url, [server.host], method);
      assert.equal(report?.error, "host_not_allowed", `${method} ${status}`);
      assert.ok(report?.message.includes(other.host), report?.message);
      assert.match(report?.hint ?? "", new RegExp(`--allow-hosts ${other.host}`));
      assert.equal(server.requests.length, 1);
    }
  }
  assert.deepEqual(other.requests, []);
});

Deno.test("a redirect to a cloud's metadata service is refused, and nothing can permit it", async () => {
  for (const host of ["169.254.169.254", "2852039166", "[::ffff:169.254.169.254]:8080"]) {
    await using server = serve(() => to(`http://${host}/latest/meta-data`));
    const { report } = await confined(server.url, [server.host]);
    assert.equal(report?.error, "host_not_allowed", host);
    assert.match(report?.hint ?? "", /^No setting permits it/);
  }
});

Deno.test("the runtime's permissions refuse a host, not only the code", async () => {
  await using other = serve(() => Response.json({}));
  await using server = serve(() => Response.json({ ok: 1 }));
  const { report } = await confined(other.url, [server.host]);
  assert.equal(report?.error, "host_not_allowed");
  assert.ok(report?.message.includes(other.host), report?.message);
  assert.deepEqual((await confined(server.url, [server.host])).value, { ok: 1 });
  assert.deepEqual(other.requests, []);
});

Deno.test("a redirect to an allowed host is followed without credentials", async () => {
  const seen: string[] = [];
  await using other = serve((request) => {
    seen.push(JSON.stringify([...request.headers]));
    return Response.json({ from: "other" });
  });
  await using server = serve(() => to(`${other.url}/object?signature=1`));
  const { value } = await confined(server.url, [server.host, other.host]);
  assert.deepEqual(value, { from: "other" });
  assert.equal(seen.length, 1);
  assert.doesNotMatch(seen[0] ?? "", /canary|authorization/i);
});

Deno.test("a write is not redirected to another host, even if that host is allowed", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    await using other = serve(() => Response.json({ token: "of the other" }));
    await using server = serve(() => to(`${other.url}/oidc/token`, status));
    const { report } = await confined(server.url, [server.host, other.host], "POST");
    assert.equal(report?.error, "upstream_error", String(status));
    assert.match(report?.message ?? "", /redirects a POST request to another host/);
    assert.ok(report?.message.includes(other.host), report?.message);
    assert.deepEqual([server.requests.length, other.requests.length], [1, 0]);
  }
});

Deno.test("a redirect in circles ends", async () => {
  await using server = serve(() => to("/start"));
  const { report } = await failure(sessionWith(server.url).json(GET));
  assert.match(report.message, /redirects in circles/);
  assert.equal(server.requests.length, 6);
});

Deno.test("a redirect without a target, or to something that is not a web address, is refused", async () => {
  for (
    const location of ["file:///etc/passwd", "data:text/plain,x", "ftp://127.0.0.1/", "http://"]
  ) {
    await using server = serve(() => to(location));
    const { report } = await failure(sessionWith(server.url).json(GET));
    assert.match(report.message, /to nowhere/, location);
  }
  await using server = serve(() => new Response(null, { status: 302 }));
  assert.match((await failure(sessionWith(server.url).json(GET))).message, /to nowhere/);
});

Deno.test("a POST follows only 307 and 308, with its body", async () => {
  for (const status of [301, 302, 303]) {
    await using server = serve(() => to("/next", status));
    const { report } = await failure(sessionWith(server.url).json(POST));
    assert.match(report.message, /redirects a POST request/, String(status));
    assert.deepEqual(server.requests, ["POST /start"]);
  }
  for (const status of [307, 308]) {
    await using server = serve(async (request, count) =>
      count === 0 ? to("/next", status) : Response.json({ got: await request.json() })
    );
    assert.deepEqual(await sessionWith(server.url).json(POST), { got: { a: 1 } });
    assert.deepEqual(server.requests, ["POST /start", "POST /next"]);
  }
});

Deno.test("credentials in a redirect's target are not used", async () => {
  const authorizations: (string | null)[] = [];
  await using server = serve((request, count) => {
    authorizations.push(request.headers.get("authorization"));
    const target = `http://user:canary@${new URL(request.url).host}/next`;
    return count === 0 ? to(target) : Response.json(1);
  });
  assert.equal(await sessionWith(server.url).json(GET), 1);
  assert.deepEqual(authorizations, Array(2).fill("Bearer canary-token-0001"));
});
