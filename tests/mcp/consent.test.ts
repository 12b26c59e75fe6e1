/** A question's answer counts for what was asked, by whom it was asked, and for a while. */
import assert from "node:assert/strict";
import { createHttpHandler } from "../../src/mcp/http.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { destroyer, keptLog } from "./support.ts";

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
};
const YES = { consent: { action: "accept", content: { confirm: true } } };

/** A replica; what it destroyed is in `done`. */
function replica(done: string[], stateKey?: Uint8Array) {
  const factory = createServerFactory({
    name: "test",
    version: "1",
    instructions: "",
    tools: [destroyer(done)],
    trustConfirm: false,
    log: keptLog().log,
    stateKey,
  });
  const { fetch } = createHttpHandler(factory, {
    allowedHosts: [],
    // Callers have the same ids at all replicas.
    authentication: { kind: "passthrough", key: new Uint8Array(32) },
    log: keptLog().log,
    ready: () => true,
  });
  return async (params: Record<string, unknown>, caller = "ana") => {
    const response = await fetch(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: {
          host: "localhost",
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": "tools/call",
          "mcp-name": "destroy",
          authorization: `Bearer ${caller}`,
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: "destroy", _meta: META, ...params },
        }),
      }),
    );
    return await response.text();
  };
}

const stateIn = (text: string) => /"requestState":"([^"]+)"/.exec(text)?.[1] ?? "";
const INVALID = /-32602.*Invalid or expired requestState/;
const THING = { arguments: { thing: "x", dry_run: false } };

Deno.test("a question from one replica can be answered at another with the same key", async () => {
  const done: string[] = [];
  const key = new Uint8Array(32).fill(7);
  const [first, second] = [replica(done, key), replica(done, key)];
  const requestState = stateIn(await first(THING));
  assert.match(requestState, /^v1\./);
  assert.deepEqual(done, []);
  // The same arguments in another order are the same.
  const reordered = { arguments: { dry_run: false, thing: "x" } };
  const answer = await second({ ...reordered, requestState, inputResponses: YES });
  assert.match(answer, /"destroyed":"x"/);
  assert.deepEqual(done, ["x"]);
});

Deno.test("without the same key, no other replica accepts the answer", async () => {
  const done: string[] = [];
  const keys = [undefined, new Uint8Array(32).fill(8)];
  for (const key of keys) {
    const requestState = stateIn(await replica(done, key)(THING));
    for (const other of [undefined, new Uint8Array(32).fill(9)]) {
      const answer = await replica(done, other)({ ...THING, requestState, inputResponses: YES });
      assert.match(answer, INVALID);
    }
  }
  assert.deepEqual(done, []);
});

Deno.test("a yes counts only for these arguments, this caller and this question", async () => {
  const done: string[] = [];
  const ask = replica(done);
  const requestState = stateIn(await ask(THING));
  const yes = { requestState, inputResponses: YES };
  for (
    const args of [{ thing: "y", dry_run: false }, { thing: "x" }, {
      thing: "x",
      dry_run: false,
      confirm: true,
    }]
  ) {
    assert.match(await ask({ arguments: args, ...yes }), INVALID, JSON.stringify(args));
  }
  assert.match(await ask({ ...THING, ...yes }, "ben"), INVALID);
  const [body = "", mac = ""] = requestState.slice(3).split(".");
  const forged = btoa(atob(body.replaceAll("-", "+").replaceAll("_", "/")).replace("exp", "exq"))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  for (
    const state of ["", "v1.", "x", `v1.${forged}.${mac}`, `v1.${body}.`, `v1.${body}.${mac}x`]
  ) {
    assert.match(await ask({ ...THING, requestState: state, inputResponses: YES }), INVALID, state);
  }
  assert.deepEqual(done, []);
  assert.match(await ask({ ...THING, ...yes }), /"destroyed":"x"/);
});

Deno.test("an answer without a question is no agreement", async () => {
  const done: string[] = [];
  const answer = await replica(done)({ ...THING, inputResponses: YES });
  assert.match(answer, /"resultType":"input_required"/);
  assert.deepEqual(done, []);
});

Deno.test("an answer that comes too late is refused", async () => {
  const done: string[] = [];
  const ask = replica(done);
  const requestState = stateIn(await ask(THING));
  const { now } = Date;
  const later = (seconds: number) => Date.now = () => now() + seconds * 1000;
  try {
    later(602);
    assert.match(await ask({ ...THING, requestState, inputResponses: YES }), INVALID);
    assert.deepEqual(done, []);
    later(590);
    assert.match(await ask({ ...THING, requestState, inputResponses: YES }), /"destroyed":"x"/);
  } finally {
    Date.now = now;
  }
});
