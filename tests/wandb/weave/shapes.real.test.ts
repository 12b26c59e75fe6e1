/** What evaluations recorded, beside what `evaluate()` returned; and traces by OpenTelemetry. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { countTraces, queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { inferSchema } from "../../../src/wandb/tools/infer_schema.ts";
import { plotEvaluation } from "../../../src/wandb/tools/plot_evaluation.ts";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { shared } from "../../support/backend.ts";
import { WEAVE_SERVERS, weaveClickhouse } from "../../support/weave/seeded.ts";
import { run } from "../../support/python/command.ts";
import { attach } from "../../support/weave/server.ts";
import { contextFor, memoryLog } from "../harness.ts";
import { type Data, list, record, rigOn } from "./harness.ts";

const SEED = new URL("../../support/weave/seed_typescript.ts", import.meta.url);
const Evaluation = z.object({ id: z.string(), summary: z.unknown().optional() });
const Manifest = z.object({
  evaluations: z.record(z.string(), Evaluation),
  trace: z.string(),
});

const RECORDED_NOTHING = { scored: 5, missing: 0, source: "computed" };

const WRITERS = [
  ...WEAVE_SERVERS.map((backend) => ({ backend, client: "weave" as const })),
  { backend: weaveClickhouse, client: "weave-newest" as const },
];

for (const { backend, client } of WRITERS) {
  const name = `evaluations of all shapes say what they recorded (${client} on ${backend.name})`;
  Deno.test(name, async (t) => {
    const state = await shared(backend);
    const project = `${state.project.split("/")[0]}/shapes-${crypto.randomUUID().slice(0, 8)}`;
    const output = await attach(state).python("seed_shapes.py", [project], client);
    const { evaluations, trace } = Manifest.parse(JSON.parse(output));
    const ids = Object.values(evaluations).map(({ id }) => id);
    for (const route of [true, false]) {
      const rig = rigOn({ ...state, project });
      if (!route) rig.weave.lacks.add("eval_results");
      const result = await rig.call(summarizeEvaluation, { evaluation_ids: ids });
      const rows = new Map(list(result["evaluations"]).map((row) => [row["eval_id"], row]));
      const of = (name: string): Data => rows.get(evaluations[name]?.id) ?? {};
      const score = (name: string, scorer: string) => record(record(of(name)["scores"])[scorer]);
      await t.step(`figures agree ${route ? "with" : "without"} the results route`, () => {
        for (const [name, { summary }] of Object.entries(evaluations)) {
          if (summary !== undefined) assert.deepEqual(of(name)["recorded"], summary, name);
        }
        assert.match(String(result["sources"]), /recorded/);
        const logged = record(of("logged")["recorded"]);
        assert.deepEqual(logged["output"], { bleu: 31.5, nested: { rouge: 0.4 } });
        // Scores whose names differ by a dot alone.
        assert.equal(score("dotted", "dotted.a\\.b")["mean"], 4.5);
        assert.equal(score("dotted", "dotted.a.b")["mean"], 1);
        assert.deepEqual(score("dotted", "dotted.deep.p")["source"], "recorded");
        // One of five scored, and true.
        const none = score("none", "sometimes");
        assert.deepEqual([none["pass_rate"], none["none"], none["computed"]], [1, 4, undefined]);
        assert.match(String(of("none")["none_rule"]), /left out/);
        for (const scorer of ["judge", "sometimes"]) {
          assert.deepEqual(score("failed", scorer), {
            ...{ kind: "none", scored: 0, missing: 5, source: "computed" },
          });
        }
        assert.equal(of("failed")["errors"], 5);
        const text = { kind: "text", values: { even: 2, odd: 3 }, distinct: 2 };
        for (const [name, scorer] of [["text", "verdict"], ["mixed", "graded.label"]] as const) {
          assert.deepEqual(score(name, scorer), { ...text, ...RECORDED_NOTHING }, name);
        }
        assert.equal(score("mixed", "graded.even")["pass_rate"], 2 / 5);
        const judged = of("judged");
        assert.deepEqual([judged["model_tokens"], judged["scorer_tokens"]], [50, 25_000]);
        for (const name of ["prepared", "renamed"]) {
          const latency = record(of(name)["model_latency_s"]);
          assert(Number(latency["mean"]) < 0.3, "the time of what prepared the input is not in it");
          assert.deepEqual([of(name)["model_tokens"], of(name)["model_call_unknown"]], [
            50,
            undefined,
          ], name);
        }
        // Of five one failed; Weave would leave it out within objects, as it leaves None out.
        assert.equal(of("broken")["recorded"], undefined);
        assert.equal(score("broken", "broken.ok")["pass_rate"], 2 / 4);
        assert.equal(score("broken", "broken.opinion")["pass_rate"], 1);
        assert.equal(score("broken", "sometimes")["pass_rate"], 1 / 2);
        assert.deepEqual([score("broken", "broken.ok")["none"], of("broken")["errors"]], [
          undefined,
          1,
        ]);
        assert.match(String(of("broken")["failed_rule"]), /left out of scores within objects/);
        assert.equal(of("failed")["failed_rule"], undefined, "it recorded its own");
        assert.deepEqual(score("late", "late.label")["values"], { rare: 1 });
        if (backend === weaveClickhouse) {
          const price = 0.15 / 1_000_000;
          assert.ok(Math.abs(Number(judged["model_cost"]) - 50 * price) < 1e-9);
          assert.ok(Math.abs(Number(judged["scorer_cost"]) - 25_000 * price) < 1e-9);
        }
      });
    }
    await t.step(
      "references in outputs are resolved where single predictions are shown",
      async () => {
        for (const route of [true, false]) {
          const rig = rigOn({ ...state, project });
          if (!route) rig.weave.lacks.add("eval_results");
          const args = { evaluation_ids: [evaluations["finder"]?.id], include_per_task: true };
          const [own = {}] = list((await rig.call(summarizeEvaluation, args))["evaluations"]);
          const answers = list(own["per_task"]).map((task) => record(task["output"]));
          assert.deepEqual(answers.map(({ n }) => n).sort(), [1, 2, 3, 4, 5]);
          for (const { found } of answers) {
            assert.deepEqual(list(found).map(({ title }) => title), ["Alps"]);
          }
        }
        const filters = { op_name: "Finder.predict" };
        const { traces } = await rigOn({ ...state, project }).call(queryTraces, { filters });
        const [stored] = list(traces).map((row) => record(row["output"])["found"]);
        assert.match(JSON.stringify(stored), /^\["weave:\/\/\/.*\/object\/document:\w+"\]$/);
      },
    );
    await t.step(
      "text scores are compared; optional objects are shown by their fields",
      async () => {
        const rig = rigOn({ ...state, project });
        const [text, shifted] = ["text", "shifted"].map((name) => String(evaluations[name]?.id));
        assert(text !== undefined && shifted !== undefined);
        const args = { evaluation_ids: [text, shifted], compare: true };
        const { comparison, evaluations: both } = await rig.call(summarizeEvaluation, args);
        const { shared_examples, differing_examples, examples, scorers } = record(comparison);
        assert.deepEqual([shared_examples, differing_examples], [5, 5]);
        assert.equal(list(examples).length, 5);
        const verdict = list(scorers).find(({ scorer }) => scorer === "verdict");
        assert.deepEqual(verdict?.["texts"], {
          [text]: { odd: 3, even: 2 },
          [shifted]: { even: 3, odd: 2 },
        });
        const scores = record(list(both)[1]?.["scores"]);
        assert.deepEqual(Object.keys(scores).sort(), ["unsure.v", "verdict"]);
        // Answers are from 2 to 6.
        const { scored, none, mean } = record(scores["unsure.v"]);
        assert.deepEqual([scored, none, mean], [3, 2, 5]);
      },
    );
    await t.step("a plot has the model's cost, and separately the scorers'", async () => {
      const { weave } = rigOn({ ...state, project });
      const args = { evaluation_ids: [evaluations["judged"]?.id] };
      const outcome = await plotEvaluation.call(args, { ...contextFor(memoryLog([])), weave });
      assert(outcome.kind === "reply");
      const { text = "" } = outcome.reply;
      if (backend !== weaveClickhouse) assert.doesNotMatch(text, /cost/, "SQLite has no prices");
      // Five rows of 10 tokens, and 5000 of the judge.
      else assert.match(text, /; cost 0\.0000075\d* USD; cost with scorers 0\.00376 USD$/m);
    });
    await t.step("a comparison ranks by what was recorded", async () => {
      const rig = rigOn({ ...state, project });
      const chosen = ["custom", "none"].map((name) => evaluations[name]?.id);
      const args = { evaluation_ids: chosen, compare: true };
      const comparison = record((await rig.call(summarizeEvaluation, args))["comparison"]);
      assert.deepEqual(record(comparison["recorded"])["retrieval.f1"], {
        [String(chosen[0])]: 0.545,
      });
      const sometimes = list(comparison["scorers"]).find(({ scorer }) => scorer === "sometimes");
      assert.deepEqual(sometimes?.["values"], { [String(chosen[1])]: 1 });
    });
    await t.step("OpenTelemetry's usage is counted, and its names are kept", async () => {
      const rig = rigOn({ ...state, project });
      const found = await rig.call(queryTraces, { filters: { trace_id: trace } });
      const { token_counts } = record(found["metadata"]);
      assert.equal(record(token_counts)["total_tokens"], 120);
      if (backend === weaveClickhouse) {
        assert.ok(Math.abs(Number(record(token_counts)["total_cost"]) - 0.000027) < 1e-12);
      }
      for (const op_name of ["Invoke Agent: 1st/try", "chat gpt-4o-mini", "Invoke Agent*"]) {
        const rows = await rig.call(queryTraces, { filters: { op_name } });
        assert.equal(list(rows["traces"]).length, 1, op_name);
      }
      // What differs in case alone cannot be told from another op: it is said.
      const told: (readonly [Data, number])[] = [
        [{ op_name: "Chat_gpt-4o-mini" }, 0],
        [{ op_names: ["Chat_gpt-4o-mini", "Finder.predict"] }, 5],
        [{ op_name: "Chat_gpt*" }, 0],
        [{ op_name_contains: "Chat_gpt" }, 0],
        [{ op_name: { $in: ["Chat_gpt-4o-mini"] } }, 0],
        [{ $or: [{ op: "Chat_gpt-4o-mini" }, { op: "Finder.predict" }] }, 5],
        [{ $not: { op_name: "Chat_gpt-4o-mini" }, trace_id: trace }, 2],
        [{ trace_name: "Chat_gpt-4o-mini" }, 0],
        [{ trace_name: { $contains: "Chat gpt" } }, 0],
      ];
      for (const [filters, number] of told) {
        const rows = await rig.call(queryTraces, { filters, detail_level: "schema" });
        const counted = await rig.call(countTraces, { filters });
        const inferred = await rig.call(inferSchema, { filters });
        const text = JSON.stringify(filters);
        assert.equal(counted["total_count"], number, text);
        assert.equal(list(rows["traces"]).length, number, text);
        for (const one of [record(rows["metadata"]), counted, inferred]) {
          const note = String(one["note"]);
          if (backend === weaveClickhouse) assert.match(note, /"chat_gpt-4o-mini"/, text);
          else assert.doesNotMatch(note, /lower-case/, text);
        }
      }
      const { note } = await rig.call(countTraces, { filters: { op_name: "Finder.predict" } });
      assert.equal(note, undefined);
    });
    await t.step("OpenTelemetry's roots include the usage below them", async () => {
      const rig = rigOn({ ...state, project });
      const roots = { filters: { trace_roots_only: true, trace_id: trace } };
      const { traces, metadata } = await rig.call(queryTraces, roots);
      const [root = {}] = list(traces);
      const sent = "Invoke Agent: 1st/try";
      assert.equal(root["op"], backend === weaveClickhouse ? "invoke_agent_1st_try" : sent);
      const { "gpt-4o-mini": used } = record(root["usage"]);
      assert.deepEqual([record(used)["input_tokens"], record(used)["output_tokens"]], [100, 20]);
      const named = await rig.call(queryTraces, { filters: { call_ids: [String(root["id"])] } });
      assert.deepEqual(list(named["traces"])[0]?.["usage"], root["usage"], "named by its id");
      const counts = record(record(metadata)["token_counts"]);
      assert.equal(counts["total_tokens"], 120);
      assert.match(String(record(metadata)["usage_note"]), /OpenTelemetry roots .*: 1\./);
      if (backend === weaveClickhouse) {
        const price = record(record(root["costs"])["gpt-4o-mini"])["total_cost"];
        for (const cost of [counts["total_cost"], price]) {
          assert.ok(Math.abs(Number(cost) - 0.000027) < 1e-12);
        }
        const sorted = await rig.call(queryTraces, {
          ...{ sort_by: "total_cost", limit: 1, filters: { trace_roots_only: true } },
        });
        assert.notEqual(record(list(sorted["traces"])[0])["costs"], undefined);
      }
    });
  });
}

for (const backend of WEAVE_SERVERS) {
  Deno.test(`evaluations of Weave's TypeScript client follow its own rule (${backend.name})`, async () => {
    const state = await shared(backend);
    const project = `${state.project.split("/")[0]}/typescript-${crypto.randomUUID().slice(0, 8)}`;
    const { code, stdout, stderr } = await run(Deno.execPath(), [
      ...["run", "-A", "--no-check", fileURLToPath(SEED), project],
    ], { env: { ...state.env, HOME: Deno.env.get("HOME") ?? state.dir } });
    assert.equal(code, 0, stderr);
    const theirs = record(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
    const rig = rigOn({ ...state, project });
    const [own = {}] = list((await rig.call(summarizeEvaluation))["evaluations"]);
    assert.deepEqual(own["recorded"], theirs);
    const scores = record(own["scores"]);
    const { pass_rate, computed, source } = record(scores["sometimes"]);
    assert.deepEqual([pass_rate, computed, source], [0.2, undefined, "recorded"]);
    const size = record(scores["size.n"]);
    assert.deepEqual([size["mean"], size["computed"]], [2, undefined]);
    assert.match(String(own["none_rule"]), /TypeScript/);
    assert.equal(own["errors"], 1);
  });
}
