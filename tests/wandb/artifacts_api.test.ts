import { z } from "zod";
import type { Tool } from "../../src/mcp/tool.ts";
import { apiKeyCredentials, createAccount } from "../../src/wandb/account.ts";
import { createWandb } from "../../src/wandb/client.ts";
import type { WandbServices } from "../../src/wandb/tool.ts";
import { compareArtifactVersions } from "../../src/wandb/tools/compare_artifact_versions.ts";
import { getArtifactDetails } from "../../src/wandb/tools/get_artifact_details.ts";
import { listArtifactVersions } from "../../src/wandb/tools/list_artifact_versions.ts";
import { listRegistries, listRegistryCollections } from "../../src/wandb/tools/list_registries.ts";
import { shared } from "../support/backend.ts";
import { ApiBridge, WANDB_VERSIONS } from "../support/wandb/python.ts";
import { wandbSeeded } from "../support/wandb/seeded.ts";
import { contextFor, type Data, list, memoryLog, part } from "./harness.ts";

/** What the tools say of what W&B's package wrote, beside what `wandb.Api()` says. */
import assert from "node:assert/strict";

const Names = z.array(z.string());
const Brief = z.looseObject({
  id: z.string(),
  name: z.string(),
  qualified_name: z.string(),
  version: z.string(),
  type: z.string(),
  state: z.string(),
  aliases: Names,
  tags: Names,
  description: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  size: z.number(),
  digest: z.string(),
  file_count: z.number(),
  created_at: z.string(),
  source_name: z.string(),
});
const Full = Brief.extend({
  manifest: z.record(
    z.string(),
    z.looseObject({ digest: z.string(), size: z.number().nullable(), ref: z.string().nullable() }),
  ),
  logged_by: z.string().nullable(),
  used_by: Names,
  linked: Names,
});
const RegistryBrief = z.looseObject({
  name: z.string(),
  full_name: z.string(),
  organization: z.string(),
  entity: z.string(),
  description: z.string().nullable(),
  visibility: z.string(),
  created_at: z.string(),
});
const CollectionBrief = z.looseObject({
  name: z.string(),
  type: z.string(),
  description: z.string().nullable(),
  aliases: Names,
});

const seeded = await shared(wandbSeeded);
const lines: string[] = [];
const log = memoryLog(lines);
const wandb = createWandb(createAccount({
  baseUrl: new URL(seeded.url),
  appUrl: new URL("https://app.example.test"),
  credentials: apiKeyCredentials(seeded.apiKey, log),
  timeoutMs: 20_000,
  log,
}));

/** Calls a tool on the shared simulator. */
async function ask(tool: Tool<WandbServices>, args: Data): Promise<Data> {
  const outcome = await tool.call(args, { ...contextFor(log), wandb });
  if (outcome.kind !== "reply") throw new Error("The tool asks.");
  assert.ok(!JSON.stringify(outcome.reply).includes(seeded.apiKey));
  return outcome.reply.data;
}

function sorted(value: unknown): string[] {
  return Names.parse(value).toSorted();
}

/** A version as a list has it, in the words of api.py. */
function brief(row: Data) {
  return {
    name: row["name"],
    version: row["version"],
    state: row["state"],
    aliases: sorted(row["aliases"]),
    tags: sorted(row["tags"]),
    description: row["description"] ?? null,
    size: row["size"],
    digest: row["digest"],
    file_count: row["file_count"],
    created_at: String(row["created_at"]).slice(0, 19),
  };
}

function expected(one: z.output<typeof Brief>) {
  const { name, version, state, aliases, tags, description, size, digest, file_count } = one;
  return {
    ...{ name, version, state, aliases, tags, description, size, digest, file_count },
    created_at: one.created_at.slice(0, 19),
  };
}

for (const version of WANDB_VERSIONS) {
  const wrote = seeded.manifests[version];
  const { organization, orgEntity, team } = seeded.accounts;
  const path = `${team}/${wrote.project}`;
  const registry = wrote.registry.name;
  const linked = `${orgEntity}/wandb-registry-${registry}/${wrote.registry.collection}`;

  Deno.test(`versions are read as ${version} reads them`, async () => {
    await using api = await ApiBridge.open(seeded, version);
    for (const [type, collection] of [["dataset", "cars"], ["model", "car-net"]]) {
      const name = `${path}/${collection}`;
      const theirs = await api.call(z.array(Brief), "versions", { type, path: name });
      const ours = await ask(listArtifactVersions, { collection_name: name });
      assert.deepEqual(list(ours["versions"]).map(brief), theirs.map(expected));
      assert.equal(ours["total"], theirs.length);
    }
    const theirs = await api.call(z.array(Brief), "registry_versions", { organization, registry });
    const ours = await ask(listArtifactVersions, {
      collection_name: wrote.registry.collection,
      registry_name: registry,
    });
    assert.deepEqual(
      list(ours["versions"]).map(brief).toSorted((a, b) =>
        String(a.version) < String(b.version) ? -1 : 1
      ),
      theirs.map(expected).toSorted((a, b) => String(a.version) < String(b.version) ? -1 : 1),
    );
    assert.equal(ours["count"], wrote.registry.versions);
  });

  Deno.test(`details, lineage and files are read as ${version} reads them`, async () => {
    await using api = await ApiBridge.open(seeded, version);
    const digest = wrote.artifacts.dataset[0]?.digest ?? "";
    const names = [
      `${path}/cars:best`,
      `${path}/cars:v0`,
      `${path}/cars:latest`,
      `${path}/cars:${digest}`,
      `${path}/car-net:v1`,
      `${linked}:production`,
      `${linked}:v0`,
    ];
    for (const name of names) {
      const read = await api.call(Full, "artifact", { name });
      // The package repeats the alias that was asked for; we give the version.
      const theirs = {
        ...read,
        name: read.name.replace(/:.*/, `:${read.version}`),
        qualified_name: read.qualified_name.replace(/:.*/, `:${read.version}`),
      };
      const ours = await ask(getArtifactDetails, { artifact_name: name, include_files: true });
      const artifact = part(ours, "artifact");
      assert.deepEqual(brief(artifact), expected(theirs), name);
      assert.deepEqual(
        [artifact["id"], artifact["type"], artifact["qualified_name"], artifact["metadata"]],
        [theirs.id, theirs.type, theirs.qualified_name, theirs.metadata],
      );
      const lineage = part(ours, "lineage");
      assert.equal(part(lineage, "logged_by")["run_id"], theirs.logged_by);
      assert.deepEqual(list(lineage["used_by"]).map((run) => run["run_id"]), theirs.used_by);
      assert.equal(lineage["source_artifact"], theirs.source_name);
      if (!name.startsWith(orgEntity)) {
        assert.deepEqual(sorted(lineage["linked_artifacts"]), theirs.linked);
      }
      const files = list(ours["files"]).map((file) => [
        file["name"],
        { digest: file["digest"], size: file["size"] ?? null, ref: file["ref"] ?? null },
      ]);
      const entries = Object.entries(theirs.manifest).map(([entry, { digest, size, ref }]) => [
        entry,
        { digest, size, ref },
      ]);
      assert.deepEqual(Object.fromEntries(files), Object.fromEntries(entries));
      assert.equal(ours["files_total"], entries.length);
    }
  });

  Deno.test(`comparisons agree with the manifests that ${version} reads`, async () => {
    await using api = await ApiBridge.open(seeded, version);
    const read = (name: string) => api.call(Full, "artifact", { name });
    const pairs = [
      [`${path}/cars:v0`, `${path}/cars:v2`],
      [`${path}/cars:take-2`, `${path}/cars:v1`],
      [`${path}/car-net:v0`, `${linked}:production`],
      [`${linked}:v1`, `${path}/car-net:v1`],
    ];
    for (const [nameA = "", nameB = ""] of pairs) {
      const [a, b] = [await read(nameA), await read(nameB)];
      const ours = await ask(compareArtifactVersions, {
        artifact_name_a: nameA,
        artifact_name_b: nameB,
      });
      const [left, right] = [a.manifest, b.manifest];
      const both = Object.keys(left).filter((name) => name in right);
      const same = both.filter((name) =>
        left[name]?.digest === right[name]?.digest && left[name]?.ref === right[name]?.ref
      );
      const diff = part(ours, "file_diff");
      const namesOf = (key: string) => list(diff[key]).map((file) => file["name"]);
      assert.deepEqual(namesOf("added"), sorted(Object.keys(right).filter((n) => !(n in left))));
      assert.deepEqual(namesOf("removed"), sorted(Object.keys(left).filter((n) => !(n in right))));
      assert.deepEqual(namesOf("modified"), sorted(both.filter((n) => !same.includes(n))));
      assert.equal(diff["unchanged_count"], same.length);
      assert.equal(ours["digest_match"], a.digest === b.digest);
      assert.equal(part(ours, "size_diff")["delta"], b.size - a.size);
      assert.deepEqual(part(ours, "tags_diff"), {
        added: b.tags.filter((tag) => !a.tags.includes(tag)),
        removed: a.tags.filter((tag) => !b.tags.includes(tag)),
      });
      assert.equal(part(ours, "lineage_diff")["same_source_run"], a.logged_by === b.logged_by);
    }
  });

  Deno.test(`registries and collections are read as ${version} reads them`, async () => {
    await using api = await ApiBridge.open(seeded, version);
    const theirs = await api.call(z.array(RegistryBrief), "registries", { organization });
    const ours = await ask(listRegistries, {});
    const byName = (a: { full_name: unknown }, b: { full_name: unknown }) =>
      String(a.full_name) < String(b.full_name) ? -1 : 1;
    assert.deepEqual(
      list(ours["registries"]).map((one) => ({
        name: one["name"],
        full_name: one["full_name"],
        organization: one["organization"],
        entity: one["entity"],
        description: one["description"] ?? null,
        visibility: one["visibility"],
        created_at: one["created_at"],
      })).toSorted(byName),
      theirs.map((one) => ({ ...one, description: one.description || null })).toSorted(byName),
    );
    const filter = { name: registry };
    const some = await ask(listRegistries, { organization, filter });
    assert.deepEqual(
      list(some["registries"]).map((one) => one["name"]),
      (await api.call(z.array(RegistryBrief), "registries", { organization, filter }))
        .map(({ name }) => name),
    );
    const collections = await api.call(z.array(CollectionBrief), "registry_collections", {
      organization,
      registry,
    });
    const listed = await ask(listRegistryCollections, { registry_name: registry });
    assert.deepEqual(
      list(listed["collections"]).map((one) => ({
        name: one["name"],
        type: one["type"],
        description: one["description"] ?? null,
        aliases: sorted(one["aliases"]),
      })),
      collections.map((one) => ({
        name: one.name,
        type: one.type,
        description: one.description || null,
        aliases: one.aliases.toSorted(),
      })),
    );
  });
}
