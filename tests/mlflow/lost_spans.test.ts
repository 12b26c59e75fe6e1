/** Spans that a server has lost are told, wherever they are asked for; on real servers. */
import assert from "node:assert/strict";
import { shared } from "../support/backend.ts";
import { mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "./harness.ts";

for (const backend of [mlflow34, mlflowNewest]) {
  const server = await shared(backend);
  const python = await pythonClient(server);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });

  /** Two traces of an experiment of their own; the spans of the second are gone. */
  const loseSpans = async () => {
    const experiment_id = String(
      await python.call("create_experiment", { name: `lost ${crypto.randomUUID()}` }),
    );
    const make = async () => {
      const made = await python.call("create_trace", { experiment_id, root: { name: "root" } });
      return String(typeof made === "string" ? made : at(made, "trace_id"));
    };
    const [kept, lost] = [await make(), await make()];
    if (server.version === "3.4") {
      const folder = `${server.dir}/artifacts/${experiment_id}/traces/${lost}/artifacts`;
      await Deno.remove(`${folder}/traces.json`);
    } else {
      const command = new Deno.Command("python3", {
        args: [
          "-c",
          "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db:\n" +
          "  db.execute('DELETE FROM spans WHERE trace_id = ?', (sys.argv[2],))",
          server.dbPath,
          lost,
        ],
      });
      assert.ok((await command.output()).success);
    }
    return { experiment_id, kept, lost };
  };

  Deno.test(`MLflow ${server.version}: a search tells whose spans are lost`, async () => {
    const { experiment_id, kept, lost } = await loseSpans();
    for (const args of [{ include_spans: true }, { extract_fields: "data.spans.*.name" }]) {
      const data = await tools.ok("search_traces", { experiment_id, ...args });
      const spans = listAt(data, "traces").map((one) => listAt(one, "data", "spans").length);
      assert.deepEqual(spans.toSorted(), [0, 1]);
      const notes = listAt(data, "notes").join("\n");
      assert.match(notes, new RegExp(`1 traces could not be read \\(${lost}\\)`), notes);
      assert.ok(!notes.includes(kept));
    }
    const trace = await tools.ok("get_trace", { trace_id: lost });
    assert.match(listAt(trace, "notes").join("\n"), /No spans are stored/);
  });

  Deno.test(`MLflow ${server.version}: a span of a trace that lost them is not called missing`, async () => {
    const { lost } = await loseSpans();
    const failure = await tools.fails("log_feedback", {
      trace_id: lost,
      name: "good",
      value: true,
      span_id: "00000000000000aa",
    });
    assert.match(failure.message, /No spans of trace .* are stored: .* cannot be told/);
  });
}
