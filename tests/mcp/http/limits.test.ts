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

Deno.test("concurrent calls are counted per caller, until they end", () => {
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

Deno.test("the allowance of calls per minute refills over time", () => {
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

Deno.test("idle callers are forgotten, those with calls under way are kept", () => {
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

Deno.test("if there are too many callers to remember, the longest idle are forgotten", () => {
  const admit = createLimits({ callsAtOnce: 1, callsPerMinute: 1 }, () => 0);
  admit("running");
  const once = (caller: string) =>
    refused(() => {
      const admitted = admit(caller);
      admitted[Symbol.dispose]();
      return admitted;
    });
  const flood = (name: string) => {
    for (let count = 0; count < 9_998; count++) assert.equal(once(`${name} ${count}`), undefined);
  };
  once("early");
  flood("a");
  // All are remembered, and this one has asked last.
  assert.ok(once("early"));
  flood("b");
  assert.ok(once("early"));
  flood("c");
  flood("d");
  assert.equal(once("early"), undefined);
  assert.ok(once("running"));
});

Deno.test("a call that is answered early counts until it has ended", async () => {
  const held = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const deaf = acting(async () => {
    started.resolve();
    await held.promise;
    return {};
  });
  const handler = createHttpHandler(factoryOf([deaf, echo]), {
    allowedHosts: [],
    authentication: { kind: "passthrough", key: new Uint8Array(32) },
    admit: createLimits({ callsAtOnce: 1, callsPerMinute: 100 }),
    log: keptLog().log,
    ready: () => true,
  });
  const call = async (name: string, args: object) =>
    await (await handler.fetch(postCall(name, args, { authorization: "Bearer one" }))).text();
  const { setTimeout: real } = globalThis;
  const giveUp: (() => void)[] = [];
  const watched = (action: () => void, milliseconds?: number) => {
    if (milliseconds !== 55_000) return real(action, milliseconds);
    giveUp.push(action);
    return real(() => {}, 0);
  };
  Object.assign(globalThis, { setTimeout: watched });
  try {
    const first = call("act", {});
    await started.promise;
    for (const action of giveUp) action();
    assert.match(await first, /No answer within 55 s/);
    assert.match(await call("echo", { text: "said" }), /rate_limited/);
    held.resolve();
    await new Promise((resolve) => real(resolve, 0));
    assert.match(await call("echo", { text: "said" }), /"said":\["said"\]/);
  } finally {
    Object.assign(globalThis, { setTimeout: real });
  }
});

Deno.test("a call over the limit is a tool error that says when to repeat it", async () => {
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
