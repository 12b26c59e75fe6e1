/** A file store is not read; what is said to do instead is done here, to the letter. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { run } from "../../support/python/command.ts";
import { ensureVenv } from "../../support/python/venv.ts";
import { at, listAt } from "../harness.ts";
import { callTool, localStore } from "./harness.ts";

// Late, as the catalog loads it: Deno 2.9.6 does not wait for a module that a static import has begun.
const { explainUnusableUri } = await import("../../../src/mlflow/backend.ts");

const WRITE = `
import mlflow
mlflow.set_experiment("older")
with mlflow.start_span("root") as span:
    span.set_inputs({"question": 1})
`;

Deno.test("following the advice for a file store gives a store that is read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const runs = join(folder, "my project", "mlruns");
    const venv = await ensureVenv("mlflow-newest");
    const env = { MLFLOW_DISABLE_TELEMETRY: "true" };
    const written = await run(venv.python, ["-W", "ignore", "-c", WRITE], {
      env: { ...env, MLFLOW_ALLOW_FILE_STORE: "true", MLFLOW_TRACKING_URI: `file://${runs}` },
    });
    assert.equal(written.code, 0, written.stderr);
    const advice = explainUnusableUri(`file://${runs}`);
    const [, source, target] =
      /mlflow migrate-filestore --source "([^"]+)" --target (\S+)/.exec(advice) ??
        [];
    assert.equal(source, runs);
    const path = join(folder, "my project", "mlflow.db");
    const migrate = ["migrate-filestore", "--source", runs];
    const moved = await run(venv.bin("mlflow"), [
      ...migrate,
      "--target",
      String(target).replace("mlflow.db", path),
    ], { env });
    assert.equal(moved.code, 0, moved.stderr);
    {
      // MLflow's migration leaves the store in write-ahead mode, which has an advice of its own.
      using store = localStore(path);
      const error: unknown = await store.open().experiments(1).catch((reason) => reason);
      const pragma = /"(PRAGMA journal_mode=delete)"/.exec(String(at(error, "hint")))
        ?.[1];
      using database = new DatabaseSync(path);
      database.exec(String(pragma));
    }
    using store = localStore(path, [runs]);
    const experiment = await store.open().experimentByName("older");
    const found = await callTool("search_traces", store.open(), {
      experiment_id: experiment?.id,
      extract_fields: "info.state,data.spans.*.name",
    });
    assert.deepEqual(listAt(found, "traces"), [
      { info: { state: "OK" }, data: { spans: [{ name: "root" }] } },
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
