import assert from "node:assert/strict";
import { unitTests } from "../../scripts/unit.ts";

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
