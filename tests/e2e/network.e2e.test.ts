/** Companies' networks: the product behind a proxy, and before a server with their own authority. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../support/product.ts";
import { startWandbSim } from "../support/wandb/mod.ts";
import { certificate } from "../http/certificate.ts";

const CALL = ["call", "list_entities_tool"];
const FOUND = /"entities":\[\{"name":"sim-user"/;

/** A server on a free port of this machine. */
function listen(handler: Deno.ServeHandler, tls: { cert?: string; key?: string } = {}) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, handler);
}

/** Sends a request on to the simulator. */
async function forward(request: Request, to: string): Promise<Response> {
  const { pathname } = new URL(request.url);
  const headers = { authorization: request.headers.get("authorization") ?? "" };
  const reply = await fetch(to + pathname, {
    method: request.method,
    headers: { ...headers, "content-type": "application/json" },
    body: await request.text(),
  });
  return new Response(await reply.text(), { status: reply.status });
}

Deno.test("a proxy is used for the hosts that NO_PROXY does not name", async () => {
  const sim = startWandbSim();
  const asked: string[] = [];
  const proxy = listen((request) => {
    asked.push(new URL(request.url).host);
    return forward(request, sim.url);
  });
  try {
    const env = {
      WANDB_API_KEY: sim.apiKey,
      HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}`,
    };
    const through = await run(CALL, { ...env, WANDB_BASE_URL: "http://wandb.corp.test" });
    assert.match(through.stdout, FOUND);
    assert.deepEqual(asked, ["wandb.corp.test"]);
    const around = { ...env, WANDB_BASE_URL: sim.url, NO_PROXY: "127.0.0.1" };
    assert.match((await run(CALL, around)).stdout, FOUND);
    assert.equal(asked.length, 1);
  } finally {
    await proxy.shutdown();
    await sim.stop();
  }
});

Deno.test("a proxy that is unreachable, refuses or wants credentials is named with its fault", async () => {
  const tunnel = (status: string) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    (async () => {
      for await (const connection of listener) {
        await connection.read(new Uint8Array(4096));
        const reply = `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`;
        await connection.write(new TextEncoder().encode(reply));
        connection.close();
      }
    })();
    return listener;
  };
  const portOf = ({ addr }: Deno.Listener) => addr.transport === "tcp" ? addr.port : 0;
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nobody = `127.0.0.1:${portOf(gone)}`;
  gone.close();
  const locked = tunnel("407 Proxy Authentication Required");
  const closed = tunnel("403 Forbidden");
  try {
    const cases = [
      ["HTTP_PROXY", "http", nobody, /proxy .* \(HTTP_PROXY\) .* does not answer/],
      ["https_proxy", "https", nobody, /proxy .* \(HTTPS_PROXY\) .* does not answer/],
      ["HTTP_PROXY", "http", `127.0.0.1:${portOf(locked)}`, /proxy .* asks for credentials/],
      ["HTTPS_PROXY", "https", `127.0.0.1:${portOf(locked)}`, /proxy .* asks for credentials/],
      ["HTTPS_PROXY", "https", `127.0.0.1:${portOf(closed)}`, /proxy .* does not connect to W&B/],
    ] as const;
    for (const [variable, scheme, host, expected] of cases) {
      const { stdout, stderr } = await run(CALL, {
        WANDB_API_KEY: "k".repeat(40),
        WANDB_BASE_URL: `${scheme}://wandb.corp.test`,
        [variable]: `http://user:canary-password@${host}`,
      });
      assert.match(stdout + stderr, expected);
      assert.doesNotMatch(stdout + stderr, /not running there|canary/);
    }
  } finally {
    locked.close();
    closed.close();
  }
});

Deno.test("a company's authority is trusted through DENO_CERT, and its absence is named", async () => {
  const sim = startWandbSim();
  const dir = await Deno.makeTempDir();
  const authority = await certificate({ name: "Company", authority: true });
  const { cert, key } = await certificate({
    name: "wandb",
    hosts: ["127.0.0.1"],
    by: authority,
  });
  const server = listen((request) => forward(request, sim.url), { cert, key });
  try {
    const file = join(dir, "authority.pem");
    await Deno.writeTextFile(file, authority.cert);
    const env = {
      WANDB_API_KEY: sim.apiKey,
      WANDB_BASE_URL: `https://127.0.0.1:${server.addr.port}`,
    };
    const refused = await run(CALL, env);
    assert.equal(refused.code, 1);
    assert.match(refused.stdout + refused.stderr, /not trusted here.*DENO_CERT/);
    assert.equal(sim.requests.length, 0);
    assert.match((await run(CALL, { ...env, DENO_CERT: file })).stdout, FOUND);
  } finally {
    await server.shutdown();
    await sim.stop();
    await Deno.remove(dir, { recursive: true });
  }
});
