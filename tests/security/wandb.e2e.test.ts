/** W&B's side of the permissions, on the product: which files, which hosts, which credentials. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../support/product.ts";
import { startWandbSim, type WandbSim } from "../support/wandb/mod.ts";

const CALL = ["call", "list_entities_tool"];
const EXPECTED = '{"count":2,"default_entity":"sim-user",' +
  '"entities":[{"name":"sim-user","type":"user"},{"name":"sim-team","type":"team"}]}\n';

async function withSim(work: (sim: WandbSim, dir: string) => Promise<void>): Promise<void> {
  const sim = startWandbSim();
  const dir = await Deno.makeTempDir();
  try {
    await work(sim, dir);
  } finally {
    await sim.stop();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("credentials work from the environment, a netrc file and an identity token", async () => {
  await withSim(async (sim, dir) => {
    const netrc = join(dir, "netrc");
    const token = join(dir, "token");
    const { host } = new URL(sim.url);
    await Deno.writeTextFile(netrc, `machine ${host}\n  login user\n  password ${sim.apiKey}\n`);
    await Deno.writeTextFile(token, `${sim.accounts.identityToken}\n`);
    for (
      const env of [
        { WANDB_API_KEY: sim.apiKey },
        { NETRC: netrc },
        { WANDB_IDENTITY_TOKEN_FILE: token },
      ]
    ) {
      const end = await run(CALL, { ...env, WANDB_BASE_URL: sim.url });
      assert.deepEqual(end, { code: 0, stdout: EXPECTED, stderr: "" });
    }
  });
});

Deno.test("without a key nothing is listed, and the reason names the host and the file", async () => {
  const { stdout, stderr } = await run(["tools"], {
    WANDB_BASE_URL: "https://wandb.corp.test",
    NETRC: "/nowhere/netrc",
  });
  assert.match(stdout + stderr, /no key is configured.*wandb\.corp\.test.*netrc/);
  assert.ok(!stdout.includes("list_entities_tool"));
});

Deno.test("a host that W&B redirects to sees no request, and its name is reported", async () => {
  const other = startWandbSim();
  try {
    await withSim(async (sim) => {
      const to = `${other.url}/graphql`;
      sim.faults.add({ kind: "redirect", status: 307, to });
      const env = { WANDB_API_KEY: sim.apiKey, WANDB_BASE_URL: sim.url };
      const end = await run(CALL, env);
      assert.equal(end.code, 1);
      assert.match(end.stdout + end.stderr, /host_not_allowed/);
      assert.ok((end.stdout + end.stderr).includes(new URL(other.url).host));
      assert.equal(other.requests.length, 0);
    });
  } finally {
    await other.stop();
  }
});

Deno.test("the documentation's host gets searches without the key, and none if they are off", async () => {
  await withSim(async (sim) => {
    const seen: Headers[] = [];
    const docs = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      seen.push(new Headers(request.headers));
      return Response.json({ id: 1, result: { content: [{ type: "text", text: "Sweeps" }] } });
    });
    try {
      const env = {
        WANDB_API_KEY: sim.apiKey,
        WANDB_BASE_URL: sim.url,
        WANDBOT_BASE_URL: `http://127.0.0.1:${docs.addr.port}/mcp`,
      };
      const search = ["call", "search_wandb_docs_tool", "query=sweeps"];
      const end = await run(search, env);
      assert.equal(end.code, 0, end.stderr);
      assert.match(end.stdout, /Sweeps/);
      assert.equal(seen.length, 1);
      assert.ok([...seen[0]?.values() ?? []].every((value) => !value.includes(sim.apiKey)));
      assert.equal(seen[0]?.get("authorization"), null);
      const off = await run(search, { ...env, WANDB_MCP_PROXY_DOCS: "false" });
      assert.notEqual(off.code, 0);
      assert.equal(seen.length, 1);
    } finally {
      await docs.shutdown();
    }
  });
});

Deno.test("a key is in no output, whatever a careless server says about it", async () => {
  const key = `canary${"0123456789".repeat(4)}`.slice(0, 40);
  const forms = [key, btoa(`api:${key}`).replace(/=+$/, "")];
  const ways: Record<string, (sent: string) => Response> = {
    "an error that repeats it": (sent) =>
      Response.json({ errors: [{ message: `sent: ${sent}` }], detail: sent }, { status: 500 }),
    "a refusal that repeats it": (sent) => new Response(`no: ${sent}`, { status: 401 }),
    "a page that repeats it": (sent) =>
      new Response(`<html>${sent}`, { headers: { "content-type": "text/html" } }),
    "errors beside no data": (sent) => Response.json({ data: null, errors: [{ message: sent }] }),
    "a redirect that holds it": (sent) =>
      new Response(null, {
        status: 307,
        headers: { location: `http://localhost:1/?${encodeURIComponent(sent)}` },
      }),
  };
  const project = ["entity_name=a", "project_name=b"];
  const calls = [
    ["list_entities_tool"],
    ["count_weave_traces_tool", ...project],
    ["query_weave_traces_tool", ...project],
    ["get_run_history_tool", ...project, "run_id=c"],
  ];
  for (const [way, answer] of Object.entries(ways)) {
    const sent: string[] = [];
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      const credentials = request.headers.get("authorization") ?? "";
      sent.push(credentials);
      return answer(`${credentials} ${atob(credentials.replace(/^Basic /, ""))}`);
    });
    try {
      const address = `http://127.0.0.1:${server.addr.port}`;
      const env = {
        WANDB_API_KEY: key,
        WANDB_BASE_URL: address,
        WF_TRACE_SERVER_URL: `${address}/traces`,
        WANDB_HTTP_TIMEOUT: "1",
        MCP_SERVER_LOG_LEVEL: "DEBUG",
      };
      const ends = await Promise.all(
        calls.map((words, index) =>
          run(["call", ...words, "--log-format", index % 2 === 0 ? "json" : "human"], env)
        ),
      );
      ends.forEach(({ code, stdout, stderr }, index) => {
        assert.equal(code, 1, `${calls[index]} ${way}: ${stdout}${stderr}`);
        // It is the server's answer that fails them all.
        assert.doesNotMatch(stdout, /"internal"|There is no argument|Arguments: /);
        for (const form of forms) {
          assert.ok(
            !(stdout + stderr).includes(form),
            `${calls[index]} ${way}: ${stdout}${stderr}`,
          );
        }
      });
      assert.ok(sent.length >= calls.length && sent.every((text) => text.startsWith("Basic ")));
    } finally {
      await server.shutdown();
    }
  }
});
