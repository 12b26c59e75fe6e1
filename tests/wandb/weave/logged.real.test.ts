/** Evaluations that were logged step by step, as Weave's own client writes them. */
import assert from "node:assert/strict";
import { z } from "zod";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { shared } from "../../support/backend.ts";
import { WEAVE_SERVERS } from "../../support/weave/seeded.ts";
import { attach } from "../../support/weave/server.ts";
import { list, record, rigOn } from "./harness.ts";

const Ids = z.object({ a: z.string(), b: z.string(), unfinished: z.string() });

for (const backend of WEAVE_SERVERS) {
  Deno.test(`evaluations logged by hand count like those run by Weave (${backend.name})`, async () => {
    const state = await shared(backend);
    const project = `${state.project.split("/")[0]}/logged-${crypto.randomUUID().slice(0, 8)}`;
    const weave = attach(state);
    const ids = Ids.parse(JSON.parse(await weave.python("seed_logged.py", [project])));
    for (const route of [true, false]) {
      const rig = rigOn({ ...state, project });
      if (!route) rig.weave.lacks.add("eval_results");
      // As it stands in the code; Weave keeps a model's name without its hyphens.
      const named = await rig.call(summarizeEvaluation, { eval_name: "logged BY hand" });
      assert.deepEqual(
        list(named["evaluations"]).map((one) => one["eval_id"]),
        [ids.unfinished, ids.b, ids.a],
      );
      const model = await rig.call(summarizeEvaluation, { eval_name: "hand-model-b" });
      assert.deepEqual(list(model["evaluations"]).map((one) => one["eval_id"]), [ids.b]);
      const result = await rig.call(summarizeEvaluation, {
        evaluation_ids: [ids.a, ids.b, ids.unfinished],
        compare: true,
      });
      const figures = list(result["evaluations"]).map((one) => {
        const { correct } = record(one["scores"]);
        return [
          one["finished"],
          one["total_predictions"],
          one["errors"],
          record(correct)["passed"],
        ];
      });
      assert.deepEqual(figures, [[true, 4, 0, 2], [true, 4, 0, 3], [false, 1, 0, 1]]);
      const comparison = record(result["comparison"]);
      assert.equal(comparison["shared_examples"], 1);
      const both = await rig.call(summarizeEvaluation, {
        evaluation_ids: [ids.a, ids.b],
        compare: true,
      });
      const { examples, shared_examples: common } = record(both["comparison"]);
      assert.equal(common, 4);
      assert.deepEqual(list(examples).map(({ row }) => row), [{ q: "question 1" }]);
    }
  });
}
