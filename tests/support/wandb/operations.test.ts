/** The reads and writes that a client of the server is built from, on what W&B's package wrote. */
import assert from "node:assert/strict";
import { z } from "zod";
import { shared } from "../backend.ts";
import { startSeededCopy, wandbSeeded } from "./seeded.ts";
import { ask, basic, dig } from "./test-client.ts";
import type { WandbSim } from "./mod.ts";

const seeded = await shared(wandbSeeded);
const wrote = seeded.manifests["wandb-newest"];
const { entity, project } = wrote;
const { user, team, organization, orgEntity } = seeded.accounts;
const where = { e: entity, p: project };
const registry = JSON.stringify({ name: `wandb-registry-${wrote.registry.name}` });
const collection = JSON.stringify({ name: wrote.registry.collection });

async function read(
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${seeded.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...basic(seeded.apiKey) },
    body: JSON.stringify({ query, variables }),
  });
  const body: unknown = await response.json();
  assert.equal(dig(body, "errors"), undefined, JSON.stringify(dig(body, "errors")));
  return z.record(z.string(), z.unknown()).parse(dig(body, "data"));
}

const nodes = (connection: unknown): unknown[] =>
  z.array(z.unknown()).parse(dig(connection, "edges")).map((edge) => dig(edge, "node"));

Deno.test("reads the viewer and the entities", async () => {
  const data = await read(
    `query { viewer { username entity teams(first: 200) { edges { node { name } } } } }`,
    {},
  );
  assert.equal(dig(data, "viewer", "username"), user);
  assert.deepEqual(
    nodes(dig(data, "viewer", "teams")).map((node) => dig(node, "name")),
    [user, team],
  );
});

Deno.test("reads an entity's projects, page by page", async () => {
  const query = `query ($e: String, $n: Int, $c: String) {
    models(entityName: $e, first: $n, after: $c) {
      edges { node { name entityName description access createdAt updatedAt } }
      pageInfo { endCursor hasNextPage }
    }
  }`;
  const names: unknown[] = [];
  let cursor: unknown = null;
  do {
    const page: unknown = dig(await read(query, { e: entity, n: 1, c: cursor }), "models");
    names.push(...nodes(page).map((node) => dig(node, "name")));
    cursor = dig(page, "pageInfo", "hasNextPage") === true
      ? dig(page, "pageInfo", "endCursor")
      : null;
  } while (cursor !== null);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes(project));
});

Deno.test("reads a project's shape without listing its runs", async () => {
  const data = await read(
    `query ($e: String!, $p: String!, $n: Int!) { project(entityName: $e, name: $p) {
      runCount
      running: runCount(filters: "{\\"state\\":\\"running\\"}")
      runs(first: $n, order: "-created_at") {
        totalCount
        edges { node { name state tags group config summaryMetrics historyKeys } }
        pageInfo { hasNextPage endCursor }
      }
    } }`,
    { ...where, n: 3 },
  );
  assert.equal(dig(data, "project", "runCount"), 14);
  assert.equal(dig(data, "project", "running"), 0);
  assert.equal(dig(data, "project", "runs", "totalCount"), 14);
  assert.equal(nodes(dig(data, "project", "runs")).length, 3);
  assert.equal(dig(data, "project", "runs", "pageInfo", "hasNextPage"), true);
});

Deno.test("one specification per key loses no rows of sparse metrics", async () => {
  const specs = ["often", "rare", "late"].map((key) =>
    JSON.stringify({ keys: ["_step", key], samples: 100 })
  );
  const query = `query ($e: String!, $p: String!, $r: String!, $s: [JSONString!]!) {
    project(entityName: $e, name: $p) { run(name: $r) {
      displayName state historyKeys sampledHistory(specs: $s)
    } }
  }`;
  const r = wrote.runs["sparse"]?.id;
  const run = dig(await read(query, { ...where, r, s: specs }), "project", "run");
  const lists = z.array(z.array(z.unknown())).parse(dig(run, "sampledHistory"));
  assert.deepEqual(lists.map((rows) => rows.length), [50, 5, 1]);
  const joint = [JSON.stringify({ keys: ["_step", "often", "rare", "late"], samples: 100 })];
  const none = dig(await read(query, { ...where, r, s: joint }), "project", "run");
  assert.deepEqual(dig(none, "sampledHistory"), [[]]);
});

Deno.test("reads two runs at once, with narrowed config and summary", async () => {
  const data = await read(
    `query ($e: String!, $p: String!, $a: String!, $b: String!) {
      project(entityName: $e, name: $p) { a: run(name: $a) { ...Side } b: run(name: $b) { ...Side } }
    }
    fragment Side on Run {
      displayName state tags group createdAt heartbeatAt historyKeys
      config(keys: ["lr"]) summaryMetrics(keys: ["best.loss", "absent"])
    }`,
    { ...where, a: wrote.runs["healthy"]?.id, b: wrote.runs["overfitting"]?.id },
  );
  assert.equal(dig(data, "project", "a", "displayName"), "healthy");
  const config: unknown = JSON.parse(String(dig(data, "project", "b", "config")));
  assert.deepEqual(Object.keys(z.record(z.string(), z.unknown()).parse(config)), ["lr"]);
  const summary: unknown = JSON.parse(String(dig(data, "project", "a", "summaryMetrics")));
  assert.equal(typeof dig(summary, "best.loss"), "number");
  assert.equal(dig(summary, "absent"), undefined);
});

Deno.test("reads an organisation's registries, starting from the entity", async () => {
  const lookup = `query ($e: String!) { entity(name: $e) {
    organization { name orgEntity { name } }
    user { organizations { name orgEntity { name } } }
  } }`;
  const ofTeam = dig(await read(lookup, { e: team }), "entity");
  assert.deepEqual(dig(ofTeam, "organization"), {
    name: organization,
    orgEntity: { name: orgEntity },
  });
  const ofUser = dig(await read(lookup, { e: user }), "entity");
  assert.equal(dig(ofUser, "organization"), null);
  assert.equal(dig(ofUser, "user", "organizations", 0, "name"), organization);
  const data = await read(
    `query ($o: String!, $f: JSONString, $n: Int) { organization(name: $o) { orgEntity {
      name
      projects(filters: $f, first: $n) {
        edges { node {
          name description access createdAt updatedAt allowAllArtifactTypesInRegistry
          artifactTypes(includeAll: true) { edges { node { name } } }
        } }
        pageInfo { endCursor hasNextPage }
      }
    } } }`,
    { o: organization, f: '{"name":{"$regex":"^wandb-registry-"}}', n: 50 },
  );
  const found = nodes(dig(data, "organization", "orgEntity", "projects"));
  const ours = found.find((node) => dig(node, "name") === `wandb-registry-${project}`);
  assert.deepEqual([dig(ours, "description"), dig(ours, "access")], ["Released models", "PRIVATE"]);
  const other = found.find((node) => dig(node, "name") === `wandb-registry-${project}-private`);
  assert.equal(dig(other, "access"), "RESTRICTED");
});

Deno.test("reads a registry's collections and versions", async () => {
  const collections = dig(
    await read(
      `query ($o: String!, $r: JSONString) { organization(name: $o) { orgEntity {
        artifactCollections(projectFilters: $r, collectionTypes: [PORTFOLIO], first: 10) {
          totalCount
          edges { node {
            __typename name description createdAt updatedAt defaultArtifactType { name }
            tags { edges { node { name } } }
            aliases(first: 100) { edges { node { alias } } }
            project { name }
          } }
          pageInfo { hasNextPage endCursor }
        }
      } } }`,
      { o: organization, r: registry },
    ),
    "organization",
    "orgEntity",
    "artifactCollections",
  );
  assert.equal(dig(collections, "totalCount"), 1);
  const [first] = nodes(collections);
  assert.equal(dig(first, "__typename"), "ArtifactPortfolio");
  assert.equal(dig(first, "name"), wrote.registry.collection);
  const versions = dig(
    await read(
      `query ($o: String!, $r: JSONString, $c: JSONString) { organization(name: $o) { orgEntity {
        artifactMemberships(projectFilters: $r, collectionFilters: $c, first: 10) {
          edges { node {
            versionIndex aliases { alias } artifactCollection { name }
            artifact { id digest size fileCount state description createdAt tags { name } }
          } }
          pageInfo { hasNextPage endCursor }
        }
      } } }`,
      { o: organization, r: registry, c: collection },
    ),
    "organization",
    "orgEntity",
    "artifactMemberships",
  );
  assert.deepEqual(
    nodes(versions).map((node) => dig(node, "artifact", "digest")),
    wrote.artifacts.model.map(({ digest }) => digest),
  );
});

Deno.test("reads a collection's versions, newest first", async () => {
  const data = await read(
    `query ($e: String!, $p: String!) { project(entityName: $e, name: $p) {
      artifactType(name: "dataset") { artifactCollection(name: "cars") {
        artifacts(first: 2) {
          totalCount
          edges { version node {
            id digest size fileCount state description createdAt
            aliases(artifactCollectionName: "cars") { alias } tags { name }
          } }
          pageInfo { hasNextPage endCursor }
        }
      } }
    } }`,
    where,
  );
  const list = dig(data, "project", "artifactType", "artifactCollection", "artifacts");
  assert.equal(dig(list, "totalCount"), 3);
  assert.deepEqual([dig(list, "edges", 0, "version"), dig(list, "edges", 1, "version")], [
    "v2",
    "v1",
  ]);
  assert.equal(dig(list, "pageInfo", "hasNextPage"), true);
});

Deno.test("reads a version with its lineage in one request, and its files", async () => {
  const query = `query ($e: String!, $p: String!, $n: String!) { project(entityName: $e, name: $p) {
    artifactCollectionMembership(name: $n) {
      versionIndex aliases { alias }
      artifactCollection { __typename name project { name entity { name } } }
      artifact {
        id description metadata digest commitHash size fileCount state createdAt versionIndex
        tags { name } artifactType { name }
        artifactSequence { name project { name entity { name } } }
        createdBy { __typename ... on Run { name displayName project { name } } }
        usedBy(first: 21) { edges { node { name displayName } } }
        artifactMemberships(first: 50) { edges { node {
          versionIndex artifactCollection { __typename name project { name } }
        } } }
        currentManifest { file { directUrl } }
      }
    }
  } }`;
  const of = async (e: string, p: string, n: string) =>
    dig(await read(query, { e, p, n }), "project", "artifactCollectionMembership");
  const byAlias = await of(entity, project, "cars:best");
  assert.deepEqual(await of(entity, project, "cars:v1"), byAlias);
  assert.deepEqual(
    dig(await of(entity, project, "cars"), "artifact", "versionIndex"),
    2,
  );
  assert.equal(dig(byAlias, "artifact", "createdBy", "displayName"), "prepare");
  assert.deepEqual(
    nodes(dig(byAlias, "artifact", "usedBy")).map((node) => dig(node, "displayName")),
    ["train"],
  );
  const digest = wrote.artifacts.dataset[1]?.digest;
  assert.deepEqual(await of(entity, project, `cars:${digest}`), byAlias);
  const linked = await of(
    orgEntity,
    `wandb-registry-${wrote.registry.name}`,
    `${wrote.registry.collection}:production`,
  );
  assert.equal(dig(linked, "artifact", "artifactSequence", "name"), "car-net");
  assert.equal(nodes(dig(linked, "artifact", "artifactMemberships")).length, 2);
  const files = dig(
    await read(
      `query ($id: ID!) { artifact(id: $id) { files(first: 2) {
        edges { node { name sizeBytes digest directUrl } } pageInfo { hasNextPage endCursor }
      } } }`,
      { id: dig(byAlias, "artifact", "id") },
    ),
    "artifact",
    "files",
  );
  assert.deepEqual(nodes(files).map((node) => dig(node, "name")), [
    "data/part-0.csv",
    "data/part-1.csv",
  ]);
  assert.equal(dig(files, "pageInfo", "hasNextPage"), true);
  const manifest: unknown = await (await fetch(
    String(dig(byAlias, "artifact", "currentManifest", "file", "directUrl")),
  )).json();
  assert.equal(
    dig(manifest, "contents", "raw.parquet", "ref"),
    "https://files.example.test/cars/raw.parquet",
  );
});

async function onCopy(work: (sim: WandbSim) => Promise<void>): Promise<void> {
  const copy = await startSeededCopy(seeded);
  try {
    await work(copy);
    assert.deepEqual(copy.defects, []);
  } finally {
    await copy.stop();
  }
}

Deno.test("reads back a run and a report written without the package", () =>
  onCopy(async (sim) => {
    const run = await ask(
      sim,
      `mutation ($e: String, $p: String, $c: JSONString, $s: JSONString) { upsertBucket(input: {
        entityName: $e, modelName: $p, name: "handmade", displayName: "by hand", tags: ["x"],
        jobType: "analysis", config: $c, summaryMetrics: $s, state: "finished"
      }) { inserted bucket { id name state summaryMetrics project { name entity { name } } } } }`,
      { ...where, c: '{"lr":{"value":1}}', s: '{"loss":0.5,"bad":NaN}' },
    );
    assert.equal(dig(run.data, "upsertBucket", "inserted"), true);
    assert.equal(dig(run.data, "upsertBucket", "bucket", "state"), "finished");
    assert.equal(
      dig(run.data, "upsertBucket", "bucket", "summaryMetrics"),
      '{"loss":0.5,"bad":"NaN"}',
    );
    const save = (id: string | null, title: string) =>
      ask(
        sim,
        `mutation ($id: ID, $e: String, $p: String, $t: String, $s: String!) { upsertView(input: {
          id: $id, entityName: $e, projectName: $p, type: "runs", displayName: $t, spec: $s,
          createdUsing: WANDB_SDK
        }) { inserted view { id displayName } } }`,
        { ...where, id, t: title, s: '{"version":5,"blocks":[]}' },
      );
    const made = await save(null, "First");
    const id = String(dig(made.data, "upsertView", "view", "id"));
    const again = await save(id, "Second");
    assert.equal(dig(again.data, "upsertView", "inserted"), false);
    const view = await ask(sim, "query ($id: ID!) { view(id: $id) { displayName spec type } }", {
      id,
    });
    assert.deepEqual(view.data, {
      view: { displayName: "Second", spec: '{"version":5,"blocks":[]}', type: "runs" },
    });
  }));
