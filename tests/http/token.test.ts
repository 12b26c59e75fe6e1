import assert from "node:assert/strict";
import { createTokenSource } from "../../src/http/token.ts";

/** A source with a clock of its own, and how often it fetched. */
function prepare(life: number) {
  const state = { now: 0, fetched: 0, broken: false };
  const tokens = createTokenSource(async () => {
    await Promise.resolve();
    if (state.broken) throw new Error("no token today");
    return { token: `token-${++state.fetched}`, expiresInSeconds: life };
  }, () => state.now);
  return { state, tokens };
}

Deno.test("token: many calls at the same time make one request", async () => {
  const { state, tokens } = prepare(3600);
  const all = await Promise.all(Array.from({ length: 50 }, () => tokens.get()));
  assert.deepEqual([...new Set(all)], ["token-1"]);
  assert.equal(await tokens.get(), "token-1");
  assert.equal(state.fetched, 1);
});

Deno.test("token: renewed five minutes before it expires, or halfway through a short life", async () => {
  for (const [life, renewAt] of [[3600, 3300], [60, 30]] as const) {
    const { state, tokens } = prepare(life);
    await tokens.get();
    state.now = renewAt * 1000 - 1;
    assert.equal(await tokens.get(), "token-1");
    state.now = renewAt * 1000;
    assert.equal(await tokens.get(), "token-2");
  }
});

Deno.test("token: if renewal fails, the old one is used until it expires", async () => {
  const { state, tokens } = prepare(3600);
  await tokens.get();
  state.broken = true;
  state.now = 3_599_999;
  assert.equal(await tokens.get(), "token-1");
  state.now = 3_600_000;
  await assert.rejects(tokens.get(), /no token today/);
  state.broken = false;
  assert.equal(await tokens.get(), "token-2");
});

Deno.test("token: a refused one is not used again", async () => {
  const { tokens } = prepare(3600);
  await tokens.get();
  tokens.drop();
  assert.equal(await tokens.get(), "token-2");
});
