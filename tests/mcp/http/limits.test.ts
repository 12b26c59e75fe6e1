/** How much one caller may ask. */
import assert from "node:assert/strict";
import { isFailure } from "../../../src/core/failure.ts";
import { createHttpHandler } from "../../../src/mcp/http.ts";
import { createLimits } from "../../../src/mcp/http/limits.ts";
import { acting, echo, factoryOf, keptLog, postCall } from "../support.ts";

const refused = (work: () => Disposable) => {
  try {
    work();
  } catch (error) {
    assert.ok(isFailure(error, "rate_limited"));
    return { message: error.message, hint: error.hint, retryable: error.retryable };
  }
  return undefined;
};

Deno.test("calls at a time are counted for each caller, until they end", () => {
  const admit = createLimits({ callsAtOnce: 2, callsPerMinute: 100 }, () => 0);
  const first = admit("a");
  const second = admit("a");
  assert.match(refused(() => admit("a"))?.message ?? "", /^2 calls of yours are under way/);
  admit("b")[Symbol.dispose]();
  first[Symbol.dispose]();
  admit("a");
  assert.ok(refused(() => admit("a")));
  second[Symbol.dispose]();
  admit("a");
});

Deno.test("calls in a minute come back as time goes by", () => {
  let now = 0;
  const admit = createLimits({ callsAtOnce: 10, callsPerMinute: 6 }, () => now);
  const call = () => admit("a")[Symbol.dispose]();
  for (let count = 0; count < 6; count++) call();
  const told = refused(() => admit("a"));
  assert.match(told?.message ?? "", /6 calls within a minute.*Nothing was sent upstream/);
  assert.match(told?.hint ?? "", /^Wait 10 s/);
  assert.equal(told?.retryable, true);
  admit("b")[Symbol.dispose]();
  now += 9_999;
  assert.ok(refused(() => admit("a")));
  now += 1;
  call();
  assert.ok(refused(() => admit("a")));
  now += 3_600_000;
  for (let count = 0; count < 6; count++) call();
  assert.ok(refused(() => admit("a")));
});

Deno.test("callers who come and go leave nothing, those with calls under way are kept", () => {
  let now = 0;
  const admit = createLimits({ callsAtOnce: 1, callsPerMinute: 60 }, () => now);
  admit("waiting");
  for (let count = 0; count < 5_000; count++) {
    admit(`caller ${count}`)[Symbol.dispose]();
    now += 1;
  }
  assert.ok(refused(() => admit("waiting")));
  assert.ok(refused(() => {
    for (let count = 0; count < 61; count++) admit("busy")[Symbol.dispose]();
    return { [Symbol.dispose]: () => {} };
  }));
});

Deno.test("a call too many is answered as a tool's failure that says when to repeat it", async () => {
  const release = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow = acting(async () => {
    started.resolve();
    await release.promise;
    return {};
  });
  const handler = createHttpHandler(factoryOf([slow, echo]), {
    allowedHosts: [],
    authentication: { kind: "passthrough", key: new Uint8Array(32) },
    admit: createLimits({ callsAtOnce: 1, callsPerMinute: 100 }),
    log: keptLog().log,
    ready: () => true,
  });
  const call = async (name: string, key: string, mlflow?: string) => {
    const response = await handler.fetch(
      postCall(name, name === "echo" ? { text: "said" } : {}, {
        authorization: `Bearer ${key}`,
        ...(mlflow === undefined ? {} : { "x-mlflow-authorization": `Bearer ${mlflow}` }),
      }),
    );
    return { status: response.status, text: await response.text() };
  };
  const first = call("act", "one");
  await started.promise;
  const second = await call("echo", "one");
  assert.equal(second.status, 200);
  assert.match(second.text, /"isError":true/);
  assert.match(second.text, /rate_limited.*"retryable":true/);
  // Something new beside it makes nobody else of who has a credential.
  assert.match((await call("echo", "one", "new")).text, /rate_limited/);
  assert.match((await call("echo", "other")).text, /"said":\["said"\]/);
  release.resolve();
  await first;
  assert.match((await call("echo", "one")).text, /"said":\["said"\]/);
});
