import type { Transport } from "../../src/http/transport.ts";
import { paceRequests } from "../../src/wandb/account.ts";

import assert from "node:assert/strict";

/** A transport that counts its requests and says of each how many are left and until when. */
function limited(limits: readonly { remaining: string; reset: string }[]) {
  const asked: string[] = [];
  const transport: Transport = (url) => {
    const { remaining = "10", reset = "60" } = limits[asked.length] ?? {};
    asked.push(String(url));
    const headers = { "ratelimit-remaining": remaining, "ratelimit-reset": reset };
    return Promise.resolve(new Response("", { headers }));
  };
  return { asked, transport };
}

const ADDRESS = new URL("https://api.example.test/graphql");
const init = (signal = new AbortController().signal) => ({
  method: "GET",
  headers: {},
  signal,
});

Deno.test("an exhausted rate limit is waited for, and a cancelled call stops waiting", async () => {
  const { asked, transport } = limited([{ remaining: "0", reset: "3600" }]);
  const pacedTransport = paceRequests(transport);
  await pacedTransport(ADDRESS, init());
  const cancelling = new AbortController();
  const waiting = pacedTransport(ADDRESS, init(cancelling.signal));
  cancelling.abort(new Error("cancelled"));
  await assert.rejects(waiting);
  assert.equal(asked.length, 1, "a request was sent although none was left");
});

Deno.test("the wait ends at the reset, and remaining requests are sent at once", async () => {
  let now = 0;
  const { asked, transport } = limited([
    { remaining: "0", reset: "0.01" },
    { remaining: "1", reset: "3600" },
    { remaining: "0", reset: "3600" },
  ]);
  const pacedTransport = paceRequests(transport, { until: 0 }, () => now);
  for (const count of [1, 2, 3]) {
    await pacedTransport(ADDRESS, init());
    assert.equal(asked.length, count);
  }
  now = 3_600_001;
  await pacedTransport(ADDRESS, init(AbortSignal.abort()));
  assert.equal(asked.length, 4, "the reset is over: nothing to wait for");
});
