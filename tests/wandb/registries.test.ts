import assert from "node:assert/strict";
import { listRegistries, listRegistryCollections } from "../../src/wandb/tools/list_registries.ts";
import { seedArtifact, seedLink, seedRegistry } from "./artifact_seed.ts";
import { list, type Rig, startRig } from "./harness.ts";
import { graphql, seedRun } from "./seed.ts";

const AT = { entity: "sim-team", project: "vision" };

/** Two registries, one with two collections, and a project that is none. */
async function seeded(rig: Rig): Promise<void> {
  await seedRun(rig.sim, { ...AT, run: "maker1" });
  await seedRun(rig.sim, { entity: "sim-org_6f2c", project: "no-registry", run: "other1" });
  await seedRegistry(rig.sim, "model", {
    description: "Released models",
    artifactTypes: [{ name: "model" }],
    allowAllArtifactTypesInRegistry: false,
  });
  await seedRegistry(rig.sim, "private", { access: "RESTRICTED" });
  const { id } = await seedArtifact(rig.sim, {
    ...AT,
    type: "model",
    collection: "net",
    files: { "a.bin": "a" },
  });
  await seedLink(rig.sim, id, "model", "Car detectors", ["production"]);
  await seedLink(rig.sim, id, "model", "Bike detectors");
  await graphql(
    rig.sim,
    `mutation Tag($i: CreateArtifactCollectionTagAssignmentsInput!) {
      createArtifactCollectionTagAssignments(input: $i) { tags { name } }
    }`,
    {
      i: {
        entityName: "sim-org_6f2c",
        projectName: "wandb-registry-model",
        artifactCollectionName: "Car detectors",
        tags: [{ tagName: "vision" }],
      },
    },
  );
}

Deno.test("registries are listed with one request, for any organization", async () => {
  await using rig = startRig();
  await seeded(rig);
  for (const organization of [undefined, "sim-org", "sim-org_6f2c"]) {
    const { result, requests } = await rig.counted(() =>
      rig.data(listRegistries, { organization })
    );
    assert.equal(requests, 1);
    const [model, restricted] = list(result["registries"]);
    assert.equal(result["count"], 2);
    assert.equal(result["truncated"], false);
    const { created_at: created, updated_at: updated, ...rest } = model ?? {};
    assert.deepEqual(rest, {
      name: "model",
      full_name: "wandb-registry-model",
      organization: "sim-org",
      entity: "sim-org_6f2c",
      description: "Released models",
      visibility: "organization",
      artifact_types: ["model"],
      accepts_any_type: false,
    });
    assert.ok(Date.parse(String(created)) > 0 && Date.parse(String(updated)) > 0);
    assert.deepEqual([restricted?.["name"], restricted?.["visibility"]], ["private", "restricted"]);
  }
  const byTeam = await rig.counted(() => rig.data(listRegistries, { organization: "sim-team" }));
  assert.deepEqual([byTeam.requests, byTeam.result["count"]], [2, 2]);
  assert.deepEqual(rig.sim.defects, []);
});

Deno.test("the configured entity's organization is the default", async () => {
  for (const entity of ["sim-team", "sim-user"]) {
    await using rig = startRig({ entity });
    await seeded(rig);
    const other = rig.sim.db.organizations.put({
      id: rig.sim.db.newId("Organization"),
      name: "other-org",
      orgEntity: "other-org_1",
    });
    rig.sim.db.entities.put({
      id: rig.sim.db.newId("Entity"),
      name: "other-org_1",
      kind: "organization",
      organization: other.id,
    });
    for (const user of rig.sim.db.users.find({ username: "sim-user" })) {
      rig.sim.db.users.put({ ...user, organizations: [...user.organizations, other.id] });
    }
    const { result, requests } = await rig.counted(() => rig.data(listRegistries, {}));
    assert.equal(requests, 1);
    assert.equal(result["count"], 2);
    // A personal entity has no organization: then all of the user's are listed.
    assert.deepEqual(
      [result["organization"], result["organizations"]],
      entity === "sim-team" ? ["sim-org", undefined] : [undefined, ["sim-org", "other-org"]],
    );
    assert.equal(
      /WANDB_ENTITY belongs; .*`organization`: other-org\./.test(String(result["note"])),
      entity === "sim-team",
    );
    const found = await rig.data(listRegistryCollections, { registry_name: "model" });
    assert.equal(found["organization"], "sim-org");
    if (entity === "sim-user") {
      const failed = await rig.failure(listRegistries, { cursor: "x" });
      assert.match(String(failed["message"]), /organization/);
    }
  }
});

Deno.test("registry filters find registries with and without the prefix of their names", async () => {
  await using rig = startRig();
  await seeded(rig);
  const filters: [unknown, string[]][] = [
    [{ name: "model" }, ["model"]],
    [{ name: "wandb-registry-model" }, ["model"]],
    ['{"name": {"$regex": "^mod"}}', ["model"]],
    [{ name: { $regex: "(?i)PRIV" } }, ["private"]],
    [{ name: { $in: ["model", "absent"] } }, ["model"]],
    [{ $or: [{ name: "private" }, { description: { $regex: "Released" } }] }, ["model", "private"]],
    [{ description: { $exists: false } }, ["private"]],
    [{ name: "no-registry" }, []],
    [{ name: { $regex: "no-registry" } }, []],
  ];
  for (const [filter, expected] of filters) {
    const { result, requests } = await rig.counted(() => rig.data(listRegistries, { filter }));
    assert.equal(requests, 1);
    assert.deepEqual(
      list(result["registries"]).map((one) => one["name"]).sort(),
      expected,
      JSON.stringify(filter),
    );
    assert.equal("note" in result, expected.length === 0);
  }
});

Deno.test("filter fields that W&B refuses are reported with the nearest that it knows", async () => {
  await using rig = startRig();
  await seeded(rig);
  const registry = await rig.failure(listRegistries, { filter: { descripton: "x" } });
  assert.equal(registry["error"], "invalid_arguments");
  assert.match(
    String(registry["hint"]),
    /not known to work with "descripton", .*; did you mean description\?/,
  );
  const args = { registry_name: "model", filter: { tagz: "vision" } };
  const collection = await rig.failure(listRegistryCollections, args);
  assert.match(String(collection["hint"]), /not known to work with "tagz", .*; did you mean tag\?/);
  const right = { registry_name: "model", filter: { tags: "vision" } };
  assert.equal((await rig.data(listRegistryCollections, right))["count"], 1);
});

Deno.test("an alias is not a field of a collection's filter, and the answer says so", async () => {
  await using rig = startRig();
  await seeded(rig);
  const args = { registry_name: "model", filter: { alias: "production" } };
  const failed = await rig.failure(listRegistryCollections, args);
  assert.match(String(failed["hint"]), /not known to work with "alias"/);
});

Deno.test("registries and collections continue with their cursors", async () => {
  await using rig = startRig();
  await seeded(rig);
  const first = await rig.data(listRegistries, { max_items: 1 });
  assert.deepEqual([first["count"], first["truncated"]], [1, true]);
  const second = await rig.data(listRegistries, { max_items: 1, cursor: first["next_cursor"] });
  assert.equal(list(second["registries"])[0]?.["name"], "private");
  assert.ok(!("next_cursor" in second));

  const page = await rig.call(listRegistryCollections, { registry_name: "model" });
  assert.deepEqual([page.data["count"], page.data["total"]], [2, 2]);
  const after = page.rows?.[0]?.resume?.(1) ?? {};
  const rest = await rig.data(listRegistryCollections, {
    registry_name: "model",
    cursor: after["next_cursor"],
  });
  assert.deepEqual(
    list(rest["collections"]).map((one) => one["name"]),
    list(page.data["collections"]).slice(1).map((one) => one["name"]),
  );
});

Deno.test("a registry's collections are listed with one request, in every form of its name", async () => {
  await using rig = startRig();
  await seeded(rig);
  const forms = [
    { registry_name: "model" },
    { registry_name: "wandb-registry-model", organization: "sim-org" },
    { registry_name: "sim-org/model" },
    { registry_name: "sim-org_6f2c/wandb-registry-model" },
    { registry_name: "https://wandb.ai/orgs/sim-org/registry/model" },
  ];
  for (const form of forms) {
    const { result, requests } = await rig.counted(() => rig.data(listRegistryCollections, form));
    assert.equal(requests, 1, JSON.stringify(form));
    const cars = list(result["collections"]).find((one) => one["name"] === "Car detectors");
    assert.equal(result["full_name"], "sim-org_6f2c/wandb-registry-model");
    const { created_at: created, updated_at: updated, ...rest } = cars ?? {};
    assert.deepEqual(rest, {
      name: "Car detectors",
      type: "model",
      tags: ["vision"],
      aliases: ["latest", "production"],
      is_sequence: false,
    });
    assert.ok(Date.parse(String(created)) > 0 && Date.parse(String(updated)) > 0);
  }
  const filtered = async (filter: unknown) =>
    list(
      (await rig.data(listRegistryCollections, { registry_name: "model", filter }))["collections"],
    ).map((one) => one["name"]);
  assert.deepEqual(await filtered({ tag: "vision" }), ["Car detectors"]);
  assert.deepEqual(await filtered({ tags: "vision" }), ["Car detectors"]);
  assert.deepEqual(await filtered({ name: { $regex: "^Bike" } }), ["Bike detectors"]);
  assert.deepEqual(await filtered({ $and: [{ tags: { $in: ["none"] } }] }), []);
});

Deno.test("missing registries and organizations are reported with the nearest names", async () => {
  await using rig = startRig();
  await seeded(rig);
  const registry = await rig.counted(() =>
    rig.failure(listRegistryCollections, { registry_name: "modle" })
  );
  assert.equal(registry.requests, 2);
  assert.deepEqual(registry.result, {
    error: "not_found",
    message: 'There is no registry "modle" in sim-org, or this key cannot see it.',
    hint: "Did you mean model?",
    retryable: false,
  });
  const organization = await rig.failure(listRegistries, { organization: "sim-orgg" });
  assert.equal(organization["error"], "not_found");
  assert.equal(organization["hint"], "Did you mean sim-org?");
  const far = await rig.failure(listRegistryCollections, { registry_name: "zzzzzz" });
  assert.match(String(far["hint"]), /Registries: model, private/);
});

Deno.test("a list that the server refuses is an error, never an empty list", async () => {
  await using rig = startRig();
  await seeded(rig);
  for (
    const [tool, args] of [
      [listRegistries, { filter: { nme: "x" } }],
      [listRegistryCollections, { registry_name: "model", filter: { bogus: 1 } }],
    ] as const
  ) {
    const failed = await rig.failure(tool, args);
    assert.equal(failed["error"], "invalid_arguments");
    assert.match(String(failed["message"]), /nme|bogus/);
  }
});
