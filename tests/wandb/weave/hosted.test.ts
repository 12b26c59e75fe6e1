/** What the hosted service does and Weave's SQLite server cannot: costs, refusals, broken streams. */
import assert from "node:assert/strict";
import { countTraces, queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { resolveRoots } from "../../../src/wandb/tools/resolve_roots.ts";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { type Fault, startWeaveStub, type Stub, type StubCall } from "../../support/weave/stub.ts";
import { type Data, list, record, type Rig, rigOn } from "./harness.ts";

const STREAM = "/calls/stream_query";
const OP = "weave:///test-entity/agents/op";

function call(id: string, second: number, rest: Data = {}): StubCall {
  return {
    id,
    project_id: "test-entity/agents",
    trace_id: `trace-${id}`,
    parent_id: null,
    op_name: `${OP}/llm.chat:v1`,
    started_at: new Date(Date.UTC(2025, 0, 1) + second * 1000).toISOString(),
    ended_at: new Date(Date.UTC(2025, 0, 1) + second * 1000 + 500).toISOString(),
    attributes: {},
    inputs: { text: "x" },
    summary: {},
    ...rest,
  };
}

const usage = (model: string, tokens: number) => ({
  summary: { usage: { [model]: { input_tokens: tokens, output_tokens: 1, requests: 1 } } },
});

async function withStub(
  calls: StubCall[],
  test: (stub: Stub, rig: Rig) => Promise<void>,
): Promise<void> {
  const stub = startWeaveStub({ calls, prices: { priced: { prompt: 0.5, completion: 2 } } });
  try {
    await test(stub, rigOn(stub));
  } finally {
    await stub.stop();
  }
}

const ids = (result: Data) => list(result["traces"]).map((row) => row["id"]);

Deno.test("calls are sorted by cost across all pages", async () => {
  const calls = [7, 3, 9, 1, 5].map((tokens, index) =>
    call(`c${tokens}`, index, usage("priced", tokens))
  );
  calls.push(call("free", 9, usage("unpriced", 100)));
  await withStub(calls, async (_stub, rig) => {
    const sorted = { sort_by: "total_cost" };
    assert.deepEqual(ids(await rig.call(queryTraces, sorted)), [
      "c9",
      "c7",
      "c5",
      "c3",
      "c1",
      "free",
    ]);
    const up = await rig.call(queryTraces, { ...sorted, sort_direction: "asc", limit: 2 });
    assert.deepEqual(ids(up), ["c1", "c3"]);
    const cursor = up["next_cursor"];
    const next = await rig.call(queryTraces, {
      ...sorted,
      sort_direction: "asc",
      limit: 2,
      cursor,
    });
    assert.deepEqual(ids(next), ["c5", "c7"]);
    const [first = {}] = list(up["traces"]);
    assert.deepEqual(first["costs"], {
      priced: { prompt_cost: 0.5, completion_cost: 2, total_cost: 2.5 },
    });
    // A column that is asked for by name is not left empty.
    const args = { columns: ["costs"], include_costs: false, filters: { call_ids: ["c1"] } };
    const [named = {}] = list((await rig.call(queryTraces, args))["traces"]);
    assert.deepEqual(named["costs"], first["costs"]);
    const none = await rig.failure(queryTraces, { ...sorted, filters: { call_ids: ["free"] } });
    assert.match(String(none["message"]), /No matching call has a cost/);
  });
});

Deno.test("a trace's costs are those of its root, not the sum of its calls", async () => {
  const calls = [
    call("root", 0, { trace_id: "t", ...usage("priced", 10) }),
    call("child", 1, { trace_id: "t", parent_id: "root", ...usage("priced", 10) }),
  ];
  await withStub(calls, async (_stub, rig) => {
    const { metadata } = await rig.call(queryTraces, { metadata_only: true });
    const counts = record(record(metadata)["token_counts"]);
    assert.deepEqual([counts["input_tokens"], counts["total_cost"]], [10, 10 * 0.5 + 2]);
  });
});

Deno.test("costs of reading and writing a cache are in every sum", async () => {
  const others = { cache_creation_input: 3.75e-6, cache_read_input: 0.3e-6, web_search: 0.01 };
  const prices = {
    claude: { prompt: 3e-6, completion: 15e-6, others },
    plain: { prompt: 0.001, completion: 0 },
  };
  const cached = {
    ...{ input_tokens: 12, output_tokens: 7, requests: 1 },
    ...{ cache_creation_input_tokens: 500, cache_read_input_tokens: 0 },
  };
  const used = { summary: { usage: { claude: cached } } };
  const prediction = { parent_id: "e", op_name: `${OP}/Evaluation.predict_and_score:v1` };
  const stub = startWeaveStub({
    calls: [
      call("cached", 0, used),
      call("plain", 1, { summary: { usage: { plain: { input_tokens: 1 } } } }),
      call("e", 2, { op_name: `${OP}/Evaluation.evaluate:v1`, output: {}, ...used }),
      call("p", 3, { ...prediction, ...used, output: { output: 1, scores: {} } }),
      call("m", 4, { parent_id: "p", op_name: `${OP}/Model.predict:v1`, ...used }),
    ],
    prices,
  });
  const near = (found: unknown) => assert.ok(Math.abs(Number(found) - 0.002016) < 1e-12);
  try {
    const rig = rigOn(stub);
    const filters = { op_name: "llm.chat" };
    const { traces, metadata } = await rig.call(queryTraces, { filters, sort_by: "total_cost" });
    assert.deepEqual(list(traces).map(({ id }) => id), ["cached", "plain"]);
    const cost = record(record(list(traces)[0]?.["costs"])["claude"]);
    near(cost["total_cost"]);
    assert.equal(cost["cache_creation_input_cost"], 500 * 3.75e-6);
    const counts = record(record(metadata)["token_counts"]);
    near(Number(counts["total_cost"]) - 0.001);
    assert.equal(counts["tokens_without_price"], undefined, "each has a price");
    const evaluated = await rig.call(summarizeEvaluation, { evaluation_ids: ["e"] });
    const [own = {}] = list(evaluated["evaluations"]);
    near(own["model_cost"]);
    near(record(record(own["costs"])["claude"])["total_cost"]);
  } finally {
    await stub.stop();
  }
});

Deno.test("calls that start between two pages do not shift them", async () => {
  const calls = [1, 2, 3, 4].map((second) => call(`c${second}`, second));
  await withStub(calls, async (_stub, rig) => {
    const first = await rig.call(queryTraces, { limit: 2, cursor: "" });
    calls.push(call("new", 60), call("newer", 61));
    const second = await rig.call(queryTraces, { limit: 2, cursor: first["next_cursor"] });
    assert.deepEqual([ids(first), ids(second)], [["c4", "c3"], ["c2", "c1"]]);
    assert.equal(record(second["metadata"])["total_matching_count"], 4);
    assert.equal(second["next_cursor"], undefined);
  });
});

Deno.test("a page's rows and total cover the same calls, whatever starts meanwhile", async () => {
  let asked = 0;
  const stub = startWeaveStub({
    get calls() {
      asked++;
      const known = [1, 2, 3].map((second) => call(`c${second}`, second));
      return asked === 1 ? known : [...known, call(`new${asked}`, 60 + asked)];
    },
  });
  try {
    const page = await rigOn(stub).call(queryTraces, { limit: 2, detail_level: "schema" });
    assert.equal(asked, 2, "rows, then their number");
    assert.deepEqual(ids(page), ["c3", "c2"]);
    assert.equal(record(page["metadata"])["total_matching_count"], 3);
  } finally {
    await stub.stop();
  }
});

Deno.test("a cursor continues where a page with an offset ended", async () => {
  const calls = Array.from({ length: 9 }, (_, second) => call(`c${second}`, second));
  await withStub(calls, async (_stub, rig) => {
    const first = await rig.call(queryTraces, { offset: 3, limit: 2 });
    const rest = await rig.call(queryTraces, { cursor: first["next_cursor"] });
    assert.deepEqual([...ids(first), ...ids(rest)], ["c5", "c4", "c3", "c2", "c1", "c0"]);
  });
});

Deno.test("pages of the last week cover the same week, whenever they are requested", async () => {
  const day = 24 * 3600;
  const now = Math.floor(Date.now() / 1000) - Date.UTC(2025, 0, 1) / 1000;
  const calls = [10, 6, 5, 4, 3].map((days) => call(`d${days}`, now - days * day));
  await withStub(calls, async (stub, rig) => {
    const args = { filters: { time_range: { start: "7d" } }, sort_direction: "asc", limit: 2 };
    const first = await rig.call(queryTraces, args);
    const second = await rig.call(queryTraces, { ...args, cursor: first["next_cursor"] });
    assert.deepEqual([ids(first), ids(second)], [["d6", "d5"], ["d4", "d3"]]);
    const asked = stub.requests.filter(({ path }) => path === STREAM);
    const [one, other] = asked.map(({ body }) => record(body)["query"]);
    assert.deepEqual(one, other);
  });
});

Deno.test("columns show lists as lists, and no column hides another", async () => {
  const output = { a: "text", messages: [{ role: "user", content: "hi" }, { role: "bot" }] };
  await withStub([call("c", 0, { output })], async (stub, rig) => {
    const column = async (...columns: string[]) => {
      const { traces } = await rig.call(queryTraces, { columns });
      return list(traces)[0]?.["output"];
    };
    assert.deepEqual(await column("output.messages[].role", "output.messages[*].content"), {
      messages: [{ role: "user", content: "hi" }, { role: "bot", content: null }],
    });
    const { columns } = record(stub.requests.at(-1)?.body);
    assert.ok(Array.isArray(columns) && columns.includes("output.messages"), "no path of ours");
    for (const path of ["output.messages.0.content", "output.messages[0].content"]) {
      assert.deepEqual(await column(path), { messages: { 0: { content: "hi" } } });
    }
    assert.deepEqual(await column("output.messages[].role", "output.messages.0.content"), {
      messages: [{ role: "user", content: "hi" }, { role: "bot" }],
    });
    for (const [one, two] of [["output.a", "output.a.b"], ["output.a.b", "output.a"]] as const) {
      assert.deepEqual(await column(one, two), { a: "text" });
    }
    assert.deepEqual(await column("output.messages.0.role", "output"), output);
    assert.deepEqual(await column("output.messages.*.role", "output.a.*"), {
      a: null,
      messages: [{ role: "user" }, { role: "bot" }],
    });
    assert.deepEqual(await column("output.*"), output);
    assert.deepEqual(await column("output.a.b.c", "output.none[].x"), {
      a: { b: { c: null } },
      none: null,
    });
  });
});

Deno.test("an empty result says how to write a dot in a name", async () => {
  await withStub([call("c", 0, usage("gpt-4.1", 5))], async (_stub, rig) => {
    const note = async (path: string) => {
      const filters = { summary: { usage: { [path]: { requests: 1 } } } };
      const { metadata } = await rig.call(queryTraces, { filters });
      return record(metadata)["note"];
    };
    assert.match(String(await note("gpt-4.1")), /written \\\. in a path/);
    assert.equal(await note("gpt-4\\.1"), undefined, "it is found");
  });
});

Deno.test("a trace with very many roots neither hides others nor its own number", async () => {
  const roots = Array.from({ length: 2300 }, (_, second) => call(`c${second}`, second));
  const calls = [
    ...roots.map((root) => ({ ...root, trace_id: "crowded" })),
    call("late", 9999, { trace_id: "other" }),
  ];
  await withStub(calls, async (_stub, rig) => {
    const result = await rig.call(resolveRoots, { trace_ids: ["other", "crowded", "none"] });
    const found = record(result["roots"]);
    const crowded = record(found["crowded"]);
    assert.deepEqual([crowded["id"], crowded["roots_in_trace"]], ["c0", 2300]);
    assert.equal(record(found["other"])["id"], "late");
    assert.deepEqual(result["missing"], ["none"]);
  });
});

Deno.test("numbers are compared as numbers, as the service requires", async () => {
  const calls = [9, 10, 100].map((size) => call(`c${size}`, size, { inputs: { size } }));
  await withStub(calls, async (_stub, rig) => {
    const filters = { inputs: { size: { $gt: 9.5 } } };
    assert.deepEqual(ids(await rig.call(queryTraces, { filters })), ["c100", "c10"]);
    assert.equal((await rig.call(countTraces, { filters }))["total_count"], 2);
  });
});

Deno.test("an answer that breaks off is a failure, not fewer calls", async () => {
  await withStub([1, 2, 3].map((second) => call(`c${second}`, second)), async (stub, rig) => {
    stub.fail(STREAM, { kind: "cut", afterRows: 1 });
    const report = await rig.failure(queryTraces);
    assert.equal(report["error"], "upstream_error");
    assert.match(String(report["message"]), /cut short/);
  });
});

Deno.test("the service's failures are reported, and retried where that helps", async (t) => {
  const status = (code: number, reason: string): Fault => ({
    kind: "status",
    status: code,
    body: { reason },
  });
  const cases: readonly (readonly [string, Fault, string, RegExp, number])[] = [
    ["a query that takes too long", status(504, "Query timeout"), "timeout", /Query timeout/, 1],
    [
      "a query that needs too much",
      status(502, "Query memory limit: limit the scope"),
      "upstream_error",
      /memory/,
      1,
    ],
    [
      "a forbidden field",
      status(403, "Field colour is not allowed"),
      "forbidden",
      /not allowed/,
      1,
    ],
    ["an unknown project", status(404, "Project not found"), "not_found", /Project not found/, 1],
    ["a wrong query", status(400, "no common type"), "invalid_arguments", /no common type/, 1],
  ];
  for (const [name, fault, error, message, requests] of cases) {
    await t.step(name, async () => {
      await withStub([], async (stub, rig) => {
        stub.fail(STREAM, fault);
        const report = await rig.failure(queryTraces);
        assert.equal(report["error"], error);
        assert.match(String(report["message"]), message);
        assert.equal(stub.requests.length, requests);
      });
    });
  }
  await t.step("a temporary failure is retried", async () => {
    await withStub([call("a", 1)], async (stub, rig) => {
      for (const code of [429, 503, 502]) {
        stub.fail(STREAM, status(code, "Temporary backend error"));
      }
      assert.deepEqual(ids(await rig.call(queryTraces)), ["a"]);
      assert.equal(stub.requests.length, 4);
    });
  });
});

Deno.test("a cancelled call ends at once", async () => {
  await withStub([call("a", 1)], async (stub, rig) => {
    stub.fail(STREAM, { kind: "hang" });
    const stop = new AbortController();
    const calling = rig.call(queryTraces, {}, { signal: stop.signal });
    stop.abort();
    await assert.rejects(calling, /cancelled/);
  });
});

Deno.test("a missing results route is remembered", async () => {
  const evaluation = call("e", 0, {
    op_name: `${OP}/Evaluation.evaluate:v1`,
    inputs: { self: "weave:///test-entity/agents/object/quality:v1", model: {} },
    output: {},
  });
  const part = (id: string, parent: string, op: string, rest: Data = {}) =>
    call(id, 1, { parent_id: parent, op_name: `${OP}/${op}:v1`, ...rest });
  const calls = [
    evaluation,
    part("p1", "e", "Evaluation.predict_and_score", {
      inputs: { example: { q: 1 } },
      output: { output: "yes", scores: { exact: true } },
    }),
    part("m1", "p1", "Model.predict"),
    part("p2", "e", "Evaluation.predict_and_score", {
      inputs: { example: { q: 2 } },
      output: { output: null, scores: {} },
    }),
    part("m2", "p2", "Model.predict", { exception: "RuntimeError: failed" }),
    // A model that recovers from a failure below itself has not failed.
    part("p3", "e", "Evaluation.predict_and_score", {
      inputs: { example: { q: 3 } },
      output: { output: "no", scores: { exact: false } },
      summary: { status_counts: { success: 2, error: 1 } },
    }),
    part("m3", "p3", "Model.predict", { summary: { status_counts: { success: 1, error: 1 } } }),
    part("s", "e", "Evaluation.summarize"),
  ];
  await withStub(calls, async (stub, rig) => {
    for (let time = 0; time < 2; time++) {
      const result = await rig.call(summarizeEvaluation, { eval_name: "quality" });
      const [one = {}] = list(result["evaluations"]);
      assert.deepEqual([one["total_predictions"], one["successes"], one["errors"]], [3, 2, 1]);
      assert.equal(record(record(one["scores"])["exact"])["pass_rate"], 1 / 3);
    }
    const asked = stub.requests.filter(({ path }) => path.includes("eval_results"));
    assert.equal(asked.length, 1);
  });
});

Deno.test("evaluations of Weave's TypeScript client are counted the same way", async (t) => {
  const evaluation = call("e", 0, {
    op_name: `${OP}/Evaluation.evaluate:v1`,
    inputs: { this: "weave:///test-entity/agents/object/quality:v1", model: `${OP}/ask:v1` },
    output: {},
  });
  const prediction = (id: string, output: Data, rest: Data) => [
    call(id, 1, {
      parent_id: "e",
      op_name: `${OP}/Evaluation.predictAndScore:v1`,
      inputs: { example: { q: id } },
      output,
    }),
    call(`model-${id}`, 2, { parent_id: id, op_name: `${OP}/ask:v1`, ...rest }),
  ];
  const good = { model_success: true, model_output: "yes", scores: { exact: true } };
  const failed = { model_success: false, scores: {} };
  const calls = [
    evaluation,
    ...prediction("a", good, {}),
    ...prediction("b", failed, { exception: "Error: failed" }),
  ];
  for (const route of [false, true]) {
    await t.step(route ? "which the results route passes over" : "without the route", async () => {
      const stub = startWeaveStub({ calls, evaluationResults: route });
      const rig = rigOn(stub);
      try {
        const brief = await rig.call(summarizeEvaluation, { eval_name: "quality" });
        const args = { eval_name: "quality", include_per_task: true };
        const long = await rig.call(summarizeEvaluation, args);
        for (const result of [brief, long]) {
          const [one = {}] = list(result["evaluations"]);
          assert.deepEqual([one["model"], one["successes"], one["errors"]], ["ask", 1, 1]);
          assert.equal(record(record(one["scores"])["exact"])["pass_rate"], 1 / 2);
        }
        const [one = {}] = list(long["evaluations"]);
        const outputs = list(one["per_task"]).map(({ call_id: id, output }) => [id, output]);
        assert.deepEqual(outputs, [["a", "yes"], ["b", undefined]]);
      } finally {
        await stub.stop();
      }
    });
  }
});

Deno.test("an evaluation shows its exceptions and its cost, finished or not", async () => {
  const raised = (type: string) => JSON.stringify({ type, message: "no answer", traceback: [] });
  const prediction = (id: string, parent: string, rest: Data) => [
    call(id, 1, {
      parent_id: parent,
      op_name: `${OP}/Evaluation.predict_and_score:v1`,
      inputs: { example: { q: id } },
      ...usage("priced", 10),
    }),
    call(`m-${id}`, 2, { parent_id: id, op_name: `${OP}/Model.predict:v1`, ...rest }),
  ];
  const evaluation = (id: string, rest: Data) =>
    call(id, 0, { op_name: `${OP}/Evaluation.evaluate:v1`, output: null, ...rest });
  const calls = [
    evaluation("stopped", { exception: raised("KeyboardInterrupt"), ...usage("priced", 20) }),
    evaluation("open", { ended_at: null }),
    ...["stopped", "open"].flatMap((parent) => [
      ...prediction(`${parent}-1`, parent, {}),
      ...prediction(`${parent}-2`, parent, { exception: raised("TimeoutError") }),
      ...prediction(`${parent}-3`, parent, { exception: raised("TimeoutError") }),
    ]),
  ];
  const stub = startWeaveStub({ calls, prices: { priced: { prompt: 0.5, completion: 2 } } });
  try {
    const args = { evaluation_ids: ["stopped", "open"] };
    const [stopped = {}, open = {}] = list(
      (await rigOn(stub).call(summarizeEvaluation, args))["evaluations"],
    );
    for (const one of [stopped, open]) {
      assert.deepEqual([one["successes"], one["errors"]], [1, 2]);
      assert.deepEqual(one["error_messages"], { "TimeoutError: no answer": 2 });
    }
    assert.equal(stopped["exception"], "KeyboardInterrupt: no answer");
    assert.deepEqual([stopped["total_tokens"], stopped["total_cost"]], [undefined, undefined]);
    assert.equal(record(record(stopped["costs"])["priced"])["total_cost"], 20 * 0.5 + 2);
    assert.deepEqual([open["exception"], open["finished"]], [undefined, false]);
    assert.equal(open["total_cost"], 3 * (10 * 0.5 + 2));
    assert.equal(open["total_tokens"], 3 * (10 + 1), "although the models give no totals");
  } finally {
    await stub.stop();
  }
});

Deno.test("a comparison says if the evaluations have nothing in common", async () => {
  const evaluation = (id: string, example: string) => [
    call(id, 0, {
      op_name: `${OP}/Evaluation.evaluate:v1`,
      inputs: { self: "weave:///test-entity/agents/object/quality:v1", model: {} },
      output: {},
    }),
    call(`p-${id}`, 1, {
      parent_id: id,
      op_name: `${OP}/Evaluation.predict_and_score:v1`,
      inputs: { example: { q: example } },
      output: { output: id, scores: { exact: id === "a" } },
    }),
  ];
  const calls = [...evaluation("a", "one"), ...evaluation("b", "one"), ...evaluation("c", "two")];
  await withStub(calls, async (_stub, rig) => {
    const compared = async (...own: string[]) => {
      const args = { evaluation_ids: own, compare: true };
      const { comparison } = await rig.call(summarizeEvaluation, args);
      const { baseline, note, shared_examples: shared } = record(comparison);
      return [baseline, shared, note];
    };
    assert.deepEqual(await compared("b", "a"), ["b", 1, undefined]);
    const [baseline, shared, note] = await compared("c", "a", "b");
    assert.deepEqual([baseline, shared], ["c", 0]);
    assert.match(String(note), /different data/);
    assert.match(String((await compared("a"))[2]), /only evaluation/);
  });
});

Deno.test("long examples are distinguished by their ends, which are not shown", async () => {
  const long = "the same beginning ".repeat(300);
  const calls = ["a", "b"].flatMap((id) => [
    call(id, 0, { op_name: `${OP}/Evaluation.evaluate:v1`, output: {} }),
    ...[1, 2, 3].map((end) =>
      call(`${id}-${end}`, end, {
        parent_id: id,
        op_name: `${OP}/Evaluation.predict_and_score:v1`,
        inputs: { example: { q: `${long}${end}` } },
        output: { output: id, scores: { exact: id === "a" || end === 2 } },
      })
    ),
  ]);
  await withStub(calls, async (_stub, rig) => {
    const args = { evaluation_ids: ["a", "b"], compare: true };
    const comparison = record((await rig.call(summarizeEvaluation, args))["comparison"]);
    assert.deepEqual([comparison["shared_examples"], comparison["differing_examples"]], [3, 2]);
    for (const { example, row } of list(comparison["examples"])) {
      assert.ok(String(example).length < 80);
      assert.match(String(record(row)["q"]), /^the same beginning .*more characters\]$/);
    }
  });
});

Deno.test("rows that cannot be shown are counted without their contents", async () => {
  const calls = Array.from(
    { length: 300 },
    (_, index) => call(`c${index}`, index, { inputs: { text: "word ".repeat(2000) } }),
  );
  await withStub(calls, async (stub, rig) => {
    const result = await rig.call(queryTraces, {}, { maxTokens: 2000 });
    const metadata = record(result["metadata"]);
    assert.deepEqual([metadata["total_traces"], metadata["total_matching_count"]], [300, 300]);
    const shown = list(result["traces"]).length;
    assert(shown > 3 && shown < 300);
    const streams = stub.requests.filter(({ path }) => path === STREAM);
    assert.equal(streams.length, 2);
    assert.deepEqual(record(streams[1]?.body)["columns"], [
      ...["id", "trace_id", "parent_id", "op_name", "display_name", "started_at", "ended_at"],
      "summary",
    ]);
    assert(rig.bytes() < 1_500_000, `${rig.bytes()} bytes are read of three megabytes`);
  });
});

Deno.test("a project without calls may have agents, which are named", async () => {
  const agents = [{ agent_name: "travel", span_count: 7 }];
  for (const options of [{ calls: [] }, { calls: [], agents: [] }, { calls: [], agents }]) {
    const stub = startWeaveStub(options);
    try {
      const rig = rigOn(stub);
      const query = record((await rig.call(queryTraces))["metadata"])["note"];
      const counted = (await rig.call(countTraces))["note"];
      for (const note of [query, counted]) {
        assert.match(
          String(note),
          "agents" in options && options.agents.length > 0
            ? /\(1 in all\): "travel" \(spans: 7\)/
            : /check/,
        );
      }
    } finally {
      await stub.stop();
    }
  }
});

Deno.test("a 500 on a read is retried once, and no more", async () => {
  const stub = startWeaveStub({ calls: [] });
  try {
    const path = "/calls/query_stats";
    stub.fail(path, { kind: "status", status: 500 });
    const filters = { op_name: "x" };
    const rig = rigOn(stub);
    assert.equal(
      (await rig.call(countTraces, { filters: { ...filters, trace_roots_only: true } }))[
        "total_count"
      ],
      0,
    );
    for (let index = 0; index < 2; index++) stub.fail(path, { kind: "status", status: 500 });
    stub.requests.length = 0;
    await rig.failure(countTraces, { filters: { ...filters, trace_roots_only: true } });
    assert.equal(stub.requests.filter((one) => one.path === path).length, 2);
  } finally {
    await stub.stop();
  }
});

Deno.test("an unfinished evaluation is summed up as its client would, and says how", async () => {
  const evaluation = (id: string, rest: Data) =>
    call(id, 0, { op_name: `${OP}/Evaluation.evaluate:v1`, ended_at: null, ...rest });
  const prediction = (id: string, parent: string, scores: Data, rest: Data = {}) =>
    call(id, 1, {
      parent_id: parent,
      op_name: `${OP}/Evaluation.predict_and_score:v1`,
      inputs: { example: { q: id } },
      output: { output: 1, scores },
      ...rest,
    });
  const failed = { exception: "ValueError: bad" };
  const logged = { attributes: { _weave_eval_meta: { imperative: true } } };
  const calls = [
    evaluation("run", {}),
    prediction("r1", "run", { graded: { ok: true }, plain: true }),
    prediction("r2", "run", {}, failed),
    prediction("r3", "run", { graded: { ok: null }, plain: null }),
    prediction("r4", "run", {}, { ended_at: null, output: null }),
    // What was logged by hand may have a score and have failed.
    evaluation("hand", logged),
    prediction("h1", "hand", { plain: true }, failed),
    prediction("h2", "hand", { plain: null }),
    prediction("h3", "hand", { plain: false }),
    prediction("h4", "hand", {}, failed),
  ];
  for (const route of [true, false]) {
    const stub = startWeaveStub({ calls, evaluationResults: route });
    try {
      const args = { evaluation_ids: ["run", "hand"] };
      const [run = {}, hand = {}] = list(
        (await rigOn(stub).call(summarizeEvaluation, args))["evaluations"],
      );
      const figures = (one: Data, name: string) => {
        const { pass_rate: rate, none, missing } = record(record(one["scores"])[name]);
        return [rate, none, missing];
      };
      assert.deepEqual(figures(run, "graded.ok"), [1, 1, 2]);
      assert.deepEqual(figures(run, "plain"), [1 / 2, 1, 2]);
      assert.deepEqual(figures(hand, "plain"), [1 / 2, 1, 2]);
      assert.match(String(run["failed_rule"]), /left out of scores within objects/);
      assert.match(String(hand["failed_rule"]), /EvaluationLogger/);
      for (const one of [run, hand]) assert.match(String(one["none_rule"]), /left out/);
    } finally {
      await stub.stop();
    }
  }
});

Deno.test("an ambiguous model call is reported as unknown", async () => {
  const part = (id: string, op: string, rest: Data) =>
    call(id, 2, { parent_id: "p", op_name: `${OP}/${op}:v1`, ...rest });
  const calls = [
    call("e", 0, { op_name: `${OP}/Evaluation.evaluate:v1`, output: {} }),
    call("p", 1, {
      parent_id: "e",
      op_name: `${OP}/Evaluation.predict_and_score:v1`,
      inputs: { example: { q: 1 }, model: "weave:///test-entity/agents/object/m:v1" },
      output: { output: 1, scores: { right: true } },
      ...usage("m", 30),
    }),
    part("prepare", "prepare", usage("m", 10)),
    part("ask", "ask", usage("m", 20)),
  ];
  await withStub(calls, async (_stub, rig) => {
    const args = { evaluation_ids: ["e"], include_per_task: true };
    const read = async () => list((await rig.call(summarizeEvaluation, args))["evaluations"])[0];
    const { per_task: tasks, ...unknown } = await read() ?? {};
    assert.deepEqual([unknown["model_call_unknown"], unknown["model_tokens"]], [1, undefined]);
    assert.equal(unknown["model_latency_s"], undefined);
    assert.equal(list(tasks)[0]?.["model_call"], "unknown");
    // The record of whose method it is decides.
    const inputs = { self: "weave:///test-entity/agents/object/m:v1" };
    calls[3] = part("ask", "ask", { ...usage("m", 20), inputs });
    const known = await read() ?? {};
    assert.deepEqual([known["model_call_unknown"], known["model_tokens"]], [undefined, 21]);
    // Also where a scorer has the name of a model's method.
    calls[2] = part("judge", "judge.invoke", usage("m", 10));
    const judged = await read() ?? {};
    assert.deepEqual([judged["model_call_unknown"], judged["model_tokens"]], [undefined, 21]);
  });
});

Deno.test("the answer says how many predictions were searched for texts in scores", async () => {
  const calls = [
    call("e", 0, { op_name: `${OP}/Evaluation.evaluate:v1`, output: {} }),
    ...Array.from({ length: 60 }, (_, index) =>
      call(`p${index}`, 1, {
        parent_id: "e",
        op_name: `${OP}/Evaluation.predict_and_score:v1`,
        inputs: { example: { q: index } },
        output: {
          output: 1,
          scores: { graded: { ok: true, ...(index === 55 ? { why: "x" } : {}) } },
        },
      })),
  ];
  const stub = startWeaveStub({ calls, evaluationResults: true });
  try {
    const read = async (more: Data) => {
      const args = { evaluation_ids: ["e"], ...more };
      const { evaluations } = await rigOn(stub).call(summarizeEvaluation, args);
      const [own = {}] = list(evaluations);
      return [own["texts_looked_for_in"], Object.keys(record(own["scores"])).sort()];
    };
    assert.deepEqual(await read({}), [50, ["graded.ok"]]);
    const all = ["graded.ok", "graded.why"];
    assert.deepEqual(await read({ include_per_task: true }), [undefined, all]);
  } finally {
    await stub.stop();
  }
});
