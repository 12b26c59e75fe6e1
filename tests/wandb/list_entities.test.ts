import assert from "node:assert/strict";
import { listEntities } from "../../src/wandb/tools/query_projects.ts";
import { startRig } from "./harness.ts";

Deno.test("the user and the teams are listed with one request", async () => {
  await using rig = startRig();
  const { result, requests } = await rig.counted(() => rig.data(listEntities, {}));
  assert.equal(requests, 1);
  assert.deepEqual(result, {
    entities: [{ name: "sim-user", type: "user" }, { name: "sim-team", type: "team" }],
    count: 2,
    default_entity: "sim-user",
  });
  assert.deepEqual(rig.sim.defects, []);
});

Deno.test("a failed part is reported, and the rest is returned", async () => {
  await using rig = startRig();
  rig.sim.faults.add({ kind: "partial", field: ["viewer", "teams"], message: "teams are out" });
  const data = await rig.data(listEntities, {});
  assert.deepEqual(data["entities"], [{ name: "sim-user", type: "user" }]);
  assert.deepEqual(data["warnings"], ["W&B reported: teams are out; that part is missing."]);
});
