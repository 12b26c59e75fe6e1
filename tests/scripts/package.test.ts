/** What `deno task package` builds, read by other programs than those that wrote it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import manifest from "../../deno.json" with { type: "json" };
import { executableName, expectedSettings, TARGETS } from "../../scripts/compile.ts";
import { fileOf } from "../../scripts/graph.ts";
import { buildManifests } from "../../scripts/package/manifests.ts";
import { buildServerJson, ServerDetail } from "../../scripts/package/registry.ts";
import { bundledMain } from "../support/product.ts";
import { runNpmProgram } from "../support/npm_program.ts";
import { must, releaseIn, REPOSITORY, temporaryFolder } from "../support/packages.ts";
import { findPython } from "../support/python/interpreter.ts";

const { version } = manifest;

/** Lists an archive with modes and times, as Python reads it. */
const LIST = `
import json, sys, tarfile, zipfile
for path in sys.argv[1:]:
    if path.endswith("gz"):
        with tarfile.open(path) as archive:
            rows = [[one.name, oct(one.mode), one.mtime] for one in archive.getmembers()]
    else:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            rows = [[one.filename, oct(one.external_attr >> 16 & 0o777), one.date_time]
                    for one in archive.infolist()]
    print(json.dumps(rows))
`;

const Row = z.tuple([z.string(), z.string(), z.union([z.number(), z.array(z.number())])]);

async function listArchives(...paths: string[]): Promise<z.output<typeof Row>[][]> {
  const { path } = await findPython();
  const lines = (await must(path, ["-c", LIST, ...paths])).trim().split("\n");
  return lines.map((line) => z.array(Row).parse(JSON.parse(line)));
}

/** A stand-in for an executable: it holds the bundle's launcher and settings, as real ones do. */
async function standIn(settings: unknown): Promise<Uint8Array> {
  const baked = new TextEncoder().encode(JSON.stringify(settings));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(baked.length), true);
  const mark = new TextEncoder().encode("d3n0l4nd");
  return new Uint8Array([
    ...mark,
    ...length,
    ...baked,
    ...await Deno.readFile(await bundledMain()),
  ]);
}

/** Stand-ins for the executables of all targets. */
async function standIns(folder: string): Promise<string> {
  const place = join(folder, "executables");
  await Deno.mkdir(place);
  for (const target of TARGETS) {
    const name = executableName(target);
    await Deno.writeFile(join(place, name), await standIn(expectedSettings(name)));
  }
  return place;
}

Deno.test("two builds are identical and complete, and match their checksums", async () => {
  await using one = await temporaryFolder();
  await using other = await temporaryFolder();
  const releases = [
    await releaseIn(one.path, await standIns(one.path)),
    await releaseIn(other.path, await standIns(other.path)),
  ];
  const [sums, again] = await Promise.all(
    releases.map((folder) => Deno.readTextFile(join(folder, "SHA256SUMS"))),
  );
  assert.equal(sums, again);
  const listed = new Map(
    (sums ?? "").trim().split("\n").map((line) => {
      const [sum = "", name = ""] = line.split("  ");
      return [name, sum] as const;
    }),
  );
  for (const [name, sum] of listed) {
    for (const folder of releases) {
      const bytes = await Deno.readFile(join(folder, name));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sum, name);
    }
  }
  const archives = TARGETS.flatMap((target) => [
    `wandflow-${version}-${target}.${target.includes("windows") ? "zip" : "tar.gz"}`,
    `wandflow-${version}-${target}.mcpb`,
  ]);
  assert.deepEqual(
    [...listed.keys()].sort(),
    [
      ...archives,
      ...["LICENSE", "THIRD_PARTY_NOTICES.txt", "Dockerfile", "server.json"],
      ...["docker/amd64/wandflow", "docker/arm64/wandflow"],
      `wandflow-${version}-py3-none-any.whl`,
      `wandflow-${version}.tgz`,
      `wandflow-${version}.mcpb`,
      `wandflow-${version}.cdx.json`,
    ].sort(),
  );
});

Deno.test("archives contain the program, licence and notices, with permissions and one time", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path, await standIns(folder.path));
  const file = (name: string) => join(release, `wandflow-${version}${name}`);
  const [unix, windows, binary, wheel, npm] = await listArchives(
    file("-x86_64-unknown-linux-gnu.tar.gz"),
    file("-aarch64-pc-windows-msvc.zip"),
    file("-aarch64-apple-darwin.mcpb"),
    file("-py3-none-any.whl"),
    file(".tgz"),
  );
  const seconds = Date.UTC(1985, 9, 26, 8, 15) / 1000;
  assert.deepEqual(unix, [
    ["LICENSE", "0o644", seconds],
    ["README.md", "0o644", seconds],
    ["THIRD_PARTY_NOTICES.txt", "0o644", seconds],
    ["wandflow", "0o755", seconds],
  ]);
  assert.deepEqual(windows?.map(([name]) => name), [
    ...["LICENSE", "README.md", "THIRD_PARTY_NOTICES.txt", "wandflow.exe"],
  ]);
  const program = binary?.find(([name]) => name === "server/wandflow");
  assert.deepEqual(program, ["server/wandflow", "0o755", [1985, 10, 26, 8, 15, 0]]);
  for (const [name, mode] of wheel ?? []) {
    assert.match(name, /^wandflow(-[\d.]+\.dist-info)?\//);
    assert.equal(mode, "0o644");
  }
  assert.ok(npm?.some(([name, mode]) => name === "package/wandflow.cjs" && mode === "0o755"));
  assert.ok(npm?.some(([name]) => name === "package/bundle/main.js"));
});

Deno.test("an executable built from other source is not packed", async () => {
  await using folder = await temporaryFolder();
  const place = join(folder.path, "executables");
  await Deno.mkdir(place);
  await Deno.writeTextFile(join(place, executableName(TARGETS[0])), "of last week");
  await assert.rejects(releaseIn(folder.path, place), /is not of this source/);
});

Deno.test("a single site's executable is not packed, under any name", async () => {
  await using folder = await temporaryFolder();
  const place = join(folder.path, "executables");
  await Deno.mkdir(place);
  const [target] = TARGETS;
  const hosts = ["mlflow.example:443"];
  const own = executableName(target, hosts);
  const released = executableName(target);
  assert.notEqual(own, released);
  await Deno.writeFile(join(place, own), await standIn(expectedSettings(own, hosts)));
  const release = await releaseIn(folder.path, place);
  const sums = await Deno.readTextFile(join(release, "SHA256SUMS"));
  assert.doesNotMatch(sums, new RegExp(target));
  await Deno.writeFile(join(place, released), await standIn(expectedSettings(released, hosts)));
  await assert.rejects(
    releaseIn(folder.path, place),
    /settings of its own baked in:\npermissions\.allow_net is \["mlflow\.example:443"\]/,
  );
});

Deno.test("bundles for desktop applications pass the vendor's validator", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path, await standIns(folder.path));
  const bundles = [...Deno.readDirSync(release)].map(({ name }) => name)
    .filter((name) => name.endsWith(".mcpb")).sort();
  assert.equal(bundles.length, TARGETS.length + 1);
  for (const name of [bundles[0] ?? "", `wandflow-${version}.mcpb`]) {
    const place = join(folder.path, name.replace(".mcpb", ""));
    const unpacked = await runNpmProgram(
      "mcpb",
      ["unpack", join(release, name), place],
      folder.path,
    );
    assert.equal(unpacked.code, 0, unpacked.stdout + unpacked.stderr);
    const valid = await runNpmProgram(
      "mcpb",
      ["validate", join(place, "manifest.json")],
      folder.path,
    );
    assert.equal(valid.code, 0, valid.stdout + valid.stderr);
    const text = await Deno.readTextFile(join(place, "manifest.json"));
    const { user_config: asked } = z.looseObject({
      user_config: z.record(z.string(), z.looseObject({ sensitive: z.boolean().optional() })),
    }).parse(JSON.parse(text));
    const secrets = Object.keys(asked).filter((key) => asked[key]?.sensitive === true);
    assert.deepEqual(secrets.sort(), [
      ...["mlflow_tracking_password", "mlflow_tracking_token", "wandb_api_key"],
    ]);
  }
});

const Bom = z.looseObject({
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  metadata: z.looseObject({ component: z.looseObject({ "bom-ref": z.string() }) }),
  components: z.array(z.looseObject({
    name: z.string(),
    "bom-ref": z.string(),
    hashes: z.array(z.object({
      alg: z.literal("SHA-512"),
      content: z.string().regex(/^[0-9a-f]{128}$/),
    })).optional(),
  })),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

Deno.test("the bill of materials lists what is in the bundle, and the notices have its licences", async () => {
  await using folder = await temporaryFolder();
  const release = await releaseIn(folder.path);
  const text = await Deno.readTextFile(join(release, `wandflow-${version}.cdx.json`));
  const bom = Bom.parse(JSON.parse(text));
  const names = bom.components.map(({ name }) => name);
  for (const name of ["zod", "@modelcontextprotocol/server", "ini", "vega", "d3-array", "deno"]) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ["fast-check", "acorn", "@modelcontextprotocol/client", "weave"]) {
    assert.ok(!names.includes(name), name);
  }
  const references = [bom.metadata.component, ...bom.components].map((one) => one["bom-ref"]);
  assert.equal(new Set(references).size, references.length);
  assert.deepEqual(bom.dependencies.map(({ ref }) => ref).sort(), references.toSorted());
  for (const { dependsOn } of bom.dependencies) {
    for (const one of dependsOn) assert.ok(references.includes(one), one);
  }
  const own = bom.dependencies.find(({ ref }) => ref === references[0]);
  const reached = new Set(own?.dependsOn);
  for (const ref of reached) {
    for (const one of bom.dependencies.find((row) => row.ref === ref)?.dependsOn ?? []) {
      reached.add(one);
    }
  }
  assert.equal(reached.size, bom.components.length, "parts that nothing needs");
  const notices = await Deno.readTextFile(join(release, "THIRD_PARTY_NOTICES.txt"));
  for (const name of names.filter((one) => one !== "deno")) {
    assert.ok(notices.includes(`\n${name} `), name);
  }
});

Deno.test("server.json follows the registry's rules, which refuse invalid ones", () => {
  const bundles = [{ name: "wandflow-1.mcpb", sha256: "0".repeat(64) }];
  const detail = ServerDetail.parse(JSON.parse(buildServerJson(REPOSITORY, bundles)));
  assert.equal(detail.name, "io.github.example/wandflow");
  assert.deepEqual(detail.packages.map((one) => one.registryType), ["pypi", "npm", "mcpb"]);
  assert.equal(
    detail.packages[2]?.identifier,
    `${REPOSITORY}/releases/download/v${version}/wandflow-1.mcpb`,
  );
  const secrets = detail.packages[0]?.environmentVariables?.filter((one) => one.isSecret);
  assert.deepEqual(secrets?.map(({ name }) => name).sort(), [
    ...["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "WANDB_API_KEY"],
  ]);
  const [pypi, , bundle] = detail.packages;
  for (
    const wrong of [
      { ...detail, name: "wandflow" },
      { ...detail, description: "x".repeat(101) },
      { ...detail, packages: [{ ...pypi, version: "latest" }] },
      { ...detail, packages: [{ ...pypi, packageArguments: [{ type: "positional" }] }] },
      { ...detail, packages: [{ ...bundle, fileSha256: undefined }] },
      { ...detail, packages: [{ ...bundle, fileSha256: "A".repeat(64) }] },
      { ...detail, packages: [{ ...bundle, identifier: "https://example.com/file.zip" }] },
    ]
  ) {
    assert.equal(ServerDetail.safeParse(wrong).success, false);
  }
  assert.throws(() => buildServerJson("https://example.com", []), /github\.com\/owner\/name/);
});

Deno.test("the manifests in the repository are of this version", async () => {
  for (const [path, text] of buildManifests()) {
    assert.equal(
      await Deno.readTextFile(fileOf(path)),
      text,
      `${path} is stale: deno task package --manifests`,
    );
  }
});
