/** The judge: W&B's own package writes and reads, in both versions. */
import assert from "node:assert/strict";
import { z } from "zod";
import { shared } from "../backend.ts";
import { ApiBridge, type SeedManifest, type Target, WANDB_VERSIONS } from "./python.ts";
import { startSeededCopy, wandbSeeded } from "./seeded.ts";
import { ask, dig } from "./test-client.ts";

const Run = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  tags: z.array(z.string()),
  group: z.string().nullable(),
  config: z.record(z.string(), z.unknown()),
  summary: z.record(z.string(), z.unknown()),
  last_step: z.number(),
});
const Runs = z.array(Run);
const Rows = z.array(z.record(z.string(), z.unknown()));
const Names = z.array(z.string());
const Version = z.looseObject({
  name: z.string(),
  version: z.string(),
  aliases: Names,
  tags: Names,
  description: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  digest: z.string(),
});
const Artifact = Version.extend({
  files: z.array(z.tuple([z.string(), z.number()])),
  manifest: z.record(z.string(), z.looseObject({ ref: z.string().nullable() })),
  logged_by: z.string().nullable(),
  used_by: Names,
  linked: Names,
});

async function readsBack(sim: Target, api: ApiBridge, wrote: SeedManifest): Promise<void> {
  const { team, user, organization, orgEntity } = sim.accounts;
  const path = `${team}/${wrote.project}`;
  const idOf = (name: string) => wrote.runs[name]?.id ?? "";
  const pathOf = (name: string) => `${path}/${idOf(name)}`;

  const viewer = await api.call(z.looseObject({ username: z.string() }), "viewer");
  assert.equal(viewer.username, user);
  assert.ok((await api.call(Names, "projects", { entity: team })).includes(wrote.project));

  // Runs: what was written, and lists that the server filters and orders.
  const healthy = await api.call(Run, "run", { path: pathOf("healthy") });
  assert.deepEqual(healthy.config["optimizer"], { name: "adam", betas: [0.9, 0.999] });
  assert.deepEqual(healthy.config["model"], { depth: 12, width: 64, dropout: null });
  assert.deepEqual([healthy.state, healthy.group, healthy.last_step], ["finished", "curves", 59]);
  assert.equal((await api.call(Run, "run", { path: pathOf("failed") })).state, "failed");
  assert.equal((await api.call(Run, "run", { path: pathOf("crashed") })).state, "crashed");
  const curves = await api.call(Runs, "runs", {
    path,
    filters: { $and: [{ tags: "curve" }, { "summary_metrics.grad_norm": { $exists: true } }] },
    order: "+config.lr.value",
  });
  assert.deepEqual(curves.map(({ name }) => name), ["nan", "diverging", "overfitting", "healthy"]);
  const broken = await api.call(Runs, "runs", {
    path,
    filters: { state: { $in: ["failed", "crashed"] } },
  });
  assert.equal(broken.length, 2);
  assert.equal((await api.call(Runs, "runs", { path })).length, 14);

  // History: whole, by keys, sparse, ranged, not finite.
  const scan = (name: string, params: Record<string, unknown> = {}) =>
    api.call(Rows, "scan", { path: pathOf(name), ...params });
  assert.equal((await scan("healthy")).length, 60);
  assert.equal((await scan("healthy", { keys: ["val/loss"] })).length, 12);
  assert.equal((await scan("sparse", { keys: ["often", "rare"] })).length, 5);
  assert.deepEqual(
    (await scan("sparse", { min_step: 10, max_step: 12 })).map((row) => row["_step"]),
    [10, 11],
  );
  assert.equal((await api.call(Run, "run", { path: pathOf("sparse") })).last_step, 200);
  assert.deepEqual(
    (await scan("nonfinite")).map((row) => row["value"]),
    [1, "NaN", "Infinity", "-Infinity", 2],
  );
  assert.equal(
    (await api.call(Run, "run", { path: pathOf("nonfinite") })).summary["worst"],
    "-Infinity",
  );
  const sampled = await api.call(Rows, "history", {
    path: pathOf("healthy"),
    keys: ["train/loss"],
    samples: 10,
  });
  assert.equal(sampled.length, 10);
  assert.deepEqual(Object.keys(sampled[0] ?? {}).sort(), ["_step", "train/loss"]);
  const system = await api.call(Rows, "history", { path: pathOf("console"), stream: "system" });
  assert.ok(system.length > 0);
  assert.ok(system.some((row) => Object.keys(row).some((key) => key.startsWith("system."))));

  // Files and media.
  const media = await scan("media");
  assert.equal(
    z.looseObject({ _type: z.string() }).parse(media[0]?.["predictions"])._type,
    "table-file",
  );
  const files = await api.call(
    z.array(z.looseObject({ name: z.string() })),
    "files",
    { path: pathOf("media") },
  );
  assert.ok(files.some(({ name }) => name.startsWith("media/table/predictions_0_")));
  const text = await api.call(z.string(), "file", { path: pathOf("media"), name: "notes.txt" });
  assert.equal(text, "a file of the run\n");
  const output = await api.call(z.string(), "file", {
    path: pathOf("console"),
    name: "output.log",
  });
  assert.ok(output.includes("line 29") && output.includes("something went wrong"));

  // Artifacts: versions, aliases, tags, references, lineage, contents.
  assert.deepEqual(await api.call(Names, "types", { path }), ["dataset", "model", "run_table"]);
  const versions = await api.call(z.array(Version), "versions", {
    type: "dataset",
    path: `${path}/cars`,
  });
  assert.deepEqual(
    versions.map(({ version, aliases }) => [version, aliases]),
    [["v2", ["latest", "take-2"]], ["v1", ["best", "take-1"]], ["v0", ["take-0"]]],
  );
  assert.deepEqual(
    versions.map(({ digest }) => digest).reverse(),
    wrote.artifacts.dataset.map(({ digest }) => digest),
  );
  const best = await api.call(Artifact, "artifact", { name: `${path}/cars:best` });
  assert.deepEqual([best.version, best.description], ["v1", "cars, cleaned"]);
  assert.deepEqual(best.tags, ["clean", "raw"]);
  assert.deepEqual(best.metadata, { rows: 10, split: { train: 0.8 } });
  assert.deepEqual(best.files.map(([name]) => name), [
    "data/part-0.csv",
    "data/part-1.csv",
    "data/part-2.csv",
  ]);
  assert.equal(best.manifest["raw.parquet"]?.ref, "https://files.example.test/cars/raw.parquet");
  assert.deepEqual([best.logged_by, best.used_by], [idOf("prepare"), [idOf("train")]]);
  const contents = await api.call(z.record(z.string(), z.string()), "download", {
    name: `${path}/car-net:v1`,
  });
  assert.deepEqual(contents, { "weights.bin": "\u0001".repeat(256) });
  assert.deepEqual(await api.call(Names, "used", { path: pathOf("train") }), ["cars:v1"]);

  // The registry.
  const registry = `wandb-registry-${wrote.registry.name}`;
  const registries = await api.call(
    z.array(z.looseObject({ name: z.string(), visibility: z.string(), full_name: z.string() })),
    "registries",
    { organization, filter: { name: { $regex: `^wandb-registry-${wrote.registry.name}` } } },
  );
  assert.deepEqual(
    registries.map(({ name, visibility }) => [name, visibility]).sort(),
    [[wrote.project, "organization"], [`${wrote.project}-private`, "restricted"]],
  );
  const released = await api.call(z.array(Version), "registry_versions", {
    organization,
    registry: wrote.registry.name,
    filter: { alias: "production" },
  });
  assert.deepEqual(released.map(({ version }) => version), ["v1"]);
  const linked = await api.call(Artifact, "artifact", {
    name: `${orgEntity}/${registry}/Car detectors:production`,
  });
  assert.equal(linked.digest, wrote.artifacts.model[1]?.digest);
  const source = await api.call(Artifact, "artifact", { name: `${path}/car-net:v1` });
  assert.deepEqual(source.linked, [`${orgEntity}/${registry}/Car detectors:v1`]);

  // The sweep and the report.
  const sweep = await api.call(
    z.looseObject({ runs: Names, state: z.string() }),
    "sweep",
    { path: `${path}/${wrote.sweep.id}` },
  );
  assert.deepEqual(sweep.runs, [...wrote.sweep.runs].sort());
  const reports = await api.call(
    z.array(z.looseObject({ title: z.string(), spec: z.looseObject({ version: z.number() }) })),
    "reports",
    { path },
  );
  assert.deepEqual(reports.map(({ title, spec }) => [title, spec.version]), [[
    wrote.report.title,
    5,
  ]]);
  await assert.rejects(api.call(Run, "run", { path: `${path}/absent` }), /Could not find run/);
}

const seeded = await shared(wandbSeeded);

Deno.test("no request of the package was refused, and the file store saw no credentials", () => {
  assert.deepEqual(seeded.refused, []);
  assert.deepEqual(seeded.leaks, []);
});

for (const version of WANDB_VERSIONS) {
  Deno.test(`${version} reads back what it wrote online`, async () => {
    const wrote = seeded.manifests[version];
    assert.match(wrote.wandb, version === "wandb-0.25.1" ? /^0\.25\.1$/ : /^0\.(3\d|\d{3})\./);
    await using api = await ApiBridge.open(seeded, version);
    await readsBack(seeded, api, wrote);
  });
}

Deno.test("a copy contains the seeded data and changes independently", async () => {
  const copy = await startSeededCopy(seeded, { store: "same" });
  try {
    const { entity, project } = seeded.manifests["wandb-newest"];
    const COUNT =
      "query C($e: String, $p: String) { project(entityName: $e, name: $p) { runCount } }";
    const count = async () =>
      dig((await ask(copy, COUNT, { e: entity, p: project })).data, "project", "runCount");
    assert.equal(await count(), 14);
    copy.insertGeneratedRun({
      entity,
      project,
      run: "extra",
      history: { steps: 10, series: { loss: { value: (step) => step } } },
    });
    assert.equal(await count(), 15);
    await using api = await ApiBridge.open(seeded, "wandb-newest");
    assert.equal((await api.call(Runs, "runs", { path: `${entity}/${project}` })).length, 14);
  } finally {
    await copy.stop();
  }
});
