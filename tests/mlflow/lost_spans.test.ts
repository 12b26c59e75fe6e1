/** Spans that a server has lost are reported, wherever they are requested; on real servers. */
import assert from "node:assert/strict";
import { shared } from "../support/backend.ts";
import { mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "./harness.ts";

for (const backend of [mlflow34, mlflowNewest]) {
  const server = await shared(backend);
  const python = await pythonClient(server);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });

  /** Two traces of an experiment of their own; the spans of the second are gone, or this text. */
  const loseSpans = async (text?: string) => {
    const experiment_id = String(
      await python.call("create_experiment", { name: `lost ${crypto.randomUUID()}` }),
    );
    const make = async () => {
      const made = await python.call("create_trace", { experiment_id, root: { name: "root" } });
      return String(typeof made === "string" ? made : at(made, "trace_id"));
    };
    const [kept, lost] = [await make(), await make()];
    const file = `${server.dir}/artifacts/${experiment_id}/traces/${lost}/artifacts/traces.json`;
    if (server.version !== "3.4") {
      const what = text === undefined ? "DELETE FROM spans" : "UPDATE spans SET content = ?";
      await change(`${what} WHERE trace_id = ?`, [...text === undefined ? [] : [text], lost]);
    } else if (text === undefined) await Deno.remove(file);
    else await Deno.writeTextFile(file, text);
    return { experiment_id, kept, lost };
  };

  const change = async (sql: string, values: readonly string[]) => {
    const command = new Deno.Command("python3", {
      args: [
        "-c",
        "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db:\n" +
        "  db.execute(sys.argv[2], sys.argv[3:])",
        server.dbPath,
        sql,
        ...values,
      ],
    });
    assert.ok((await command.output()).success);
  };

  Deno.test(`MLflow ${server.version}: a search names the traces whose spans are lost`, async () => {
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

  Deno.test(`MLflow ${server.version}: a span of a trace with lost spans is not called missing`, async () => {
    const { lost } = await loseSpans();
    const failure = await tools.fails("log_feedback", {
      trace_id: lost,
      name: "good",
      value: true,
      span_id: "00000000000000aa",
    });
    assert.match(failure.message, /No spans of trace .* are stored: .* is unknown/);
  });

  for (const text of ['{"spans": [{"name": "ro', "<!doctype html><h1>Log in</h1>"]) {
    const what = JSON.stringify(text);
    Deno.test(`MLflow ${server.version}: the info of a trace whose spans are ${what} is returned`, async () => {
      const { lost } = await loseSpans(text);
      for (const args of [{}, { extract_fields: "info.state,data.spans.*.name" }]) {
        const data = await tools.ok("get_trace", { trace_id: lost, ...args });
        assert.equal(at(data, "info", "state"), "OK");
        assert.match(listAt(data, "notes").join("\n"), /^The spans could not be read: ./);
      }
      // Nothing that was asked for could be read.
      await tools.fails("get_trace", { trace_id: lost, extract_fields: "data.spans.*.name" });
    });

    Deno.test(`MLflow ${server.version}: a span among spans that are ${what} is assessed, with a note on the doubt`, async () => {
      const { lost } = await loseSpans(text);
      const args = { trace_id: lost, name: "good", value: true };
      const data = await tools.ok("log_feedback", { ...args, span_id: "00000000000000aa" });
      assert.equal(at(data, "assessment", "span_id"), "00000000000000aa");
      const notes = listAt(data, "notes").join("\n");
      assert.match(notes, /Whether the trace has span 00000000000000aa could not be checked: ./);
      await tools.fails("log_feedback", { ...args, span_id: "no id" });
    });
  }
}
