/** Evaluations of thousands of predictions with long texts, read while they arrive. */
import assert from "node:assert/strict";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { slowTest } from "../../support/slow.ts";
import { startWeaveStub, type Stub, type StubCall } from "../../support/weave/stub.ts";
import { type Data, list, record, type Rig, rigOn } from "./harness.ts";

const ROUTE = "/v2/test-entity/agents/eval_results/query";
const PREDICTIONS = 3000;
const LONG = "long text ".repeat(400);

function call(id: string, parent: string | null, op: string, rest: Data): StubCall {
  return {
    id,
    project_id: "test-entity/agents",
    trace_id: "t",
    parent_id: parent,
    op_name: `weave:///test-entity/agents/op/${op}:v1`,
    started_at: "2025-01-01T00:00:00.000Z",
    ended_at: "2025-01-01T00:00:00.250Z",
    attributes: {},
    inputs: {},
    summary: {},
    ...rest,
  };
}

/** Every third answer is wrong; the worse model's every tenth prediction fails besides. */
function evaluation(id: string, model: string, failing: (index: number) => boolean): StubCall[] {
  const calls = [call(id, null, "Evaluation.evaluate", {
    inputs: {
      self: "weave:///test-entity/agents/object/large:v1",
      model: `weave:///test-entity/agents/object/${model}:v1`,
    },
    output: {},
  })];
  for (let index = 0; index < PREDICTIONS; index++) {
    const failed = failing(index);
    const output = {
      output: failed ? null : `${index} ${model} ${LONG}`,
      scores: failed ? {} : { exact: index % 3 !== 0, length: index },
    };
    const example = { question: `${String(index).padStart(4, "0")} ${LONG}` };
    calls.push(
      call(`${id}-${index}`, id, "Evaluation.predict_and_score", { inputs: { example }, output }),
      call(`${id}-${index}-m`, `${id}-${index}`, "Model.predict", {
        ...(failed ? { exception: "RuntimeError: failed" } : {}),
      }),
    );
  }
  return calls;
}

async function withEvaluations(test: (stub: Stub, rig: Rig) => Promise<void>): Promise<void> {
  const calls = [
    ...evaluation("better", "new-model", () => false),
    ...evaluation("worse", "old-model", (index) => index % 10 === 1),
  ];
  const stub = startWeaveStub({ calls, evaluationResults: true });
  try {
    await test(stub, rigOn(stub));
  } finally {
    await stub.stop();
  }
}

slowTest("a large evaluation is summed up, compared and read in parts", async (t) => {
  await withEvaluations(async (stub, rig) => {
    const failing = PREDICTIONS / 10;
    // Of the indexes that end in 1, every third is a multiple of three, and wrong anyway.
    const passed = (PREDICTIONS * 2) / 3;
    const worse = passed - (failing * 2) / 3;
    const exact = (one: Data) => record(record(one["scores"])["exact"])["passed"];
    const figures = (result: Data) =>
      list(result["evaluations"]).map((one) => [
        one["eval_id"],
        one["total_predictions"],
        one["errors"],
        exact(one),
        record(one["model_latency_s"])["count"],
      ]);
    const expected = [
      ["better", PREDICTIONS, 0, passed, PREDICTIONS],
      ["worse", PREDICTIONS, failing, worse, PREDICTIONS],
    ];
    const both = { evaluation_ids: ["better", "worse"] };
    await t.step("from statistics", async () => {
      const result = await rig.call(summarizeEvaluation, both);
      assert.deepEqual(figures(result), expected);
      const lengths = list(result["evaluations"]).map(({ scores }) => record(scores)["length"]);
      assert.equal(record(lengths[0])["mean"], (PREDICTIONS - 1) / 2);
    });
    await t.step("side by side", async () => {
      const result = await rig.call(summarizeEvaluation, { ...both, compare: true });
      assert.deepEqual(figures(result), expected);
      const comparison = record(result["comparison"]);
      assert.equal(comparison["shared_examples"], PREDICTIONS);
      assert.equal(comparison["differing_examples"], failing, "their answers differ everywhere");
      const scorer = list(comparison["scorers"]).find(({ scorer }) => scorer === "exact") ?? {};
      assert.equal(record(scorer["values"])["worse"], worse / PREDICTIONS);
      const examples = list(comparison["examples"]);
      assert.ok(examples.length > 5);
      for (const { row, evaluations } of examples) {
        assert.match(String(record(row)["question"]), /^\d{3}1 long text/);
        const own = record(record(evaluations)["worse"]);
        assert.deepEqual([own["failures"], own["scores"]], [1, {}]);
      }
    });
    await t.step("prediction by prediction", async () => {
      const args = { eval_name: "better", include_per_task: true };
      const questions: string[] = [];
      let offset: unknown = 0;
      for (let page = 0; page < 2; page++) {
        const result = await rig.call(summarizeEvaluation, { ...args, offset });
        const [one = {}] = list(result["evaluations"]);
        assert.equal(one["per_task_total"], PREDICTIONS);
        assert.equal(result["truncated"], undefined);
        for (const { example, output } of list(one["per_task"])) {
          const question = String(record(example)["question"]);
          assert.match(String(output), new RegExp(`^${Number(question.slice(0, 4))} new-model`));
          assert.match(question, /…\[\d+ more characters\]$/);
          questions.push(question.slice(0, 4));
        }
        assert.equal(result["next_offset"], questions.length);
        offset = result["next_offset"];
      }
      const order = questions.map((_, index) => String(index).padStart(4, "0"));
      assert.deepEqual(questions, order, "no example is passed over between pages");
    });
    await t.step("a reply that is cut short is an error", async () => {
      for (const more of [{}, { compare: true }, { include_per_task: true }]) {
        stub.fail(ROUTE, { kind: "cut", afterRows: 0 });
        const report = await rig.failure(summarizeEvaluation, { ...both, ...more });
        assert.equal(report["error"], "upstream_error");
        assert.match(String(report["message"]), /cut short|no valid JSON/);
      }
    });
  });
});
