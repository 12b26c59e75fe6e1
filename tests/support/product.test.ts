import assert from "node:assert/strict";
import { chooseForm } from "./product.ts";

Deno.test("tests run the executable only if a base runtime is given", () => {
  assert.equal(chooseForm(() => undefined), "bundle");
  assert.equal(chooseForm(() => ""), "bundle");
  assert.equal(
    chooseForm((name) => name === "DENORT_BIN" ? "/opt/denort" : undefined),
    "executable",
  );
});
