/** Traces that MLflow's archiver moved are read as before, from the file that it wrote. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/python/command.ts";
import { ensureVenv } from "../../support/python/venv.ts";
import { listAt } from "../harness.ts";
import { callTool, localStore } from "./harness.ts";

const WRITE = `
import os, sys, mlflow
os.chdir(os.path.dirname(sys.argv[1]))
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1])
mlflow.set_experiment("archived")
with mlflow.start_span("root", span_type="AGENT") as span:
    span.set_inputs({"question": 'héllo "x"', "list": [1, 2.5, None, True], "big": 2**60})
    with mlflow.start_span("child", span_type="LLM") as child:
        child.set_attribute("temperature", 0.5)
        child.set_attribute("max_tokens", -7)
        try:
            with mlflow.start_span("bad"):
                raise ValueError("no")
        except ValueError:
            pass
mlflow.flush_trace_async_logging()
`;

const ARCHIVE = `
import sys, mlflow
from mlflow.tracking._tracking_service.utils import _get_store
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1])
experiment = mlflow.set_experiment("archived")
client = mlflow.MlflowClient()
client.set_experiment_tag(experiment.experiment_id, "mlflow.trace.archiveNow", "{}")
moved = _get_store().archive_traces(
    resolved_trace_archival_location="file://" + sys.argv[2], broader_retention="1d"
)
assert moved == 1, moved
`;

Deno.test("an archived trace is read as before, and explained where its file is missing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "mlflow.db");
    const archive = join(folder, "the archive");
    const { python } = await ensureVenv("mlflow-newest");
    const execute = async (script: string) => {
      const { code, stderr } = await run(python, ["-W", "ignore", "-c", script, path, archive], {
        env: { MLFLOW_DISABLE_TELEMETRY: "true" },
      });
      assert.equal(code, 0, stderr);
    };
    await execute(WRITE);
    using store = localStore(path, [archive]);
    const search = async () =>
      listAt(
        await callTool("search_traces", store.open(), {
          experiment_id: "archived",
          include_spans: true,
          extract_fields: "data.spans.*",
        }),
        "traces",
      );
    const before = await search();
    assert.equal(JSON.stringify(before).includes("1152921504606846976"), true);
    await execute(ARCHIVE);
    assert.deepEqual(await search(), before);
    using elsewhere = localStore(path, []);
    const answer = await callTool("search_traces", elsewhere.open(), {
      experiment_id: "archived",
      extract_fields: "info.state,data.spans.*.name",
    });
    assert.deepEqual(listAt(answer, "traces"), [
      { info: { state: "OK" }, data: { spans: [] } },
    ]);
    assert.match(String(listAt(answer, "notes")[0]), /kept in traces\.pb below file:.*the archive/);
    const [file] = await Array.fromAsync(findFiles(archive));
    await Deno.truncate(String(file), 100);
    const damaged = await callTool("search_traces", store.open(), {
      experiment_id: "archived",
      extract_fields: "data.spans.*.name",
    });
    assert.match(String(listAt(damaged, "notes")[0]), /traces\.pb, is damaged: .*cut short/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function* findFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* findFiles(join(folder, name));
    else yield join(folder, name);
  }
}
