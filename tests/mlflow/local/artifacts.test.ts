import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { findArtifact } from "../../../src/mlflow/local/spans.ts";
import { readLocalStore } from "../../../src/config/local_store.ts";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { callTool, EXAMPLE_STORE, localStore } from "./harness.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function put(file: string, text = "{}"): Promise<void> {
  await Deno.mkdir(join(file, ".."), { recursive: true });
  await Deno.writeTextFile(file, text);
}

Deno.test("a trace's file is found only in the permitted folders", () =>
  inFolder(async (folder) => {
    const runs = join(folder, "mlruns");
    const file = join(runs, "1", "traces", "tr-1", "artifacts", "traces.json");
    await put(file);
    await put(join(folder, "secret", "traces.json"));
    const found = (location: string) => findArtifact(location, "traces.json", [runs]);
    const own = join(runs, "1", "traces", "tr-1", "artifacts");
    assert.equal(found(own), file);
    assert.equal(found(`file://${own}`), file);
    assert.equal(found("mlflow-artifacts:/1/traces/tr-1/artifacts"), file);
    assert.equal(found("mlflow-artifacts://host:5000/1/traces/tr-1/artifacts"), file);
    // The store was moved: the old path ends in the same folder's name.
    assert.equal(found("/old/home/mlruns/1/traces/tr-1/artifacts"), file);
    for (
      const location of [
        join(folder, "secret"),
        `${runs}/../secret`,
        "mlflow-artifacts:/../secret",
        `file://${runs}/%2e%2e/secret`,
        "s3://bucket/1/traces/tr-1/artifacts",
        "dbfs:/mlruns/1/traces/tr-1/artifacts",
        "",
      ]
    ) assert.equal(found(location), undefined, location);
  }));

Deno.test("a symbolic link to a file outside the folder is refused; the folder itself may be one", () =>
  inFolder(async (folder) => {
    const runs = join(folder, "mlruns");
    await put(join(folder, "disk", "1", "artifacts", "traces.json"));
    await put(join(folder, "secret", "traces.json"));
    await Deno.symlink(join(folder, "disk"), runs);
    await Deno.symlink(join(folder, "secret"), join(runs, "out"));
    await Deno.mkdir(join(runs, "2"));
    await Deno.symlink(join(folder, "secret", "traces.json"), join(runs, "2", "traces.json"));
    await Deno.symlink(join(folder, "disk", "1"), join(runs, "in"));
    const found = (location: string) =>
      findArtifact(`mlflow-artifacts:/${location}`, "traces.json", [runs]);
    assert.equal(found("1/artifacts"), join(runs, "1", "artifacts", "traces.json"));
    assert.equal(found("in/artifacts"), join(runs, "in", "artifacts", "traces.json"));
    for (const location of ["out", "2"]) assert.equal(found(location), undefined, location);
  }));

Deno.test("spans are read from a file, and their absence is explained", () =>
  inFolder(async (folder) => {
    const path = join(folder, "mlflow.db");
    await Deno.copyFile(EXAMPLE_STORE, path);
    const { id, location } = moveSpansOut(path);
    const { settings } = resolveSettings(
      new Map(),
      (name) => name === "MLFLOW_TRACKING_URI" ? `sqlite:///${path}` : undefined,
    );
    const files = readLocalStore(settings);
    assert.ok(files !== undefined);
    using store = localStore(files.path, files.artifacts);
    const args = { trace_id: id, extract_fields: "data.spans.*.name" };
    await assert.rejects(callTool("get_trace", store.open(), args), {
      message:
        /kept in traces\.json below mlflow-artifacts:.*which does not exist or may not be read/,
    });
    const search = await callTool("search_traces", store.open(), {
      experiment_id: "1",
      filter_string: "span.name LIKE '%'",
      extract_fields: "info.trace_id",
    });
    assert.equal(search["returned"], 35);
    assert.equal(search["total_matching"], undefined);
    assert.match(JSON.stringify(search["notes"]), /races of this range .*were not looked at/);
    const info = await callTool("get_trace", store.open(), {
      ...args,
      extract_fields: "info.state",
    });
    assert.deepEqual(info, { info: { state: "OK" } });
    const spans = Array.from({ length: 3_000 }, (_, index) => ({
      name: `span ${index}`,
      context: { trace_id: "0x1", span_id: `0x${(index + 1).toString(16)}` },
      attributes: { filler: '"x"'.repeat(30) },
    }));
    await put(
      join(folder, "mlartifacts", location.replace("mlflow-artifacts:/", ""), "traces.json"),
      JSON.stringify({ spans }),
    );
    const read = await callTool("get_trace", store.open(), args);
    assert.deepEqual(read, { data: { spans: spans.map(({ name }) => ({ name })) } });
  }));

/** Makes one trace look as MLflow 3.4 writes it. */
function moveSpansOut(path: string): { id: string; location: string } {
  using database = new DatabaseSync(path);
  const row = database.prepare(
    "SELECT request_id, value FROM trace_tags JOIN trace_info USING (request_id) " +
      "WHERE key = 'mlflow.artifactLocation' AND status = 'OK' LIMIT 1",
  ).get();
  const id = String(row?.["request_id"]);
  database.prepare("DELETE FROM spans WHERE trace_id = ?").run(id);
  database.prepare(
    "DELETE FROM trace_tags WHERE request_id = ? AND key = 'mlflow.trace.spansLocation'",
  ).run(id);
  return { id, location: String(row?.["value"]) };
}
