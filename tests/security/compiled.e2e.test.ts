/**
 * What `deno task compile` bakes into an executable, read from the file itself, and what it refuses.
 * The command-line program stands in for the base runtime: a file on it holds the same settings,
 * though it is not the product.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  compile,
  embed,
  executableName,
  expectedSettings,
  siteHosts,
  TARGETS,
} from "../../scripts/compile.ts";
import { compareBaked, readBaked } from "../../scripts/executable.ts";
import { fileOf } from "../../scripts/graph.ts";
import { bundledMain } from "../support/product.ts";

const TARGET = Deno.build.target;
const NAME = executableName(TARGET);

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-compiled-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sets variables of this process while something works. */
async function withEnv(env: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(env).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

Deno.test("an executable contains the declared settings and nothing of its builder's environment", () =>
  inFolder(async (folder) => {
    const main = await bundledMain();
    const file = join(folder, NAME);
    const hosts = ["mlflow.example:443"];
    const shell = { OTEL_DENO: "true", OTEL_SERVICE_NAME: "x", DENO_COMPAT: "1" };
    await withEnv(shell, () => embed(TARGET, main, file, Deno.execPath()));
    const first = await Deno.readFile(file);
    const baked = readBaked(first);
    assert.deepEqual(compareBaked(baked, expectedSettings(NAME)), []);
    assert.deepEqual(compareBaked(baked, expectedSettings(NAME, hosts)), [
      `permissions.allow_net is [] and not ${JSON.stringify(hosts)}`,
    ]);
    // A copy of the bundle at another time and place gives the same bytes.
    const copy = join(folder, "copy of the bundle");
    await copyFolder(join(main, ".."), copy);
    await Deno.remove(file);
    await embed(TARGET, join(copy, "main.js"), file, Deno.execPath());
    assert.ok(indexedDifference(first, await Deno.readFile(file)) === -1, "two builds differ");
    // One site's executable reaches its hosts alone.
    await Deno.remove(file);
    await embed(TARGET, main, file, Deno.execPath(), hosts);
    const site = readBaked(await Deno.readFile(file));
    assert.deepEqual(compareBaked(site, expectedSettings(NAME, hosts)), []);
  }));

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const [source, copy] = [join(from, name), join(to, name)];
    if (isDirectory) {
      await copyFolder(source, copy);
      continue;
    }
    await Deno.copyFile(source, copy);
    const { mtime } = await Deno.stat(source);
    if (mtime !== null) await Deno.utime(copy, mtime, mtime);
  }
}

/** Where two files differ first; -1 where they do not. */
function indexedDifference(one: Uint8Array, other: Uint8Array): number {
  return one.length === other.length
    ? one.findIndex((byte, index) => byte !== other[index])
    : Math.min(one.length, other.length);
}

Deno.test("a base that is not denort for the target makes no file, and overwrites none", () =>
  inFolder(async (folder) => {
    const main = await bundledMain();
    const before = join(folder, NAME);
    await Deno.writeTextFile(before, "the executable of last week");
    const text = join(folder, "notes.txt");
    await Deno.writeTextFile(text, "These are notes.".repeat(20));
    const others = TARGETS.filter((target) => target !== TARGET);
    const cases: readonly (readonly [string, string, RegExp])[] = [
      [TARGET, Deno.execPath(), /is the deno program, .*not denort/],
      ...others.map((target) =>
        [target, Deno.execPath(), new RegExp(`is made for ${TARGET}`)] as const
      ),
      [TARGET, text, /notes\.txt is not an executable/],
      [TARGET, join(folder, "gone"), /DENORT_BIN names .*gone, which does not exist/],
      [TARGET, folder, new RegExp(`folder without denort-${TARGET}`)],
    ];
    for (const [target, base, message] of cases) {
      await assert.rejects(compile(target, main, { folder, base }), message);
    }
    assert.equal(await Deno.readTextFile(before), "the executable of last week");
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["notes.txt", NAME].sort());
  }));

Deno.test("where the base cannot be downloaded the error names DENORT_BIN", () =>
  inFolder(async (folder) => {
    const main = await bundledMain();
    const proxy = "http://127.0.0.1:9";
    const env = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, DENO_DIR: join(folder, "cache") };
    await withEnv(env, async () => {
      const output = join(folder, "output");
      await assert.rejects(compile(TARGET, main, { folder: output, base: "" }), (error) => {
        const message = String(error);
        assert.match(message, /cannot be downloaded \(.+\)\. Name a local copy of denort /);
        assert.match(message, new RegExp(`${Deno.version.deno} for ${TARGET} in DENORT_BIN\\.$`));
        assert.equal(message.split("\n").length, 1, message);
        return true;
      });
      assert.deepEqual([...Deno.readDirSync(output)], []);
    });
  }));

Deno.test("every target is tried and reported", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", fileOf("scripts/compile.ts"), "--all"],
    env: { DENORT_BIN: Deno.execPath() },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.equal(code, 1);
  for (const target of TARGETS) {
    assert.match(said, new RegExp(`^No executable for ${target}: The base runtime `, "m"));
  }
  assert.doesNotMatch(said, /Compiled/);
});

Deno.test("a single site's hosts follow from its addresses, by the settings' own rules", () => {
  assert.deepEqual(siteHosts({}), []);
  assert.deepEqual(siteHosts({ "tracking-uri": "https://mlflow.corp.test/here" }), [
    "mlflow.corp.test:443",
  ]);
  assert.deepEqual(
    siteHosts({
      "tracking-uri": "http://10.0.0.5:5000",
      "wandb-base-url": "https://wandb.corp.test",
      "allow-hosts": "*.store.corp.test:9000",
      port: "8080",
    }).sort(),
    ["*.store.corp.test:9000", "10.0.0.5:5000", "127.0.0.1:8080", "wandb.corp.test:443"],
  );
  assert.throws(() => siteHosts({ "tracking-uri": "http://169.254.169.254" }), /never contacted/);
  assert.throws(() => siteHosts({ "wandb-base-url": "corp" }), /WANDB_BASE_URL/);
  assert.throws(() => siteHosts({ "tracking-uri": "sqlite:///x.db" }), /name no host/);
});
