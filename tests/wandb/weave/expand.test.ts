import { Failure } from "../../../src/core/failure.ts";
import assert from "node:assert/strict";
import type { Call } from "../../../src/wandb/weave/call.ts";
import type { WeaveSession } from "../../../src/wandb/weave/client.ts";
import { expandCalls, RefReader } from "../../../src/wandb/weave/rows/expand.ts";

const ref = (name: string) => `weave:///e/p/object/${name}:v1`;

/** A service that fails a whole batch for one missing reference, as the real one does. */
function service(objects: Readonly<Record<string, unknown>>) {
  const batches: number[] = [];
  const session: WeaveSession = {
    signal: new AbortController().signal,
    count: () => Promise.resolve(0),
    calls: async function* () {},
    items: async function* () {},
    post: (_route, body, shape) => {
      const refs = Array.isArray(body["refs"]) ? body["refs"].map(String) : [];
      batches.push(refs.length);
      const missing = refs.find((one) => !Object.hasOwn(objects, one));
      if (missing !== undefined) {
        return Promise.reject(
          new Failure("not_found", `${missing} not found`, { status: 404 }),
        );
      }
      return Promise.resolve(shape.parse({ vals: refs.map((one) => objects[one]) }));
    },
  };
  return { session, batches };
}

async function expanded(calls: Call[], columns: string[], objects: Record<string, unknown>) {
  const { session, batches } = service(objects);
  const reader = new RefReader(session);
  const result: Call[] = [];
  const source = (async function* () {
    yield* calls;
  })();
  for await (const call of expandCalls(reader, source, columns)) result.push(call);
  return { inputs: result.map((call) => call.inputs), missing: reader.missing, batches };
}

const call = (id: string, inputs: Record<string, unknown>): Call => ({
  id,
  trace_id: "t",
  op_name: "op",
  inputs,
});

Deno.test("a missing reference stays unresolved and fails no other", async () => {
  const calls = ["a", "gone", "b", "c"].map((name) => call(name, { x: ref(name) }));
  const objects = { [ref("a")]: { n: 1 }, [ref("b")]: "text", [ref("c")]: [1, 2] };
  const { inputs, missing } = await expanded(calls, ["inputs.x"], objects);
  assert.deepEqual(inputs, [
    { x: { n: 1, _ref: ref("a") } },
    { x: ref("gone") },
    { x: "text" },
    { x: [1, 2] },
  ]);
  assert.equal(missing, 1);
});

Deno.test("parents are resolved before children, each reference once, lists item by item", async () => {
  const objects = { [ref("data")]: { rows: ref("rows"), size: 2 }, [ref("rows")]: { n: 7 } };
  const calls = [
    call("1", { data: ref("data"), list: [ref("rows"), "plain"] }),
    call("2", { data: ref("data"), list: [] }),
  ];
  const columns = ["inputs.data", "inputs.data.rows", "inputs.list"];
  const { inputs, batches } = await expanded(calls, columns, objects);
  const rows = { n: 7, _ref: ref("rows") };
  assert.deepEqual(inputs, [
    { data: { rows, size: 2, _ref: ref("data") }, list: [rows, "plain"] },
    { data: { rows, size: 2, _ref: ref("data") }, list: [] },
  ]);
  assert.deepEqual(batches, [1, 1]);
});

Deno.test("tables and calls are not requested, since one would fail the batch", async () => {
  const text = "weave:///e/p/call/abc";
  const { inputs, batches } = await expanded([call("1", { x: text })], ["inputs.x"], {});
  assert.deepEqual(inputs, [{ x: text }]);
  assert.deepEqual(batches, []);
});

Deno.test("large calls and values are released early", async () => {
  const text = "x".repeat(1_000_000);
  const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
  const calls = names.map((name) => call(name, { x: ref(name), text }));
  const small = await expanded(
    calls,
    ["inputs.x"],
    Object.fromEntries(
      names.map((name) => [ref(name), 1]),
    ),
  );
  assert.equal(small.batches.length, 5, "nine calls of a megabyte at a time");
  // The first chunks' values are forgotten, and read again where they are met again.
  const again = [...names, ...names].map((name) => call(name, { x: ref(name), text }));
  const objects = Object.fromEntries(names.map((name) => [ref(name), `${name}${text}`]));
  const { batches, inputs } = await expanded(again, ["inputs.x"], objects);
  const read = batches.reduce((sum, size) => sum + size, 0);
  assert(read > names.length && read <= again.length);
  assert.deepEqual(inputs.map((own) => String(own?.["x"]).slice(0, 4)), [
    ...names.map((name) => `${name}${text}`.slice(0, 4)),
    ...names.map((name) => `${name}${text}`.slice(0, 4)),
  ]);
});
