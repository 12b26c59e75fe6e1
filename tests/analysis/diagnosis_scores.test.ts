import assert from "node:assert/strict";
import { diagnosisPage, measure, type Scores } from "../../scripts/diagnosis.ts";
import { slowTest } from "../support/slow.ts";
import { SCORED } from "./score.ts";

let measured: Scores | undefined;

/** Scores once for all tests here: it takes seconds. */
function scores(): Scores {
  return measured ??= measure();
}

slowTest("the diagnosis is right on generated runs whose truth is known", () => {
  const score = scores().exact;
  for (const check of SCORED) {
    const result = score.checks.get(check);
    assert(result !== undefined && result.present >= 20, `too few runs to judge ${check}`);
    assert(result.precision >= 0.9, `${check}: precision ${result.precision}`);
    assert(result.recall >= 0.9, `${check}: recall ${result.recall}`);
  }
  assert(score.verdicts >= 0.95, `right words: ${score.verdicts}`);
  assert(score.plateau_error <= 0.06, `beginning of plateaus: ${score.plateau_error}`);
});

slowTest("the diagnosis is right on sampled and sparse series too", () => {
  const { sampled, sparse } = scores();
  for (const check of SCORED) {
    const { precision = 0, recall = 0 } = sampled.checks.get(check) ?? {};
    assert(precision >= 0.9, `${check}: precision ${precision}`);
    assert(recall >= 0.9, `${check}: recall ${recall}`);
    // Short events may lie between the points that are read.
    const least = check === "spikes" || check === "non_finite" ? 0.5 : 0.9;
    const { precision: right = 0, recall: found = 0 } = sparse.checks.get(check) ?? {};
    assert(right >= 0.85, `${check}, sparse: precision ${right}`);
    assert(found >= least, `${check}, sparse: recall ${found}`);
  }
  assert(sampled.verdicts >= 0.95, `right words: ${sampled.verdicts}`);
  assert(sparse.verdicts >= 0.95, `right words, sparse: ${sparse.verdicts}`);
});

slowTest("docs/DIAGNOSIS.md has the measured figures (else run scripts/diagnosis.ts)", async () => {
  const path = new URL("../../docs/DIAGNOSIS.md", import.meta.url);
  const page = await Deno.readTextFile(path);
  assert.equal(page, await diagnosisPage(page, scores()));
});
