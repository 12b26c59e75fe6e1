/** The product as users have it, on a local store: what is listed, answered and permitted. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";
import { productProgram, run } from "../support/product.ts";
import { Running } from "../support/running.ts";

const EXAMPLE = join(ROOT, "examples", "mlflow.db");

/** Runs a command in a folder. */
async function runIn(folder: string, args: readonly string[]): Promise<{
  code: number;
  stdout: string;
  stderr: string;
}> {
  const { program, args: first, env } = await productProgram();
  await using process = new Running(
    new Deno.Command(program, {
      args: [...first, ...args],
      cwd: folder,
      env: { ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  await process.end();
  const { code } = await process.status();
  return { code, stdout: process.stdout.text, stderr: process.stderr.text };
}

async function inFolder(make: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await make(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("only the reading tools are listed, with the reason", async () => {
  const env = { MLFLOW_TRACKING_URI: `sqlite:///${EXAMPLE}` };
  const { code, stdout } = await run(["tools", "--json"], env);
  assert.equal(code, 0);
  const listed: unknown = JSON.parse(stdout);
  const text = JSON.stringify(listed);
  assert.deepEqual(
    [...text.matchAll(/"name":"([^"]+)"/g)].map((match) => match[1]),
    ["search_traces", "get_trace", "get_assessment", "plot_traces"],
  );
  assert.ok(text.includes(`mlflow server --backend-store-uri sqlite:///${EXAMPLE}`), text);
});

Deno.test("the store in the working folder answers without any setting", () =>
  inFolder(async (folder) => {
    await Deno.copyFile(EXAMPLE, join(folder, "mlflow.db"));
    const question = [
      "call",
      "search_traces",
      "experiment_id=support-agent",
      "filter_string=status = 'ERROR'",
      "extract_fields=info.request_preview",
    ];
    const { code, stdout, stderr } = await runIn(folder, question);
    assert.equal(code, 0, stdout + stderr);
    assert.equal([...stdout.matchAll(/request_preview/g)].length, 4);
    assert.match(stderr, /MLFLOW_TRACKING_URI is not set: .*mlflow\.db is read/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["mlflow.db"]);
  }));

Deno.test("a regular expression is answered, with its engine loaded on demand", () =>
  inFolder(async (folder) => {
    await Deno.copyFile(EXAMPLE, join(folder, "mlflow.db"));
    const search = (filter: string) =>
      runIn(folder, [
        ...["call", "search_traces", "experiment_id=1", `filter_string=${filter}`],
        "extract_fields=info.trace_id",
      ]);
    const found = await search("status RLIKE '^(O|OK+)+$' AND name RLIKE '(?i)\\bSUPPORT'");
    assert.equal(found.code, 0, found.stdout + found.stderr);
    assert.match(found.stdout, /"trace_id":"tr-/);
    const refused = await search("name RLIKE '(?<=a)b'");
    assert.match(refused.stdout + refused.stderr, /cannot be used: \(\?<= is not supported/);
  }));

Deno.test("a file store in the working folder is explained", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "mlruns", "0"), { recursive: true });
    await Deno.writeTextFile(join(folder, "mlruns", "0", "meta.yaml"), "name: Default\n");
    const { stderr } = await runIn(folder, ["tools"]);
    assert.match(stderr, /mlruns is a folder of MLflow's file store.*mlflow migrate-filestore/s);
  }));

Deno.test("a failure says what to do", async () => {
  const env = { MLFLOW_TRACKING_URI: `sqlite:///${join(ROOT, "README.md")}` };
  const { code, stdout } = await run(["call", "search_traces", "experiment_id=1"], env);
  assert.equal(code, 1);
  assert.match(stdout, /is not an SQLite database/);
});
