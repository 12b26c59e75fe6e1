import assert from "node:assert/strict";
import fc from "fast-check";
import { complete } from "../../src/mcp/handlers.ts";
import type { Suggest, Suggestion } from "../../src/mcp/workflow.ts";
import { keptLog } from "./support.ts";

const asked = (typed = "", more = {}) => ({
  typed,
  given: {},
  signal: new AbortController().signal,
  log: keptLog().log,
  ...more,
});
const giving = (...values: (string | Suggestion)[]): Suggest => () =>
  Promise.resolve(values.map((value) => typeof value === "string" ? { value } : value));

Deno.test("values that begin with the typed text come before those that contain it", async () => {
  const found = await complete(
    giving("my agents", "Agents", "support", "agents-2"),
    asked("agent"),
  );
  assert.deepEqual(found, {
    values: ["Agents", "agents-2", "my agents"],
    total: 3,
    hasMore: false,
  });
});

Deno.test("a value is found by its other names too", async () => {
  const runs = giving({ value: "x1", label: "bright-sun-1" }, { value: "x2", label: "dark-sea-2" });
  assert.deepEqual((await complete(runs, asked("dark"))).values, ["x2"]);
  assert.deepEqual((await complete(runs, asked("sun"))).values, ["x1"]);
});

Deno.test("at most 100 values come back, with their total", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 250 }),
    fc.string({ maxLength: 2 }),
    async (names, typed) => {
      const found = await complete(giving(...names), asked(typed));
      assert.ok(found.values.length <= 100);
      assert.ok(found.values.every((value) => names.includes(value)));
      assert.equal(found.hasMore, found.total > found.values.length);
      assert.equal(new Set(found.values).size, found.values.length);
    },
  ));
  const many = Array.from({ length: 150 }, (_, index) => `run-${index}`);
  const { values, total, hasMore } = await complete(giving(...many), asked("run"));
  assert.deepEqual([values.length, total, hasMore], [100, 150, true]);
});

Deno.test("a name with hidden characters is not suggested", async () => {
  const found = await complete(giving("plain", "hid\u200Bden", ""), asked());
  assert.deepEqual(found.values, ["plain"]);
});

Deno.test("a look-up that fails or takes too long suggests nothing and is stopped", async () => {
  const none = { values: [], total: 0, hasMore: false };
  const { log, lines } = keptLog();
  const failing: Suggest = () => Promise.reject(new Error("no such host"));
  assert.deepEqual(await complete(failing, asked("", { log })), none);
  assert.match(lines.join(""), /no such host/);
  const throwing: Suggest = () => {
    throw new TypeError("at once");
  };
  assert.deepEqual(await complete(throwing, asked()), none);
  const told = Promise.withResolvers<void>();
  const waiting: Suggest = (_typed, _given, { signal }) =>
    new Promise(() => signal.addEventListener("abort", () => told.resolve(), { once: true }));
  assert.deepEqual(await complete(waiting, asked("", { patience: 1 })), none);
  await told.promise;
  assert.deepEqual(await complete(waiting, asked("", { signal: AbortSignal.abort() })), none);
  assert.deepEqual(await complete(undefined, asked()), none);
});
