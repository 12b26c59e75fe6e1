import assert from "node:assert/strict";
import type { Tool } from "../../src/mcp/tool.ts";
import type { WandbServices } from "../../src/wandb/tool.ts";
import { compareArtifactVersions } from "../../src/wandb/tools/compare_artifact_versions.ts";
import { getArtifactDetails } from "../../src/wandb/tools/get_artifact_details.ts";
import { listArtifactVersions } from "../../src/wandb/tools/list_artifact_versions.ts";
import { listRegistries, listRegistryCollections } from "../../src/wandb/tools/list_registries.ts";
import { seedArtifact, seedLink, seedRegistry } from "./artifact_seed.ts";
import { list, part, type Rig, startRig } from "./harness.ts";
import { graphql, seedRun } from "./seed.ts";
import { freePort } from "../support/ports.ts";
import { slowTest } from "../support/slow.ts";

const AT = { entity: "sim-team", project: "vision" };
const CARS = "sim-team/vision/cars";

/** A call of each of the tools that succeeds. */
const CALLS: readonly (readonly [Tool<WandbServices>, Record<string, unknown>])[] = [
  [listRegistries, {}],
  [listRegistryCollections, { registry_name: "data" }],
  [listArtifactVersions, { collection_name: CARS }],
  [listArtifactVersions, { collection_name: "All cars", registry_name: "data" }],
  [getArtifactDetails, { artifact_name: CARS, include_files: true }],
  [compareArtifactVersions, { artifact_name_a: `${CARS}:v0`, artifact_name_b: `${CARS}:v1` }],
];

async function seeded(rig: Rig): Promise<void> {
  await seedRun(rig.sim, { ...AT, run: "maker1" });
  await seedRegistry(rig.sim, "data");
  for (const text of ["one", "two"]) {
    const { id } = await seedArtifact(rig.sim, {
      ...AT,
      type: "dataset",
      collection: "cars",
      files: { "a.csv": text },
      aliases: [`take-${text}`],
    });
    await seedLink(rig.sim, id, "data", "All cars");
  }
}

slowTest(
  "missing projects, collections, versions and types are reported with the nearest",
  async () => {
    await using rig = startRig();
    await seeded(rig);
    const misses: [Tool<WandbServices>, Record<string, unknown>, RegExp, RegExp][] = [
      [getArtifactDetails, { artifact_name: "sim-team/visoin/cars" }, /no project/, /vision/],
      [getArtifactDetails, { artifact_name: "sim-taem/vision/cars" }, /no project/, /sim-team/],
      [getArtifactDetails, { artifact_name: "sim-team/vision/crs" }, /no artifact coll/, /cars/],
      [
        getArtifactDetails,
        { artifact_name: `${CARS}:take-tow` },
        /no version "take-tow"/,
        /take-two/,
      ],
      [getArtifactDetails, { artifact_name: `${CARS}:v99` }, /no version "v99"/, /v0|v1/],
      [getArtifactDetails, { artifact_name: CARS, type_name: "model" }, /not of type/, /dataset/],
      [
        getArtifactDetails,
        { artifact_name: "sim-org/wandb-registry-dat/All cars" },
        /no registry "dat"/,
        /data/,
      ],
      [
        getArtifactDetails,
        { artifact_name: "sim-ogr/wandb-registry-data/All cars" },
        /no organization "sim-ogr"/,
        /sim-org/,
      ],
      [
        getArtifactDetails,
        { artifact_name: "wandb-registry-data/All carz" },
        /no artifact collection/,
        /All cars/,
      ],
      [
        getArtifactDetails,
        { artifact_name: "wandb-registry-data/All cars:prod" },
        /no version "prod"/,
        /latest, v1, v0/,
      ],
      [
        compareArtifactVersions,
        { artifact_name_a: `${CARS}:v0`, artifact_name_b: "v7" },
        /no version "v7"/,
        /v0|v1/,
      ],
      [
        listArtifactVersions,
        { collection_name: "sim-team/vision/crs" },
        /no artifact coll/,
        /cars/,
      ],
      [
        listArtifactVersions,
        { collection_name: CARS, type_name: "model" },
        /not of type/,
        /dataset/,
      ],
      [
        listArtifactVersions,
        { collection_name: "All carz", registry_name: "data" },
        /no artifact collection/,
        /All cars/,
      ],
      [
        listArtifactVersions,
        { collection_name: "All cars", registry_name: "data", type_name: "model" },
        /not of type/,
        /dataset/,
      ],
      [
        listArtifactVersions,
        { collection_name: "All cars", registry_name: "dtaa" },
        /no registry "dtaa"/,
        /data/,
      ],
    ];
    for (const [tool, args, message, hint] of misses) {
      const { result, requests } = await rig.counted(() => rig.failure(tool, args));
      assert.equal(result["error"], "not_found", JSON.stringify(result));
      assert.match(String(result["message"]), message);
      assert.match(String(result["hint"]), hint);
      assert.ok(requests <= 2, `${JSON.stringify(args)}: ${requests}`);
    }
    assert.deepEqual(rig.sim.defects, []);
  },
);

slowTest("impossible names are refused without a request", async () => {
  await using rig = startRig();
  const names = [
    "",
    "   ",
    "cars",
    "vision/cars:v1",
    "a/b/c/d:v1",
    "sim-team//cars",
    "/vision/cars",
    "sim-team/vision/:v1",
    `${CARS}:`,
    "sim-team/vision/ca\u0000rs",
    "sim-team/vision/ca\nrs:v1",
    "sim-team/vision/\ud800",
    "x".repeat(2000),
    "https://wandb.ai/sim-team/vision",
    "https://[",
  ];
  for (const name of names) {
    const { result, requests } = await rig.counted(() =>
      rig.failure(getArtifactDetails, { artifact_name: name })
    );
    assert.equal(result["error"], "invalid_arguments", JSON.stringify(name));
    assert.equal(requests, 0);
  }
  const registries = ["", "a/b/c", "\u0007", "https://wandb.ai/x"];
  for (const name of registries) {
    const failed = await rig.failure(listRegistryCollections, { registry_name: name });
    assert.equal(failed["error"], "invalid_arguments", JSON.stringify(name));
  }
  const source = await rig.failure(listArtifactVersions, {
    collection_name: CARS,
    source: "registry",
  });
  assert.match(String(source["message"]), /registry_name/);
  const cursor = await rig.failure(getArtifactDetails, { artifact_name: CARS, cursor: "x" });
  assert.equal(cursor["error"], "invalid_arguments");
});

slowTest("hostile names reach the server unchanged, and find nothing", async () => {
  await using rig = startRig();
  await seeded(rig);
  const hostile = [
    'cars"){id} viewer{apiKeys{edges{node{name}}}} #',
    "..",
    "%2e%2e",
    "$k",
    '{"$regex":".*"}',
    "cars\\",
    "__proto__",
    "constructor",
    "<script>alert(1)</script>".replace("/", ""),
    "cars\u202etxt",
  ];
  for (const name of hostile) {
    for (
      const args of [
        { artifact_name: `sim-team/vision/${name}` },
        { artifact_name: `sim-team/${name}/cars` },
        { artifact_name: `${name}/vision/cars` },
        { artifact_name: `${CARS}:${name}` },
        { artifact_name: `${name}/wandb-registry-data/All cars` },
        { artifact_name: `sim-org/wandb-registry-data/${name}` },
      ]
    ) {
      rig.sim.requests.length = 0;
      const failed = await rig.failure(getArtifactDetails, args);
      const kinds = name.includes(":") ? ["not_found", "invalid_arguments"] : ["not_found"];
      assert.ok(kinds.includes(String(failed["error"])), JSON.stringify(args));
      for (const { document, status } of rig.sim.requests) {
        assert.ok(!String(document).includes(name) || /^[.$\w]+$/.test(name));
        assert.equal(status, 200);
      }
    }
    const lists = [
      rig.failure(listRegistryCollections, { registry_name: name }),
      rig.failure(listRegistries, { organization: name }),
      rig.failure(listArtifactVersions, { collection_name: name, registry_name: "data" }),
    ];
    for (const failed of await Promise.all(lists)) assert.notEqual(failed["error"], "internal");
  }
  assert.deepEqual(rig.sim.defects, []);
});

slowTest("the server's refusals are reported by kind, and never with the key", async () => {
  await using rig = startRig();
  await seeded(rig);
  const kinds: [number, string][] = [
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "not_found"],
    [409, "conflict"],
    [429, "rate_limited"],
    [500, "upstream_error"],
  ];
  for (const [tool, args] of CALLS) {
    for (const [status, error] of kinds) {
      rig.sim.faults.clear();
      rig.sim.faults.add({
        kind: "status",
        status,
        message: `no, ${rig.sim.apiKey}`,
        match: { path: "/graphql" },
      });
      const failed = await rig.failure(tool, args);
      assert.equal(failed["error"], error, `${tool.name} ${status}`);
      assert.ok(!JSON.stringify(failed).includes(rig.sim.apiKey));
    }
    rig.sim.faults.clear();
    rig.sim.faults.add({ kind: "status", status: 429, times: 1, headers: { "retry-after": "0" } });
    const data = await rig.data(tool, args);
    assert.ok(!JSON.stringify(data).includes(rig.sim.apiKey));
  }
  assert.ok(!rig.logged.join("\n").includes(rig.sim.apiKey));
});

slowTest("a missing part is reported, and the rest is returned", async () => {
  await using rig = startRig();
  await seeded(rig);
  const membership = ["project", "artifactCollectionMembership", "artifact"];
  rig.sim.faults.add({
    kind: "partial",
    field: [...membership, "usedBy"],
    message: "users are out",
  });
  const details = await rig.data(getArtifactDetails, { artifact_name: CARS });
  assert.deepEqual(details["warnings"], [
    "W&B reported: users are out; that part is missing.",
  ]);
  assert.equal(part(details, "artifact")["version"], "v1");

  // An organization that the server refuses to look up by an entity's name is no problem.
  rig.sim.faults.clear();
  rig.sim.faults.add({
    kind: "partial",
    field: ["organization"],
    message: "organization not found: sim-org_6f2c",
  });
  const name = "sim-org_6f2c/wandb-registry-data/All cars";
  const linked = await rig.data(getArtifactDetails, { artifact_name: name });
  assert.ok(!("warnings" in linked));

  rig.sim.faults.clear();
  rig.sim.faults.add({
    kind: "partial",
    field: ["project", "artifactCollection", "artifacts"],
    message: "versions are out",
  });
  // An unread list is not an empty one.
  const versions = await rig.failure(listArtifactVersions, { collection_name: CARS });
  assert.match(String(versions["message"]), /versions are out/);
});

slowTest("a manifest is read through the store's redirect, with and without a query", async () => {
  await using rig = startRig();
  await seeded(rig);
  const contents = { "moved.csv": { digest: "x", size: 1 } };
  const other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ version: 1, contents }),
  );
  try {
    for (const query of ["", "?signed=yes"]) {
      const to = `http://127.0.0.1:${other.addr.port}/manifest.json${query}`;
      rig.sim.faults.clear();
      rig.sim.faults.add({ kind: "redirect", to, match: { path: "/storage/" } });
      const args = { artifact_name: CARS, include_files: true };
      const details = await rig.data(getArtifactDetails, args);
      assert.deepEqual(list(details["files"]).map((file) => file["name"]), ["moved.csv"], query);
    }
  } finally {
    await other.shutdown();
  }
});

slowTest("a version with a time to live says when it is deleted", async () => {
  await using rig = startRig();
  await seeded(rig);
  const read = async () =>
    part(await rig.data(getArtifactDetails, { artifact_name: CARS }), "artifact");
  assert.equal("time_to_live" in await read(), false);
  const id = String((await read())["id"]);
  await graphql(
    rig.sim,
    `mutation T($i: UpdateArtifactInput!) { updateArtifact(input: $i) { artifact { id } } }`,
    { i: { artifactID: id, ttlDurationSeconds: 86_400 } },
  );
  const artifact = await read();
  const ttl = part(artifact, "time_to_live");
  assert.equal(ttl["seconds"], 86_400);
  assert.equal(
    Date.parse(String(ttl["expires_at"])) - Date.parse(String(artifact["created_at"])),
    86_400_000,
  );
});

slowTest("an invalid manifest is reported, and the files come from the API", async () => {
  await using rig = startRig();
  await seeded(rig);
  for (
    const fault of [
      { kind: "body", body: '{"contents": "nothing"}' },
      { kind: "body", body: "<html>" },
      { kind: "html" },
      { kind: "redirect", to: "file:///etc/passwd" },
    ] as const
  ) {
    rig.sim.faults.clear();
    rig.sim.faults.add({ ...fault, match: { path: "/storage/" } });
    const details = await rig.data(getArtifactDetails, {
      artifact_name: CARS,
      include_files: true,
    });
    assert.deepEqual(list(details["files"]).map((file) => file["name"]), ["a.csv"]);
    assert.match(String(list(details["notes"])[0]), /manifest|gives is no/);
    const compared = await rig.data(compareArtifactVersions, {
      artifact_name_a: `${CARS}:v0`,
      artifact_name_b: `${CARS}:v1`,
    });
    assert.equal(part(compared, "file_diff")["modified_count"], 1);
  }
});

slowTest("a manifest at another address, without a query, is read there", async () => {
  await using rig = startRig();
  await seeded(rig);
  const asked: string[] = [];
  const entry = { digest: "xyz", size: 3 };
  const store = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked.push(request.headers.get("authorization") ?? new URL(request.url).pathname);
    return Response.json({ contents: { "elsewhere.csv": entry } });
  });
  try {
    rig.sim.faults.add({
      kind: "redirect",
      to: `http://127.0.0.1:${store.addr.port}/manifest.json`,
      match: { path: "/storage/" },
    });
    const details = await rig.data(getArtifactDetails, {
      artifact_name: CARS,
      include_files: true,
    });
    assert.deepEqual(list(details["files"]).map((file) => file["name"]), ["elsewhere.csv"]);
    assert.deepEqual(asked, ["/manifest.json"]);
  } finally {
    await store.shutdown();
  }
});

slowTest("a call cancelled while a manifest arrives ends", async () => {
  await using rig = startRig();
  await seeded(rig);
  rig.sim.faults.add({ kind: "hang", match: { path: "/storage/" } });
  const controller = new AbortController();
  const failed = rig.failure(
    getArtifactDetails,
    { artifact_name: CARS, include_files: true },
    { signal: controller.signal },
  );
  while (!rig.sim.requests.some(({ path }) => path.startsWith("/storage/"))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  controller.abort();
  assert.equal((await failed)["error"], "cancelled");
});

const PORT = freePort();

Deno.test({
  name: "a manifest on a host that is not permitted is named, and nothing is sent there",
  permissions: { net: [`127.0.0.1:${PORT}`, "127.0.0.1:0"], read: "inherit", env: "inherit" },
  fn: async () => {
    await using rig = startRig({ port: PORT, store: "separate" });
    await seedRun(rig.sim, { ...AT, run: "maker1" });
    for (const text of ["one", "two"]) {
      await seedArtifact(rig.sim, {
        ...AT,
        type: "dataset",
        collection: "cars",
        files: { "a.csv": text },
        references: { "raw.bin": `s3://bucket/${text}` },
      }, direct(rig));
    }
    const store = new URL(rig.sim.storeUrl).host;
    const details = await rig.counted(() =>
      rig.data(getArtifactDetails, { artifact_name: CARS, include_files: true })
    );
    assert.equal(details.requests, 1);
    assert.deepEqual(list(details.result["files"]).map((file) => file["name"]), ["a.csv"]);
    const note = String(list(details.result["notes"])[0]);
    assert.ok(note.includes(`--allow-hosts ${store}`), note);
    assert.match(note, /1 of the entries, references most likely/);
    const compared = await rig.counted(() =>
      rig.data(compareArtifactVersions, {
        artifact_name_a: `${CARS}:v0`,
        artifact_name_b: `${CARS}:v1`,
      })
    );
    assert.equal(compared.requests, 3);
    const diff = part(compared.result, "file_diff");
    assert.deepEqual([diff["modified_count"], diff["complete"]], [1, false]);
    assert.match(String(list(diff["notes"])[0]), /--allow-hosts .*2 of the entries/);
    assert.ok(rig.sim.requests.every(({ host }) => host === "api"));
    assert.ok(!JSON.stringify(compared.result).includes("X-Sim-Signature"));
  },
});

/** Puts content into the simulator without its file store, which not even the test may reach. */
function direct(rig: Rig): (url: string, body: string) => Promise<void> {
  return (url, body) => {
    const key = new URL(url).pathname.slice("/storage/".length).split("/").map(decodeURIComponent);
    rig.sim.db.blobs.put(key.join("/"), new TextEncoder().encode(body));
    return Promise.resolve();
  };
}
