import assert from "node:assert/strict";
import { queryProjects } from "../../src/wandb/tools/query_projects.ts";
import { list, part, startRig } from "./harness.ts";
import { graphql } from "./seed.ts";

const UPSERT = `mutation P($e: String, $n: String, $d: String) {
  upsertModel(input: {entityName: $e, name: $n, description: $d}) { inserted }
}`;

Deno.test("a number above the maximum is lowered to it, and reported", async () => {
  await using rig = startRig();
  for (const args of [{ max_projects: 999 }, { entity: "sim-team", limit: "999" }]) {
    const data = await rig.data(queryProjects, args);
    assert.equal(data["max_projects_per_entity"], 200);
    assert.match(String(data["note"]), /^`max_projects` is at most 200: 999 was taken for that\./);
  }
  assert.equal("note" in await rig.data(queryProjects, { max_projects: 200 }), false);
  const below = await rig.failure(queryProjects, { max_projects: 0 });
  assert.match(String(below["message"]), /at least 1/);
});

Deno.test("projects of all accessible entities come with one request", async () => {
  await using rig = startRig();
  await graphql(rig.sim, UPSERT, { e: "sim-team", n: "vision", d: "Seeing" });
  await graphql(rig.sim, UPSERT, { e: "sim-user", n: "notes", d: null });
  const { result, requests } = await rig.counted(() => rig.data(queryProjects, {}));
  assert.equal(requests, 1);
  const projects = part(result, "projects");
  const vision = list(projects["sim-team"])[0];
  assert.deepEqual([vision?.["name"], vision?.["description"]], ["vision", "Seeing"]);
  assert.match(String(vision?.["created_at"]), /^\d{4}-/);
  assert.equal(typeof vision?.["visibility"], "string");
  assert.equal(list(projects["sim-user"])[0]?.["name"], "notes");
  assert.equal(result["more"], false);
});

Deno.test("a single entity's projects are paged by cursor", async () => {
  await using rig = startRig();
  for (let index = 0; index < 7; index++) {
    await graphql(rig.sim, UPSERT, { e: "sim-team", n: `p${index}`, d: null });
  }
  const seen: unknown[] = [];
  let cursor: unknown;
  let pages = 0;
  do {
    const data = await rig.data(queryProjects, {
      entity: "sim-team",
      max_projects: 3,
      ...(cursor === undefined ? {} : { cursor }),
    });
    seen.push(...list(part(data, "projects")["sim-team"]).map((one) => one["name"]));
    cursor = data["next_cursor"];
    pages++;
    assert.equal(data["more"], cursor !== undefined);
  } while (cursor !== undefined);
  assert.equal(pages, 3);
  assert.deepEqual(seen.toSorted(), ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
});

Deno.test("a misspelt entity is answered with the nearest", async () => {
  await using rig = startRig();
  const report = await rig.failure(queryProjects, { entity: "sim-taem" });
  assert.equal(report["error"], "not_found");
  assert.match(String(report["hint"]), /sim-team/);
  const unlike = await rig.failure(queryProjects, { entity: "zzz" });
  assert.equal(unlike["hint"], "This key can access sim-user, sim-team.");
  const empty = await rig.data(queryProjects, { entity: "sim-team" });
  assert.deepEqual(part(empty, "projects")["sim-team"], []);
});
