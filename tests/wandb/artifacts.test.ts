import assert from "node:assert/strict";
import { compareArtifactVersions } from "../../src/wandb/tools/compare_artifact_versions.ts";
import { getArtifactDetails } from "../../src/wandb/tools/get_artifact_details.ts";
import { listArtifactVersions } from "../../src/wandb/tools/list_artifact_versions.ts";
import {
  type SeedArtifact,
  seedArtifact,
  seedLink,
  seedRegistry,
  seedUse,
} from "./artifact_seed.ts";
import { list, part, type Rig, startRig } from "./harness.ts";
import { graphql, seedRun } from "./seed.ts";
import { slowTest } from "../support/slow.ts";

const AT = { entity: "sim-team", project: "vision" };
const CARS = "sim-team/vision/cars";

/** Three versions of a dataset, by one run; the first and last are linked to a registry. */
async function seeded(rig: Rig): Promise<void> {
  await seedRun(rig.sim, { ...AT, run: "maker1", displayName: "prepare", exitcode: 0 });
  const version = (number: number, more: Partial<SeedArtifact>) =>
    seedArtifact(rig.sim, {
      ...AT,
      type: "dataset",
      collection: "cars",
      run: "maker1",
      description: `take ${number}`,
      metadata: JSON.stringify({ rows: 10 * number, split: { train: 0.8 }, [`only${number}`]: 1 }),
      ...more,
    });
  const first = await version(0, {
    files: { "same.csv": "same", "changed.csv": "old", "gone.csv": "gone" },
    references: { "raw.parquet": "https://files.example.test/raw-0.parquet" },
    tags: ["raw"],
    aliases: ["first"],
  });
  await version(1, {
    files: { "same.csv": "same", "changed.csv": "newer", "new.csv": "more" },
    references: { "raw.parquet": "https://files.example.test/raw-1.parquet" },
    tags: ["raw", "clean"],
    aliases: ["best/yet"],
  });
  const last = await version(2, { files: { "same.csv": "same" } });
  await seedRegistry(rig.sim, "data");
  await seedLink(rig.sim, last.id, "data", "All cars");
  await seedLink(rig.sim, first.id, "data", "All cars", ["stable"]);
  for (let index = 0; index < 23; index++) {
    await seedRun(rig.sim, { ...AT, run: `user${index}` });
    await seedUse(rig.sim, first.id, { ...AT, run: `user${index}` });
  }
}

slowTest("versions are listed with one request, with their numbers in the collection", async () => {
  await using rig = startRig();
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(listArtifactVersions, { collection_name: CARS })
  );
  assert.equal(requests, 1);
  const versions = list(result["versions"]);
  assert.deepEqual(
    versions.map((one) => [one["version"], one["name"], one["aliases"]]),
    [
      ["v2", "cars:v2", ["latest"]],
      ["v1", "cars:v1", ["best/yet"]],
      ["v0", "cars:v0", ["first"]],
    ],
  );
  assert.deepEqual(versions[1]?.["tags"], ["raw", "clean"]);
  assert.deepEqual(
    [versions[2]?.["file_count"], versions[2]?.["state"], versions[2]?.["description"]],
    [4, "COMMITTED", "take 0"],
  );
  assert.deepEqual(
    [result["type"], result["count"], result["total"], result["truncated"], result["path"]],
    ["dataset", 3, 3, false, CARS],
  );
  const typed = await rig.counted(() =>
    rig.data(listArtifactVersions, {
      collection_name: "cars",
      entity_name: "sim-team",
      project_name: "vision",
      type_name: "dataset",
    })
  );
  assert.equal(typed.requests, 1);
  assert.deepEqual(typed.result, result);
});

slowTest("a long list of versions continues after the page's or the budget's end", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...AT, run: "maker1" });
  for (let index = 0; index < 7; index++) {
    await seedArtifact(rig.sim, {
      ...AT,
      type: "dataset",
      collection: "cars",
      files: { "a.txt": `version ${index}` },
      description: `${index} ${"long ".repeat(40)}`,
    });
  }
  const seen: unknown[] = [];
  let cursor: unknown;
  do {
    const page = await rig.data(listArtifactVersions, {
      collection_name: CARS,
      max_items: 3,
      ...(cursor === undefined ? {} : { cursor }),
    });
    assert.equal(page["total"], 7);
    assert.equal(page["truncated"], page["next_cursor"] !== undefined);
    seen.push(...list(page["versions"]).map((one) => one["version"]));
    cursor = page["next_cursor"];
  } while (cursor !== undefined);
  assert.deepEqual(seen, ["v6", "v5", "v4", "v3", "v2", "v1", "v0"]);

  // What the budget leaves out starts at the cursor that stands in the shortened result.
  const reply = await rig.call(listArtifactVersions, { collection_name: CARS });
  const after = reply.rows?.[0]?.resume?.(2) ?? {};
  assert.equal(after["count"], 2);
  const rest = await rig.data(listArtifactVersions, {
    collection_name: CARS,
    cursor: after["next_cursor"],
  });
  assert.deepEqual(list(rest["versions"])[0]?.["version"], "v4");
});

slowTest("registry versions have the registry's numbers and names", async () => {
  await using rig = startRig();
  await seeded(rig);
  const forms = [
    { collection_name: "All cars", registry_name: "data" },
    { collection_name: "All cars", registry_name: "data", organization: "sim-org" },
    { collection_name: "All cars", registry_name: "wandb-registry-data", source: "registry" },
    { collection_name: "sim-org_6f2c/wandb-registry-data/All cars" },
    { collection_name: "sim-org/wandb-registry-data/All cars" },
    { collection_name: "wandb-registry-data/All cars" },
  ];
  for (const form of forms) {
    const { result, requests } = await rig.counted(() => rig.data(listArtifactVersions, form));
    assert.equal(requests, 1, JSON.stringify(form));
    assert.deepEqual(
      list(result["versions"]).map((one) => [one["version"], one["aliases"], one["description"]])
        .sort(),
      [["v0", [], "take 2"], ["v1", ["latest", "stable"], "take 0"]],
    );
    assert.deepEqual(
      [result["organization"], result["path"], result["total"]],
      ["sim-org", "sim-org_6f2c/wandb-registry-data/All cars", 2],
    );
  }
  const byTeam = await rig.counted(() =>
    rig.data(listArtifactVersions, {
      collection_name: "All cars",
      registry_name: "data",
      organization: "sim-team",
    })
  );
  assert.equal(byTeam.requests, 2);
  assert.equal(byTeam.result["count"], 2);
});

slowTest("a version is described with its lineage by one request, in every form", async () => {
  await using rig = startRig({ entity: "sim-team", project: "vision" });
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(getArtifactDetails, { artifact_name: `${CARS}:first`, type_name: "dataset" })
  );
  assert.equal(requests, 1);
  const artifact = part(result, "artifact");
  assert.deepEqual(artifact["metadata"], { rows: 0, split: { train: 0.8 }, only0: 1 });
  for (
    const [key, value] of Object.entries({
      name: "cars:v0",
      qualified_name: `${CARS}:v0`,
      type: "dataset",
      version: "v0",
      state: "COMMITTED",
      description: "take 0",
      tags: ["raw"],
      aliases: ["first"],
      file_count: 4,
      size: 1011,
      url: "https://app.example.test/sim-team/vision/artifacts/dataset/cars/v0",
    })
  ) assert.deepEqual(artifact[key], value, key);
  for (const key of ["id", "digest", "commit_hash", "created_at"]) {
    assert.equal(typeof artifact[key], "string", key);
  }
  const lineage = part(result, "lineage");
  assert.deepEqual(lineage["logged_by"], {
    run_id: "maker1",
    run_name: "prepare",
    project: "vision",
    entity: "sim-team",
  });
  assert.equal(list(lineage["used_by"]).length, 20);
  assert.deepEqual([lineage["used_by_truncated"], lineage["used_by_count"]], [true, 23]);
  assert.equal(lineage["source_artifact"], `${CARS}:v0`);
  assert.deepEqual(lineage["linked_artifacts"], ["sim-org_6f2c/wandb-registry-data/All cars:v1"]);
  assert.ok(!("files" in result));

  const digest = String(artifact["digest"]);
  const same = [
    "cars:v0",
    "vision/cars:first",
    `cars:${digest}`,
    `wandb-artifact://${CARS}:v0`,
    "https://wandb.ai/sim-team/vision/artifacts/dataset/cars/v0/lineage",
  ];
  for (const name of same) {
    const again = await rig.counted(() => rig.data(getArtifactDetails, { artifact_name: name }));
    assert.equal(again.requests, 1, name);
    assert.deepEqual(again.result, result, name);
  }
  const latest = await rig.data(getArtifactDetails, { artifact_name: "cars" });
  assert.equal(part(latest, "artifact")["version"], "v2");
  const slash = await rig.data(getArtifactDetails, { artifact_name: "cars:best/yet" });
  assert.equal(part(slash, "artifact")["version"], "v1");
});

slowTest("a registry's version has the registry's number and aliases, and its source", async () => {
  await using rig = startRig();
  await seeded(rig);
  const selection = encodeURIComponent("sim-org_6f2c/wandb-registry-data/All cars");
  const names: [string, number][] = [
    ["sim-org_6f2c/wandb-registry-data/All cars:stable", 1],
    ["sim-org/wandb-registry-data/All cars:v1", 1],
    ["wandb-registry-data/All cars", 1],
    [
      `https://wandb.ai/orgs/sim-org/registry/data?selectionPath=${selection}&version=v1`,
      1,
    ],
    ["sim-team/wandb-registry-data/All cars:v1", 2],
  ];
  for (const [name, expected] of names) {
    const { result, requests } = await rig.counted(() =>
      rig.data(getArtifactDetails, { artifact_name: name })
    );
    assert.equal(requests, expected, name);
    const artifact = part(result, "artifact");
    assert.deepEqual(
      [artifact["version"], artifact["aliases"], artifact["qualified_name"]],
      ["v1", ["latest", "stable"], "sim-org_6f2c/wandb-registry-data/All cars:v1"],
      name,
    );
    assert.equal(part(result, "lineage")["source_artifact"], `${CARS}:v0`);
  }
  assert.deepEqual(rig.sim.defects, []);
});

slowTest("files come page by page, with references from the manifest", async () => {
  await using rig = startRig({ store: "separate" });
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(getArtifactDetails, { artifact_name: `${CARS}:v0`, include_files: true, max_files: 3 })
  );
  assert.equal(requests, 2);
  assert.deepEqual(
    list(result["files"]).map((file) => file["name"]),
    ["changed.csv", "gone.csv", "raw.parquet"],
  );
  assert.equal(list(result["files"])[2]?.["ref"], "https://files.example.test/raw-0.parquet");
  assert.deepEqual([result["files_total"], result["files_truncated"]], [4, true]);
  const rest = await rig.data(getArtifactDetails, {
    artifact_name: `${CARS}:v0`,
    cursor: result["next_cursor"],
  });
  assert.deepEqual(list(rest["files"]).map((file) => file["name"]), ["same.csv"]);
  assert.equal(rest["files_truncated"], false);
  // The file store is another host: it gets no credentials.
  const toStore = rig.sim.requests.filter(({ host }) => host === "store");
  assert.ok(toStore.length > 0);
  assert.ok(toStore.every(({ headers }) => !("authorization" in headers)));
});

slowTest("a manifest that cannot be read is reported, and files come from the API", async () => {
  await using rig = startRig();
  await seeded(rig);
  rig.sim.faults.add({ kind: "status", status: 403, match: { path: "/storage/" } });
  const result = await rig.data(getArtifactDetails, {
    artifact_name: `${CARS}:v0`,
    include_files: true,
    max_files: 2,
  });
  assert.deepEqual(
    list(result["files"]).map((file) => file["name"]),
    ["changed.csv", "gone.csv"],
  );
  assert.match(String(list(result["notes"])[0]), /HTTP 403.*1 of the entries/);
  assert.deepEqual([result["files_total"], result["files_truncated"]], [4, true]);
  const rest = await rig.data(getArtifactDetails, {
    artifact_name: `${CARS}:v0`,
    cursor: result["next_cursor"],
  });
  assert.deepEqual(list(rest["files"]).map((file) => file["name"]), ["same.csv"]);
});

slowTest("two versions are compared by three requests, over all files", async () => {
  await using rig = startRig({ store: "separate" });
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(compareArtifactVersions, {
      artifact_name_a: `${CARS}:first`,
      artifact_name_b: "v1",
    })
  );
  assert.equal(requests, 3);
  assert.equal(result["digest_match"], false);
  assert.deepEqual(result["metadata_diff"], {
    added: { only1: 1 },
    removed: { only0: 1 },
    changed: { rows: { a: 0, b: 10, delta: 10 } },
    unchanged_count: 1,
  });
  assert.deepEqual(result["tags_diff"], { added: ["clean"], removed: [] });
  assert.deepEqual(result["aliases_diff"], { added: ["best/yet"], removed: ["first"] });
  assert.deepEqual(result["size_diff"], { a: 1011, b: 1013, delta: 2, percent_change: 0.2 });
  assert.equal(part(result, "lineage_diff")["same_source_run"], true);
  assert.deepEqual(part(result, "file_diff"), {
    added_count: 1,
    removed_count: 1,
    modified_count: 2,
    unchanged_count: 1,
    truncated: false,
    added: [{ name: "new.csv", size: 4 }],
    removed: [{ name: "gone.csv", size: 4 }],
    modified: [
      { name: "changed.csv", size_a: 3, size_b: 5 },
      {
        name: "raw.parquet",
        size_a: 1000,
        size_b: 1000,
        ref_a: "https://files.example.test/raw-0.parquet",
        ref_b: "https://files.example.test/raw-1.parquet",
      },
    ],
  });
  const plain = await rig.counted(() =>
    rig.data(compareArtifactVersions, {
      artifact_name_a: `${CARS}:first`,
      artifact_name_b: `${CARS}:v1`,
      include_file_diff: false,
    })
  );
  assert.equal(plain.requests, 1);
  assert.ok(!("file_diff" in plain.result));
});

slowTest("a registry's version and its source are compared by one request, and equal", async () => {
  await using rig = startRig();
  await seeded(rig);
  const { result, requests } = await rig.counted(() =>
    rig.data(compareArtifactVersions, {
      artifact_name_a: `${CARS}:v0`,
      artifact_name_b: "sim-org/wandb-registry-data/All cars:stable",
    })
  );
  assert.equal(requests, 1);
  assert.equal(result["digest_match"], true);
  assert.equal(part(result, "file_diff")["unchanged_count"], 4);
  assert.deepEqual(result["aliases_diff"], { added: ["latest", "stable"], removed: ["first"] });
});

slowTest("thousands of files are compared, with and without a manifest", async () => {
  await using rig = startRig();
  await seedRun(rig.sim, { ...AT, run: "maker1" });
  const files = (changed: number) =>
    Object.fromEntries(
      Array.from({ length: 2500 }, (_, index) => [
        `part-${String(index).padStart(4, "0")}.csv`,
        index === changed || index > 2400 ? "changed" : "common",
      ]),
    );
  for (const [index, changed] of [2345, 7].entries()) {
    await seedArtifact(rig.sim, {
      ...AT,
      type: "dataset",
      collection: "many",
      files: { ...files(changed), [`own-${index}.csv`]: "common" },
      ...(index === 0 ? { references: { "old.bin": "s3://bucket/old" } } : {}),
    });
  }
  const names = {
    artifact_name_a: "sim-team/vision/many:v0",
    artifact_name_b: "sim-team/vision/many:v1",
    max_file_diff_entries: 1,
  };
  const whole = await rig.counted(() => rig.data(compareArtifactVersions, names));
  assert.equal(whole.requests, 3);
  const counts = (data: unknown) => {
    const diff = part(data, "file_diff");
    return ["added_count", "removed_count", "modified_count", "unchanged_count", "truncated"]
      .map((key) => diff[key]);
  };
  assert.deepEqual(counts(whole.result), [1, 2, 2, 2498, true]);
  assert.equal(list(part(whole.result, "file_diff")["modified"]).length, 1);

  rig.sim.faults.add({ kind: "status", status: 404, match: { path: "/storage/" } });
  const paged = await rig.counted(() => rig.data(compareArtifactVersions, names));
  // The versions, two manifests that are not there, three pages of files each.
  assert.equal(paged.requests, 9);
  assert.deepEqual(counts(paged.result), [1, 1, 2, 2498, true]);
  const diff = part(paged.result, "file_diff");
  assert.equal(diff["complete"], false);
  assert.match(String(list(diff["notes"])[0]), /HTTP 404.*1 of the entries/);
});

slowTest("an older server without memberships still describes and compares versions", async () => {
  await using rig = startRig({
    without: ["Project.artifactCollectionMembership", "Artifact.usedCount"],
  });
  await seeded(rig);
  const details = await rig.data(getArtifactDetails, { artifact_name: `${CARS}:first` });
  assert.equal(part(details, "artifact")["version"], "v0");
  assert.deepEqual(part(details, "artifact")["aliases"], ["first"]);
  assert.equal(part(details, "lineage")["used_by_truncated"], true);
  const compared = await rig.data(compareArtifactVersions, {
    artifact_name_a: `${CARS}:v0`,
    artifact_name_b: `${CARS}:v1`,
  });
  assert.equal(part(compared, "file_diff")["modified_count"], 2);
});

slowTest("an older server that finds collections by type only asks for the type", async () => {
  await using rig = startRig({ without: ["Project.artifactCollection"] });
  await seeded(rig);
  const failed = await rig.failure(listArtifactVersions, { collection_name: CARS });
  assert.equal(failed["error"], "unsupported");
  assert.match(String(failed["message"]), /type_name/);
  const typed = await rig.data(listArtifactVersions, {
    collection_name: CARS,
    type_name: "dataset",
  });
  assert.equal(typed["count"], 3);
});

slowTest("a registry name in two organizations is refused as ambiguous", async () => {
  await using rig = startRig();
  await seeded(rig);
  const { db } = rig.sim;
  const other = { organization: "other-org", entity: "other-org_1" };
  const organization = db.organizations.put({
    id: db.newId("Organization"),
    name: other.organization,
    orgEntity: other.entity,
  });
  db.entities.put({
    id: db.newId("Entity"),
    name: other.entity,
    kind: "organization",
    organization: organization.id,
  });
  for (const user of db.users.find({ username: "sim-user" })) {
    db.users.put({ ...user, organizations: [...user.organizations, organization.id] });
  }
  await seedRegistry(rig.sim, "data", { entityName: other.entity });
  const name = "wandb-registry-data/All cars";
  // The other registry has no such collection.
  const one = await rig.data(getArtifactDetails, { artifact_name: name });
  assert.equal(part(one, "artifact")["organization"], "sim-org");
  const listed = await rig.data(listArtifactVersions, { collection_name: name });
  assert.equal(listed["organization"], "sim-org");

  const car = list(listed["versions"])[0];
  const artifact = db.artifacts.find().find((each) => each.digest === car?.["digest"]);
  await graphql(
    rig.sim,
    `mutation Link($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }`,
    {
      i: {
        artifactID: artifact?.id,
        artifactPortfolioName: "All cars",
        entityName: other.entity,
        projectName: "wandb-registry-data",
      },
    },
  );
  for (
    const failed of [
      await rig.failure(getArtifactDetails, { artifact_name: name }),
      await rig.failure(listArtifactVersions, { collection_name: name }),
    ]
  ) {
    assert.equal(failed["error"], "invalid_arguments");
    assert.match(String(failed["message"]), /sim-org, other-org/);
  }
  const named = await rig.data(getArtifactDetails, { artifact_name: `other-org/${name}` });
  assert.equal(part(named, "artifact")["version"], "v0");
});

slowTest(
  "a list of versions takes entity/project in one argument, and reports an ignored alias",
  async () => {
    await using rig = startRig();
    await seedRun(rig.sim, { ...AT, run: "maker1" });
    await seedArtifact(rig.sim, { ...AT, type: "model", collection: "net", files: { a: "1" } });
    await seedArtifact(rig.sim, { ...AT, type: "model", collection: "net", files: { a: "2" } });
    for (const place of [{ project_name: "sim-team/vision" }, { entity_name: "sim-team/vision" }]) {
      const data = await rig.data(listArtifactVersions, { collection_name: "net", ...place });
      assert.deepEqual([data["count"], "note" in data], [2, false]);
    }
    const all = await rig.data(listArtifactVersions, { collection_name: "sim-team/vision/net:v9" });
    assert.equal(all["count"], 2);
    assert.match(String(all["note"]), /"v9" is ignored.*get_artifact_details_tool/);
    const compared = await rig.data(compareArtifactVersions, {
      artifact_name_a: "sim-team/vision/net:v0",
      artifact_name_b: "latest",
    });
    assert.equal(part(compared, "artifact_b")["name"], "sim-team/vision/net:v1");
  },
);
