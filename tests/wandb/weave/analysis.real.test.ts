/** Schemas, roots and evaluations on Weave's own trace server. */
import assert from "node:assert/strict";
import { z } from "zod";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { resolveRoots } from "../../../src/wandb/tools/resolve_roots.ts";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { startBridge } from "../../support/weave/bridge.ts";
import { manifestOf, WEAVE_SERVERS } from "../../support/weave/seeded.ts";
import { attach } from "../../support/weave/server.ts";
import { shared } from "../../support/backend.ts";
import { type Data, list, record, rigOn } from "./harness.ts";

const Results = z.object({
  rows: z.array(z.object({
    raw_data_row: z.unknown(),
    evaluations: z.array(z.object({
      trials: z.array(z.object({
        predict_and_score_call_id: z.string(),
        model_output: z.unknown(),
        scores: z.unknown(),
      })),
    })),
  })),
  summary: z.object({
    evaluations: z.array(z.object({
      scorer_stats: z.array(z.object({
        scorer_key: z.string(),
        path: z.string().nullish(),
        value_type: z.string(),
        trial_count: z.number(),
        numeric_mean: z.number().nullish(),
        pass_true_count: z.number(),
        pass_rate: z.number().nullish(),
      })),
    })),
  }),
});

for (const backend of WEAVE_SERVERS) {
  const state = await shared(backend);
  const { traces, evaluations } = await manifestOf(state);
  const test = (name: string, run: (t: Deno.TestContext) => Promise<void>) =>
    Deno.test(`${name} (${backend.name})`, run);

  const summaries = async (args: Data) => {
    const result = await rigOn(state).call(summarizeEvaluation, args);
    return list(result["evaluations"]);
  };

  test("the schema is inferred across ops and time, without large contents", async () => {
    const rig = rigOn(state);
    const result = await rig.call(inferSchema, {}, { maxTokens: 1_000_000 });
    const fields = new Map(list(result["fields"]).map((field) => [field["path"], field]));
    assert.equal(fields.get("inputs.question")?.["type"], "string");
    assert.equal(fields.get("inputs.attempt")?.["type"], "int");
    assert.equal(fields.get("attributes.release.canary")?.["type"], "boolean");
    assert.equal(fields.get("inputs.a\\.b.c")?.["type"], "int", "the oldest call of all is in it");
    assert.equal(fields.get("inputs.size")?.["type"], "int", "keys after a large text are seen");
    assert.equal(fields.get("inputs.text")?.["max_length"], 1_000_000);
    assert.deepEqual(Object.keys(record(fields.get("inputs.job")?.["ops"])).sort(), [
      "batch.loop",
      "batch.wait",
    ]);
    const statuses = list(fields.get("status")?.["top_values"]).map(({ value }) => value);
    assert(statuses.includes("running") && statuses.includes("error"));
    assert.equal(result["sample_size"], 50);
    assert.equal(result["ops_not_sampled"], undefined);
    assert.equal(record(result["ops"])["ingest.document"], traces.documents);
    assert(rig.bytes() < 1_500_000, `${rig.bytes()} bytes: at most one of the large calls is read`);
  });

  test("the schema is that of the filtered calls, and empty without calls", async () => {
    const rig = rigOn(state);
    const result = await rig.call(inferSchema, {
      filters: { op_name: "audit.check" },
      top_n_values: 2,
      sample_size: 4,
    });
    assert.equal(result["total_traces"], traces.checks);
    assert.equal(result["sample_size"], 4);
    const score = list(result["fields"]).find((field) => field["path"] === "inputs.score") ?? {};
    assert.equal(list(score["top_values"]).length, 2);
    const none = await rig.call(inferSchema, { project_name: "elsewhere" });
    assert.deepEqual([none["fields"], none["total_traces"]], [[], 0]);
    assert.match(String(none["note"]), /no calls/);
  });

  test("roots of any number of traces are returned", async () => {
    const rig = rigOn(state);
    const known = Object.entries(traces.trace_ids);
    const ids = [
      ...known.map(([, id]) => id),
      ...known.map(([, id]) => id),
      ...Array.from({ length: 2300 }, (_, index) => `no-such-trace-${index}`),
      "' OR '1'='1",
    ];
    const result = await rig.call(resolveRoots, { trace_ids: ids }, { maxTokens: 200_000 });
    const roots = record(result["roots"]);
    assert.equal(result["resolved"], new Set(Object.values(traces.trace_ids)).size);
    for (const [label, id] of known) {
      assert.equal(record(roots[id])["id"], traces.calls[label], label);
    }
    assert.equal(result["missing_count"], 2301);
    assert.equal(result["next_offset"], undefined);
    const page = `https://app.example.test/${state.project}/weave/traces`;
    assert.deepEqual(rig.links, [page]);
    const root = traces.calls["agent-0"];
    await rig.call(resolveRoots, { trace_ids: [traces.trace_ids["agent-0"]] });
    assert.deepEqual(rig.links, [`weave://${state.project}/calls/${root}`, page]);
    const none = await rig.call(resolveRoots, { trace_ids: [] });
    assert.deepEqual(rig.links, []);
    assert.deepEqual([none["roots"], none["resolved"], none["total_requested"]], [{}, 0, 0]);
  });

  test("roots that do not fit are returned by the next call", async () => {
    const rig = rigOn(state);
    const ids = Object.values(traces.trace_ids);
    const found = new Set<string>();
    let offset: unknown = 0;
    let calls = 0;
    while (offset !== undefined) {
      const args = { trace_ids: ids, offset };
      const result = await rig.call(resolveRoots, args, { maxTokens: 900 });
      assert.equal(result["truncated"], undefined);
      for (const id of Object.keys(record(result["roots"]))) found.add(id);
      offset = result["next_offset"];
      calls++;
    }
    assert.deepEqual(found, new Set(ids));
    assert(calls > 1);
  });

  test("evaluations have the same scores as in Weave's client", async () => {
    const Theirs = z.array(z.looseObject({
      id: z.string(),
      output: z.unknown(),
      predictions: z.array(z.unknown()),
    }));
    const bridge = await startBridge(attach(state));
    try {
      const theirs = Theirs.parse(await bridge.ask("evaluations"));
      const ours = await summaries({ max_evals: 50 });
      assert.deepEqual(
        new Set(ours.map((one) => one["eval_id"])),
        new Set(theirs.map(({ id }) => id)),
      );
      for (const { id, output, predictions } of theirs) {
        const own = ours.find((one) => one["eval_id"] === id) ?? {};
        const running = Number(own["running"] ?? 0);
        assert.equal(Number(own["total_predictions"]) + running, predictions.length);
        if (output === null) continue;
        const exact = record(record(output)["exact"]);
        const score = record(record(own["scores"])["exact"]);
        assert.equal(score["passed"], exact["true_count"]);
        assert.equal(score["pass_rate"], exact["true_fraction"]);
      }
    } finally {
      await bridge.stop();
    }
  });

  test("scores, outputs and examples match the server's own results route", async () => {
    const { good, weak } = evaluations;
    for (const { id } of [good, weak]) {
      const options = {
        ...{ evaluation_call_ids: [id], include_rows: true, include_summary: true },
        ...{ include_raw_data_rows: true, resolve_row_refs: true },
      };
      const response = await fetch(`${state.url}/v2/${state.project}/eval_results/query`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`api:${state.apiKey}`)}` },
        body: JSON.stringify(options),
      });
      const theirs = Results.parse(await response.json());
      const [own = {}] = await summaries({ evaluation_ids: [id], include_per_task: true });
      const [{ scorer_stats: stats = [] } = {}] = theirs.summary.evaluations;
      const scores = record(own["scores"]);
      const names = stats.map((one) => [one.scorer_key, ...one.path ? [one.path] : []].join("."));
      assert.deepEqual(Object.keys(scores).sort(), names.toSorted());
      assert.equal(names.length, 5);
      for (const [index, one] of stats.entries()) {
        const score = record(scores[names[index] ?? ""]);
        assert.equal(score["scored"], one.trial_count, names[index]);
        if (one.value_type === "binary") {
          assert.equal(score["passed"], one.pass_true_count);
          assert.equal(score["pass_rate_of_scored"], one.pass_rate);
        } else assert.ok(Math.abs(Number(score["mean"]) - (one.numeric_mean ?? NaN)) < 1e-12);
      }
      const tasks = new Map(list(own["per_task"]).map((task) => [task["call_id"], task]));
      assert.equal(tasks.size, theirs.rows.length);
      for (const { raw_data_row: row, evaluations: [one] } of theirs.rows) {
        for (const trial of one?.trials ?? []) {
          const task = tasks.get(trial.predict_and_score_call_id) ?? {};
          const { example, output = null, scores } = task;
          assert.deepEqual([example, output, scores], [row, trial.model_output, trial.scores]);
        }
      }
    }
  });

  test("failed predictions count as failures and lower the pass rate", async () => {
    for (const made of [evaluations.good, evaluations.weak]) {
      const [own = {}] = await summaries({ evaluation_ids: [made.id] });
      assert.equal(own["total_predictions"], made.rows);
      assert.equal(own["errors"], made.failed);
      assert.equal(own["successes"], made.rows - made.failed);
      assert.equal(own["error_rate"], made.failed / made.rows);
      assert.equal(own["model"], made.model);
      const exact = record(record(own["scores"])["exact"]);
      assert.equal(exact["passed"], made.exact_true);
      assert.equal(exact["pass_rate"], made.exact_true / made.rows);
      assert.equal(exact["missing"], made.failed);
    }
  });

  test("evaluations are found by id, by name and by the model's name", async () => {
    const { good, weak, release, nested } = evaluations;
    const ids = async (name: string) =>
      (await summaries({ eval_name: name })).map((one) => one["eval_id"]);
    assert.deepEqual(await ids(good.id), [good.id]);
    assert.deepEqual(await ids("facts-evaluation"), [weak.id, good.id]);
    assert.deepEqual(await ids("named-evaluation"), [release.id]);
    assert((await ids(release.display_name)).includes(release.id));
    assert.deepEqual(await ids("good-model"), [good.id]);
    assert.deepEqual(await ids("nightly-check"), [nested.id], "one that is no root");
    // As it may stand in the code: names of objects have no blanks.
    assert.deepEqual(await ids("Nightly Check"), [nested.id]);
    assert.deepEqual(await ids("?!"), [], "no letter that could be alike");
    const [found = {}] = await summaries({ evaluation_ids: [nested.id] });
    const [self = ""] = String(found["op_name"]).split("/op/");
    for (
      const address of [
        `${self}/call/${nested.id}`,
        `weave://${state.project}/evaluations/${nested.id}`,
        String(found["url"]),
      ]
    ) {
      assert.deepEqual(await ids(address), [nested.id], address);
      const [same = {}] = await summaries({ evaluation_ids: [address] });
      assert.equal(same["eval_id"], nested.id);
    }
    assert.deepEqual(await ids(`${self}/object/nightly-check:no-such-version`), []);
    const columns = ["inputs.self"];
    const [root = {}] = list(
      (await rigOn(state).call(queryTraces, { filters: { call_ids: [nested.id] }, columns }))[
        "traces"
      ],
    );
    assert.deepEqual(await ids(String(record(root["inputs"])["self"])), [nested.id]);
    const both = { eval_name: "nightly-check", evaluation_ids: [good.id] };
    const refusal = await rigOn(state).failure(summarizeEvaluation, both);
    assert.match(String(refusal["message"]), /not both/);
    const none = await rigOn(state).call(summarizeEvaluation, { eval_name: "no such" });
    assert.deepEqual(none["evaluations"], []);
    assert(Array.isArray(none["available"]) && none["available"].includes("facts-evaluation"));
  });

  test("trials of one example are grouped; an unfinished evaluation says so", async () => {
    const { release, unfinished } = evaluations;
    const [own = {}] = await summaries({ evaluation_ids: [release.id] });
    assert.deepEqual([own["examples"], own["total_predictions"]], [release.rows, release.trials]);
    const [open = {}] = await summaries({ evaluation_ids: [unfinished.id] });
    assert.equal(open["finished"], false);
    assert.equal(open["status"], "running");
    assert.deepEqual([open["total_predictions"], open["running"]], [unfinished.predicted, 1]);
  });

  test("a comparison of evaluations shows where their models differ", async () => {
    const { good, weak } = evaluations;
    const result = await rigOn(state).call(summarizeEvaluation, {
      evaluation_ids: [good.id, weak.id],
      compare: true,
      include_per_task: true,
    });
    const comparison = record(result["comparison"]);
    const exact = list(comparison["scorers"]).find(({ scorer }) => scorer === "exact") ?? {};
    assert.deepEqual(exact["values"], {
      [good.id]: good.exact_true / good.rows,
      [weak.id]: weak.exact_true / weak.rows,
    });
    assert.equal(comparison["shared_examples"], good.rows);
    const examples = list(comparison["examples"]);
    const questions = examples.map(({ row }) => String(record(row)["question"])).sort();
    assert.deepEqual(questions, ["2 + 2", "7 * 6", "9 - 5", "capital of France"]);
    for (const one of list(result["evaluations"])) {
      const tasks = list(one["per_task"]);
      assert.equal(tasks.length, good.rows);
      const failed = tasks.filter(({ status }) => status === "failed");
      assert(failed.every(({ error }) => /^RuntimeError: model failed/.test(String(error))));
      assert.equal(failed.length, one["errors"]);
    }
  });

  test("an unknown evaluation id is reported", async () => {
    const { good } = evaluations;
    const other = traces.calls["agent-0"] ?? "";
    const args = { evaluation_ids: ["no-such-call", good.id, other] };
    const result = await rigOn(state).call(summarizeEvaluation, args);
    assert.deepEqual([result["count"], result["missing"]], [1, ["no-such-call", other]]);
    const none = await rigOn(state).call(summarizeEvaluation, { evaluation_ids: [other] });
    assert.deepEqual([none["evaluations"], none["missing"]], [[], [other]]);
  });

  test("every evaluation can be read, however few fit into one answer", async () => {
    const rig = rigOn(state);
    const all = (await summaries({ max_evals: 50 })).map((one) => one["eval_id"]);
    for (
      const [args, options] of [
        [{ max_evals: 2 }, {}],
        [{ max_evals: 50 }, { maxTokens: 900 }],
        [{ evaluation_ids: all }, { maxTokens: 900 }],
      ] as const
    ) {
      const found: unknown[] = [];
      let offset: unknown = 0;
      let calls = 0;
      while (offset !== undefined) {
        const result = await rig.call(summarizeEvaluation, { ...args, offset }, options);
        const rows = list(result["evaluations"]);
        assert(rows.length < all.length);
        if (calls === 0) assert.equal(result["total_evaluations"], all.length);
        found.push(...rows.map((one) => one["eval_id"]));
        offset = result["next_offset"];
        calls++;
      }
      assert.deepEqual(found, all);
    }
    const behind = await rig.call(summarizeEvaluation, { offset: all.length });
    assert.deepEqual(behind["evaluations"], []);
    assert.match(String(behind["message"]), /past the last/);
    const some = await rig.call(summarizeEvaluation, { max_evals: 1, include_per_task: true });
    assert.equal(some["total_evaluations"], all.length);
    assert.match(String(some["note"]), /more evaluations/);
  });

  test("a server without the results route gives the same figures, from the calls", async () => {
    const args = { eval_name: "facts-evaluation", compare: true, include_per_task: true };
    const theirs = await rigOn(state).call(summarizeEvaluation, args);
    const rig = rigOn(state);
    rig.weave.lacks.add("eval_results");
    const ours = await rig.call(summarizeEvaluation, args);
    assert(!rig.paths.some((path) => path.includes("eval_results")));
    const bare = (result: Data) =>
      list(result["evaluations"]).map(({ per_task: tasks, ...rest }) => ({ ...rest, tasks }));
    assert.deepEqual(bare(ours), bare(theirs));
    assert.deepEqual(ours["comparison"], theirs["comparison"]);
  });
}
