/** Calls: our answers beside those of Weave's own Python client, on Weave's own trace server. */
import assert from "node:assert/strict";
import { z } from "zod";
import { countTraces, queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { startBridge } from "../../support/weave/bridge.ts";
import { manifestOf, WEAVE_SERVERS } from "../../support/weave/seeded.ts";
import { attach } from "../../support/weave/server.ts";
import { shared } from "../../support/backend.ts";
import { type Data, list, record, rigOn } from "./harness.ts";

const Theirs = z.array(z.looseObject({ id: z.string(), started_at: z.string() }));
type Test = { name: string; filters: Data; count?: number; python?: Data };

for (const backend of WEAVE_SERVERS) {
  const state = await shared(backend);
  const { traces } = await manifestOf(state);
  const test = (name: string, run: (t: Deno.TestContext) => Promise<void>) =>
    Deno.test(`${name} (${backend.name})`, run);

  const agents = Object.values(traces.agent_statuses).reduce((sum, number) => sum + number, 0);

  const op = (name: string) => [`weave:///${state.project}/op/${name}:*`];
  const field = (path: string) => ({ $getField: path });
  const where = (expression: unknown) => ({ $expr: expression });
  const double = (path: string) => ({ $convert: { input: field(path), to: "double" } });
  const exception = { $not: [{ $eq: [field("exception"), { $literal: null }] }] };

  /** Our filters, and what says the same to Weave's client or in the manifest's numbers. */
  const FILTERS: readonly Test[] = [
    { name: "none", filters: {}, python: {} },
    {
      name: "a bare op name",
      filters: { op_name: "support.agent" },
      count: agents,
      python: { filter: { op_names: op("support.agent") } },
    },
    {
      name: "a name that is the beginning of another",
      filters: { op_name: "tools.search" },
      python: { filter: { op_names: op("tools.search") } },
    },
    {
      name: "a pattern",
      filters: { op_name: "support.*" },
      python: { filter: { op_names: [...op("support.agent"), ...op("support.plan")] } },
    },
    {
      name: "a part of a name that is in the project's name too",
      filters: { op_name_contains: "agent" },
      count: agents,
    },
    { name: "an op that is no URI", filters: { op_name: "legacy*" }, count: 1 },
    { name: "an op that does not exist", filters: { op_name: "nothing.*" }, count: 0 },
    {
      name: "calls with an exception",
      filters: { has_exception: true },
      python: { query: where(exception) },
    },
    {
      name: "calls without one",
      filters: { has_exception: false },
      python: { query: where({ $not: [exception] }) },
    },
    { name: "an exception's text", filters: { exception: { $contains: "plain text" } }, count: 1 },
    {
      name: "failed",
      filters: { op_name: "support.agent", status: "error" },
      count: traces.agent_statuses.error,
    },
    {
      name: "descendant failed",
      filters: { op_name: "support.agent", status: ["descendant_error"] },
      count: traces.agent_statuses.descendant_error,
    },
    {
      name: "running roots",
      filters: { op_name: "batch.*", status: "running" },
      count: traces.running,
    },
    {
      name: "two bounds on latency",
      filters: { latency: { $gte: 1499, $lt: 1501 }, op_name: "legacy_op" },
      count: 1,
    },
    {
      name: "two bounds that exclude everything",
      filters: { latency: { $gt: 1500, $lt: 1501 }, op_name: "legacy_op" },
      count: 0,
    },
    {
      name: "a number that text would order wrongly",
      filters: { op_name: "audit.check", inputs: { score: { $gt: 9 } } },
      python: {
        filter: { op_names: op("audit.check") },
        query: where({ $gt: [double("inputs.score"), { $literal: 9 }] }),
      },
      count: 3,
    },
    { name: "a boolean input", filters: { inputs: { strict: true } }, count: traces.checks / 2 },
    {
      name: "a boolean output",
      filters: { op_name: "audit.check", output: { strict: false } },
      count: traces.checks / 2,
    },
    {
      name: "nested attributes",
      filters: { op_name: "support.agent", attributes: { release: { version: "1.3" } } },
      count: 1,
    },
    {
      name: "attributes that contain a text",
      filters: { op_name: "support.agent", attributes: { env: { $contains: "pro" } } },
      count: 8,
    },
    {
      name: "all but some attributes",
      filters: { op_name: "support.agent", attributes: { env: { $ne: "prod" } } },
      count: agents - 8,
    },
    {
      name: "text beyond ASCII, with quotes",
      filters: {
        $or: traces.questions.slice(1, 3).map((question) => ({ inputs: { question } })),
        trace_roots_only: true,
      },
      count: agents / 2,
    },
    {
      name: "a closed time range",
      filters: {
        time_range: { start: "2024-02-29T12:00:00.250Z", end: "2024-02-29T12:00:00.251Z" },
      },
      count: 1,
    },
    {
      name: "a range that ends where the call starts",
      filters: { time_range: { start: "2024-02-29", end: "2024-02-29T12:00:00.250Z" } },
      count: 0,
    },
    { name: "a given name", filters: { display_name: "The first check" }, count: 1 },
    {
      name: "a thread",
      filters: { thread_id: "conversation-ü-0", trace_roots_only: true },
      count: agents / 3,
    },
    {
      name: "the calls below one",
      filters: { parent_ids: [traces.calls["running-loop"] ?? ""] },
      count: 1,
    },
    { name: "a hostile id", filters: { call_ids: ["' OR '1'='1"] }, count: 0 },
    { name: "a hostile op", filters: { op_name: "x' OR '1'='1" }, count: 0 },
    {
      name: "the opposite",
      filters: { $not: { op_name: "support.agent" }, trace_roots_only: true, op_name: "support.*" },
      count: 0,
    },
  ];

  test("a filter gives the same calls in rows, count and total", async (t) => {
    const rig = rigOn(state);
    const bridge = await startBridge(attach(state));
    try {
      for (const { name, filters, count, python } of FILTERS) {
        await t.step(name, async () => {
          const rows = await rig.call(queryTraces, { filters, detail_level: "schema" });
          const found = list(rows["traces"]).map((row) => row["id"]);
          const counted = await rig.call(countTraces, { filters });
          const metadata = record(rows["metadata"]);
          assert.equal(metadata["total_matching_count"], counted["total_count"]);
          assert.equal(metadata["total_traces"], counted["total_count"]);
          const roots = { ...filters, trace_roots_only: true };
          const onlyRoots = await rig.call(countTraces, { filters: roots });
          assert.equal(counted["root_traces_count"], onlyRoots["total_count"]);
          if (count !== undefined) assert.equal(found.length, count);
          if (python !== undefined) {
            const theirs = Theirs.parse(
              await bridge.ask("calls", { ...python, columns: ["id", "started_at"] }),
            );
            assert.equal(counted["total_count"], theirs.length);
            assert.deepEqual(new Set(found), new Set(theirs.map(({ id }) => id)));
          }
        });
      }
    } finally {
      await bridge.stop();
    }
  });

  test("paging gives every call once, in order", async () => {
    const rig = rigOn(state);
    const { total_count: total } = await rig.call(countTraces);
    for (const sort of ["started_at", "latency_ms", "op_name"]) {
      const ids: unknown[] = [];
      let cursor: unknown;
      do {
        const page = await rig.call(queryTraces, {
          sort_by: sort,
          limit: 37,
          detail_level: "schema",
          ...(cursor === undefined ? {} : { cursor }),
        });
        ids.push(...list(page["traces"]).map((row) => row["id"]));
        cursor = page["next_cursor"];
      } while (cursor !== undefined);
      assert.equal(ids.length, total);
      assert.equal(new Set(ids).size, total);
    }
  });

  test("a cursor of another query, a limit of 0 and unknown names are refused", async () => {
    const rig = rigOn(state);
    const { next_cursor: cursor } = await rig.call(queryTraces, {
      limit: 1,
      detail_level: "schema",
    });
    for (
      const [args, message] of [
        [{ cursor, filters: { status: "error" } }, /belongs to a query/],
        [{ cursor: "abc" }, /not a cursor/],
        [{ cursor, offset: 3 }, /not both/],
        [{ limit: 0 }, /limit/],
        [{ columns: ["colour"] }, /no column "colour"/],
        [{ columns: ["inputs.messages[-1]"] }, /negative/],
        [{ sort_by: "colour" }, /no field to sort by/],
        [{ sort_by: "output.hits[].score" }, /one item of a list/],
        [{ sort_by: "inputs" }, /no field to sort by/],
        [{ expand_columns: ["op_name"] }, /cannot hold references/],
        [{ project_name: "a/b/c" }, /is not a project/],
        [{ project_name: ".." }, /no name/],
      ] as const
    ) {
      const report = await rig.failure(queryTraces, args);
      assert.equal(report["error"], "invalid_arguments");
      assert.match(String(report["message"]), message);
    }
  });

  test("detail_level schema has status and latency, and downloads no contents", async () => {
    const rig = rigOn(state);
    const args = { filters: { op_name: "ingest.document" } };
    for (
      const more of [{ detail_level: "schema" }, { metadata_only: true }, { columns: ["status"] }]
    ) {
      const before = rig.bytes();
      const result = await rig.call(queryTraces, { ...args, ...more });
      assert(rig.bytes() - before < 20_000, "no megabyte is transferred");
      const metadata = record(result["metadata"]);
      assert.deepEqual(metadata["status_summary"], { success: traces.documents });
      for (const row of list(result["traces"])) assert.equal(row["status"], "success");
    }
    const { traces: rows } = await rig.call(queryTraces, {
      filters: { call_ids: [traces.calls["legacy"]] },
      detail_level: "schema",
    });
    const [legacy = {}] = list(rows);
    assert.equal(legacy["latency_ms"], 1500);
    assert.equal(legacy["op"], "legacy_op");
  });

  test("columns give exactly the requested fields", async () => {
    const rig = rigOn(state);
    const { traces: rows } = await rig.call(queryTraces, {
      filters: { call_ids: [traces.calls["agent-0"]] },
      columns: ["inputs.attempt", "output.hits", "latency_ms", "parent_id", "op_name", "wb_run_id"],
    });
    const [row = {}] = list(rows);
    assert.equal(typeof row["latency_ms"], "number");
    assert.match(String(row["op_name"]), /^weave:\/\/\/.*\/op\/support\.agent:/);
    assert.deepEqual({ ...row, latency_ms: 0, op_name: "" }, {
      id: traces.calls["agent-0"],
      inputs: { attempt: 0 },
      output: { hits: 3 },
      latency_ms: 0,
      parent_id: null,
      op_name: "",
      wb_run_id: null,
    });
  });

  test("summary shortens text and says by how much, but never ids and times", async () => {
    const rig = rigOn(state);
    const { traces: rows } = await rig.call(queryTraces, {
      filters: { op_name: "ingest.document" },
      truncate_length: 5,
    });
    for (const row of list(rows)) {
      const { text, size } = record(row["inputs"]);
      assert.equal(text, `äääää…[${Number(size) - 5} more characters]`);
      assert.equal(String(row["id"]).length, 36);
      assert.match(String(row["started_at"]), /^\d{4}-.*Z$/);
    }
    const none = await rig.call(queryTraces, {
      filters: { call_ids: [traces.calls["agent-0"]] },
      truncate_length: 0,
    });
    assert.equal(list(none["traces"])[0]?.["id"], traces.calls["agent-0"]);
  });

  test("full data equals that of Weave's client", async () => {
    const rig = rigOn(state);
    const bridge = await startBridge(attach(state));
    try {
      for (const id of [traces.calls["agent-4"], traces.calls["document-1"]]) {
        const { traces: rows } = await rig.call(
          queryTraces,
          { filters: { call_ids: [id] }, return_full_data: true },
          { maxTokens: 10_000_000 },
        );
        const [row = {}] = list(rows);
        const theirs = record(await bridge.ask("call", { id }));
        for (const name of ["inputs", "output", "attributes", "exception", "trace_id"]) {
          assert.deepEqual(row[name] ?? null, theirs[name] ?? null, name);
        }
      }
    } finally {
      await bridge.stop();
    }
  });

  test("the budget holds as many rows with as much text as fit", async () => {
    const rig = rigOn(state);
    const budget = 6000;
    const result = await rig.call(queryTraces, {}, { maxTokens: budget });
    const { length } = JSON.stringify(result);
    const rows = list(result["traces"]);
    const all = await rig.call(countTraces);
    assert(rows.length > 5 && rows.length < Number(all["total_count"]));
    assert(length > budget * 2, `${length} characters make use of ${budget} tokens`);
    assert(rows.some((row) => row["inputs"] !== undefined));
    const metadata = record(result["metadata"]);
    assert.equal(metadata["total_traces"], all["total_count"], "facts are about all of the page");
    const next = await rig.call(queryTraces, { cursor: result["next_cursor"], limit: 1 });
    const two = await rig.call(queryTraces, { offset: rows.length, limit: 1 });
    assert.equal(list(next["traces"])[0]?.["id"], list(two["traces"])[0]?.["id"]);
  });

  test("usage is that of the roots, not the sum of all calls", async () => {
    const rig = rigOn(state);
    const tokens = async (filters: Data) => {
      const { metadata } = await rig.call(queryTraces, { filters, metadata_only: true });
      return record(record(metadata)["token_counts"]);
    };
    const ids = [0, 1, 2].map((index) => traces.trace_ids[`agent-${index}`]);
    const all = await tokens({ trace_ids: ids });
    const roots = await tokens({ trace_ids: ids, trace_roots_only: true });
    assert.deepEqual(all, roots);
    // Each agent asks a small model 100 tokens and a large one 200 and its number.
    assert.equal(all["input_tokens"], 300 + 603);
  });

  test("references are resolved on request, and a missing one fails nothing", async () => {
    const rig = rigOn(state);
    const args = { filters: { op_name: "audit.check" }, columns: ["inputs.prompt"] };
    const plain = await rig.call(queryTraces, args);
    const refs = list(plain["traces"]).map((row) => record(row["inputs"])["prompt"]);
    assert.deepEqual(new Set(refs), new Set([traces.prompt_ref]));
    rig.paths.length = 0;
    const resolved = await rig.call(queryTraces, { ...args, expand_columns: ["inputs.prompt"] });
    for (const row of list(resolved["traces"])) {
      const prompt = record(record(row["inputs"])["prompt"]);
      assert.equal(prompt["template"], "Answer: {question}");
      assert.equal(prompt["_ref"], traces.prompt_ref);
    }
    assert.equal(rig.paths.filter((path) => path === "/refs/read_batch").length, 1);
  });

  test("feedback comes with its call", async () => {
    const rig = rigOn(state);
    const { traces: rows } = await rig.call(queryTraces, {
      filters: { call_ids: [traces.calls["agent-0"]] },
    });
    const feedback = list(list(rows)[0]?.["feedback"]);
    const types = feedback.map(({ type }) => String(type)).sort();
    assert.deepEqual(types, [
      "correctness",
      "wandb.annotation.tone",
      "wandb.note.1",
      "wandb.reaction.1",
    ]);
  });

  test("an empty result and an unknown project say what to try", async () => {
    const rig = rigOn(state);
    const none = await rig.call(queryTraces, { filters: { op_name: "no.such" } });
    assert.deepEqual(none["traces"], []);
    assert.match(String(record(none["metadata"])["note"]), /infer_trace_schema_tool/);
    const empty = await rig.call(queryTraces, { project_name: "elsewhere" });
    assert.match(String(record(empty["metadata"])["note"]), /check the entity/);
  });

  test("the key is sent only with the trace server's requests", async () => {
    const canary = { ...state, apiKey: "local-canary0123456789canary0123456789" };
    const rig = rigOn(canary);
    const report = await rig.failure(queryTraces, { limit: 1 });
    assert.equal(report["error"], "unauthorized");
    const told = JSON.stringify([report, rig.logged]);
    assert.doesNotMatch(told, /canary0123/);
    assert(!told.includes(btoa(`api:${canary.apiKey}`)));
  });
}
