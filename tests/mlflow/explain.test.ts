/** Empty and incomplete results say why, on a real server. */
import assert from "node:assert/strict";
import { shared } from "../support/backend.ts";
import { mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "./harness.ts";

const server = await shared(mlflowNewest);
const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
const python = await pythonClient(server);

const experiment_id = String(
  await python.call("create_experiment", { name: `explain ${crypto.randomUUID()}` }),
);
const made = await python.call("create_trace", {
  experiment_id,
  start_ms: Date.now(),
  root: {
    name: "root",
    type: "LLM",
    inputs: { said: 'he said "stop"\nin C:\\neu\tüber' },
    outputs: { finish_reason: "stop" },
    attributes: { "http.status_code": 200, version: "1.10", note: '{"city": "M\\u00fcnchen"}' },
  },
});
const trace_id = typeof made === "string" ? made : String(at(made, "trace_id"));
const search = (filter_string: string) =>
  tools.ok("search_traces", { experiment_id, filter_string, extract_fields: "info.trace_id" });
const notes = (data: unknown) => listAt(data, "notes").join("\n");

Deno.test("full text with quotes, line breaks, tabs and backslashes is found, and told", async () => {
  for (const text of ['"stop"', '"finish_reason": "stop"', "\\neu", "stop%\nin", "neu\tüber"]) {
    const data = await search(`trace.text LIKE '%${text}%'`);
    assert.deepEqual(at(data, "traces", 0, "info", "trace_id"), trace_id, JSON.stringify(text));
    assert.match(notes(data), /JSON within JSON/);
    // The filter that was sent means the same when it is given back.
    assert.equal((await search(String(data.filter))).filter, data.filter);
  }
  assert.deepEqual((await search(`trace.text LIKE '%"top"%'`)).traces, []);
});

Deno.test("an empty result names the comparison that matches instead", async () => {
  const cases: [string, RegExp][] = [
    ["span.attributes.`http.status_code` = '200'", /1 match: .* without quotes/],
    ["span.attributes.version = 1.10", /1 match: .* in quotes/],
    ["trace.text LIKE '%München%'", /1 match: .* escapes/],
  ];
  for (const [filter, reason] of cases) {
    const data = await search(filter);
    assert.deepEqual(data.traces, [], filter);
    assert.match(notes(data), reason);
    const [, instead = ""] = /With (.*) in place of/.exec(notes(data)) ?? [];
    assert.equal((await search(instead)).returned, 1, instead);
  }
  const none = notes(await search("span.attributes.`http.status_code` = '404'"));
  assert.match(none, /without the filter there are 1\. Leave out one/);
});
