import assert from "node:assert/strict";
import { shareOut, unitTests } from "../../scripts/unit.ts";

Deno.test("unit tests are those that start nothing and are not slow", async () => {
  const files = await unitTests();
  for (const file of ["core/values", "mcp/tool", "wandb/query", "mlflow/local/damage"]) {
    assert.ok(files.includes(`tests/${file}.test.ts`), `${file} is left out`);
  }
  for (
    const file of [
      "analysis/diagnosis_scores", // slow
      "mlflow/shape_real", // a back end
      "scripts/start", // the product
      "clients/clients.e2e", // clients
    ]
  ) assert.ok(!files.includes(`tests/${file}.test.ts`), `${file} is no unit test`);
});

Deno.test("every file is in one share, and shares differ by one file at most", () => {
  const files = Array.from({ length: 11 }, (_, index) => `tests/${index}.test.ts`);
  const shares = shareOut(files, 4);
  assert.deepEqual(shares.map((share) => share.length), [3, 3, 3, 2]);
  assert.deepEqual(shares.flat().sort(), files.toSorted());
});
