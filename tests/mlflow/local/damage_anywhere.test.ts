import assert from "node:assert/strict";
import fc from "fast-check";
import { isFailure } from "../../../src/core/failure.ts";
import { parseFilter } from "../../../src/mlflow/filter/filter.ts";
import { slowTest } from "../../support/slow.ts";
import { EXAMPLE_STORE, localStore } from "./harness.ts";

slowTest("damage anywhere in a store is reported as damage to the store", async () => {
  const path = await Deno.makeTempFile({ prefix: "mlflow.db" });
  try {
    const sound = await Deno.readFile(EXAMPLE_STORE);
    const damage = fc.record({
      at: fc.integer({ min: 100, max: sound.length - 1 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
    });
    using store = localStore(path);
    let failed = 0;
    for (const { at: place, bytes } of fc.sample(damage, { numRuns: 150, seed: 5 })) {
      const damaged = sound.slice();
      damaged.set(bytes.subarray(0, sound.length - place), place);
      await Deno.writeFile(path, damaged);
      for (const filter of ["", "trace.text LIKE '%order%'", "feedback.helpful = 'true'"]) {
        try {
          const { infos } = await store.open().search({
            experimentIds: ["1"],
            filter: parseFilter(filter, { now: 0 }),
            orderBy: [],
            limit: 50,
          });
          failed += (await store.open().spansOfMany(infos, () => {})).length;
        } catch (error) {
          failed++;
          assert.ok(isFailure(error, "unsupported", "upstream_error"), String(error));
          assert.match(error.message, /mlflow\.db|damaged/);
        }
      }
    }
    assert.ok(failed > 20, `${failed} failures`);
  } finally {
    await Deno.remove(path);
  }
});
