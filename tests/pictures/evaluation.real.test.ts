/** Evaluations as a picture, on Weave's own trace server. */
import assert from "node:assert/strict";
import type { Reply } from "../../src/mcp/tool.ts";
import { plotEvaluation } from "../../src/wandb/tools/plot_evaluation.ts";
import { shared } from "../support/backend.ts";
import { manifestOf, WEAVE_SERVERS } from "../support/weave/seeded.ts";
import { contextFor, memoryLog, toFailureReport } from "../wandb/harness.ts";
import { type Data, rigOn } from "../wandb/weave/harness.ts";
import { decode } from "./png.ts";

for (const backend of WEAVE_SERVERS) {
  const state = await shared(backend);
  const { evaluations: { good, weak, unfinished } } = await manifestOf(state);
  const plot = async (args: Data): Promise<Reply<Data>> => {
    const { weave } = rigOn(state);
    const outcome = await plotEvaluation.call(args, { ...contextFor(memoryLog([])), weave });
    assert(outcome.kind === "reply");
    return outcome.reply;
  };

  Deno.test(`plot_evaluation: two models on one dataset (${backend.name})`, async () => {
    const { text = "", picture, data } = await plot({ evaluation_ids: [good.id, weak.id] });
    assert.deepEqual(data, {});
    assert(picture !== undefined && picture.length < 40_000);
    assert(decode(picture).width > 400);
    // Of six rows, five and one are exact; failed predictions have not passed.
    assert.match(
      text,
      /^- good-model: 6 predictions, 1 failed \(counted as it recorded\); exact 0\.833 \(0\.436 to 0\.97\); /m,
    );
    assert.match(
      text,
      /^- weak-model: 6 predictions, 2 failed \(counted as it recorded\); exact 0\.167 \(0\.0301 to 0\.564\)/m,
    );
    assert.match(text, /graded\.overlap/);
    assert.match(text, /latency [\d.e-]+ s \(/);
    assert.match(text, new RegExp(`https://app.example.test/${state.project}/weave/evaluations$`));
  });

  Deno.test(`plot_evaluation: evaluations by name, chosen scores and unfinished ones (${backend.name})`, async () => {
    const { text = "" } = await plot({ eval_name: "facts-evaluation", scores: ["exact"] });
    assert.match(text, /^- weak-model.*\n- good-model/m);
    assert.doesNotMatch(text, /graded/);
    const open = await plot({ evaluation_ids: [unfinished.id, "no-such-call"] });
    assert.match(open.text ?? "", /blocking-model: 2 predictions, 0 failed; not finished/);
    assert.match(open.text ?? "", /No evaluation has the id no-such-call/);
  });

  Deno.test(`plot_evaluation: a missing evaluation or score is reported with those that exist (${backend.name})`, async () => {
    const failing = async (args: Data) =>
      await plot(args).then(() => assert.fail("it was drawn"), toFailureReport);
    const name = await failing({ eval_name: "no such evaluation" });
    assert.equal(name["error"], "not_found");
    assert.match(String(name["hint"]), /facts-evaluation/);
    const score = await failing({ evaluation_ids: [good.id], scores: ["exakt"] });
    assert.match(String(score["message"]), /did you mean "exact"/);
    const both = await failing({ eval_name: "x", evaluation_ids: ["y"] });
    assert.equal(both["error"], "invalid_arguments");
  });
}
