/**
 * What the reader of a local store may touch, tried from inside: the product's own launcher starts
 * the tests' worker in its place.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { ROOT } from "../support/python/layout.ts";
import { type Attempt, prepareProbe } from "./probe.ts";

const EXAMPLE = join(ROOT, "examples", "mlflow.db");

Deno.test("the reader of a local store reads its files and reaches nothing else", async () => {
  await using probe = await prepareProbe();
  await using other = startFakeMlflow();
  const folder = await Deno.makeTempDir({ prefix: "wandflow-store-" });
  try {
    const store = join(folder, "mlflow.db");
    const secret = join(folder, "secret.txt");
    const database = join(folder, "other.db");
    const artifact = join(folder, "mlruns", "1", "traces.json");
    await Deno.copyFile(EXAMPLE, store);
    await Deno.copyFile(EXAMPLE, database);
    await Deno.mkdir(join(artifact, ".."), { recursive: true });
    await Deno.writeTextFile(artifact, "{}");
    await Deno.writeTextFile(secret, "secret");
    const env = {
      MLFLOW_TRACKING_URI: `sqlite:///${store}`,
      // Hosts that the server may reach are none of the reader's business.
      WANDFLOW_ALLOW_HOSTS: new URL(other.url).host,
      HOME: folder,
    };
    const before = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    const allowed: Attempt[] = [
      { kind: "sqlite", path: store },
      { kind: "sql", path: store, sql: "SELECT count(*) FROM trace_info" },
      { kind: "read", path: artifact },
      { kind: "env", name: "HOME" },
      { kind: "environment" },
    ];
    assert.deepEqual(
      await probe.attempt(env, [], allowed, "store"),
      ["opened", "executed", "{}", "undefined", "{}"],
    );
    const refused: Attempt[] = [
      { kind: "read", path: secret },
      { kind: "read", path: join(folder, "mlruns", "..", "secret.txt") },
      { kind: "read", path: "/etc/hostname" },
      { kind: "stat", path: secret },
      { kind: "list", path: folder },
      { kind: "sqlite", path: database },
      { kind: "write", path: join(folder, "mlruns", "new") },
      { kind: "write", path: store },
      { kind: "run", path: Deno.execPath() },
      { kind: "ffi", path: "/lib/libc.so.6" },
      { kind: "hostname" },
      { kind: "fetch", url: other.url },
      { kind: "node:http", url: other.url },
      { kind: "websocket", url: other.url.replace("http:", "ws:") },
      { kind: "connect", hostname: "127.0.0.1", port: Number(new URL(other.url).port) },
      { kind: "listen", hostname: "127.0.0.1", port: 0 },
      { kind: "dns" },
      { kind: "nested" },
    ];
    const outcomes = await probe.attempt(env, [], refused, "store");
    outcomes.forEach((outcome, index) => {
      assert.match(outcome, /^NotCapable: /, `${JSON.stringify(refused[index])}: ${outcome}`);
    });
    assert.equal(outcomes.length, refused.length);
    // SQL is no way around: nothing is attached, written or loaded.
    const statements = [
      `ATTACH '${database}' AS other`,
      `VACUUM INTO '${join(folder, "copy.db")}'`,
      "UPDATE trace_info SET status = 'OK'",
      "SELECT load_extension('libc.so.6')",
    ];
    const bySql = await probe.attempt(
      env,
      [],
      statements.map((sql) => ({ kind: "sql", path: store, sql })),
      "store",
    );
    bySql.forEach((outcome, index) => {
      assert.match(outcome, /^\w*(Error|NotCapable): /, `${statements[index]}: ${outcome}`);
    });
    const names = ["net", "read", "write", "run", "ffi", "env", "sys"] as const;
    const asked = names.map((name): Attempt => ({ kind: "request", name }));
    assert.deepEqual(await probe.attempt(env, [], asked, "store"), names.map(() => "denied"));
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), before);
    assert.equal(other.seen.length, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
