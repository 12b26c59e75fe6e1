/** Empty and incomplete results say why, on a real server. */
import assert from "node:assert/strict";
import { shared } from "../support/backend.ts";
import { mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "./harness.ts";
import { sendAsFile, sendOtlp } from "./otlp.ts";

const server = await shared(mlflowNewest);
const STORES = [
  ["HTTP", toolsWith({ MLFLOW_TRACKING_URI: server.uri })],
  ["a local store", toolsWith({ MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}` })],
] as const;
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
const notes = (data: unknown) => listAt(data, "notes").join("\n");
const newExperiment = async () =>
  String(await python.call("create_experiment", { name: `explain ${crypto.randomUUID()}` }));

const named = await newExperiment();
const about = await python.call("create_trace", {
  experiment_id: named,
  start_ms: Date.now(),
  root: { name: "root", type: "LLM", inputs: {}, outputs: {} },
});
const [[, writer]] = STORES;
const aboutId = typeof about === "string" ? about : String(at(about, "trace_id"));
await writer.ok("set_trace_tag", { trace_id: aboutId, key: "team", value: "a" });
await writer.ok("log_feedback", { trace_id: aboutId, name: "helpful", value: "yes" });

for (const [store, tools] of STORES) {
  const search = (filter_string: string, experiment = experiment_id) =>
    tools.ok("search_traces", {
      experiment_id: experiment,
      filter_string,
      extract_fields: "info.trace_id",
    });
  /** The note's own comparison finds what the written one does not. */
  const checkAlternative = async (filter: string, reason: RegExp, experiment?: string) => {
    const data = await search(filter, experiment);
    assert.deepEqual(data.traces, [], filter);
    assert.match(notes(data), reason);
    const [, instead = ""] = /With (.*) in place of/.exec(notes(data)) ?? [];
    assert.equal((await search(instead, experiment)).returned, 1, instead);
  };

  Deno.test(`${store}: a name that no trace has is reported with the names there are`, async () => {
    for (
      const [filter, said] of [
        ["feedback.helpfull = 'true'", "feedback.helpfull; they have feedback.helpful."],
        ["feedback.zzz = 'true'", "feedback.zzz; they have feedback.helpful."],
        ["expectation.helpful = 'true'", "expectation.helpful."],
        ["tag.temm = 'x'", "tag.temm; they have tag.team."],
        ["metadata.`mlflow.usr` = 'x'", "metadata.`mlflow.usr`; they have metadata.`mlflow.user`."],
      ] as const
    ) {
      const data = await search(filter, named);
      assert.deepEqual(data.traces, [], filter);
      assert.ok(notes(data).includes(`No trace among the newest 1 has ${said}`), notes(data));
    }
    for (const filter of ["feedback.helpful = 'maybe'", "tag.team = 'x'"]) {
      assert.doesNotMatch(notes(await search(filter, named)), /No trace among/);
    }
  });

  Deno.test(`${store}: full text with quotes, line breaks, tabs and backslashes is found, and reported`, async () => {
    for (const text of ['"stop"', '"finish_reason": "stop"', "\\neu", "stop%\nin", "neu\tüber"]) {
      const data = await search(`trace.text LIKE '%${text}%'`);
      assert.deepEqual(at(data, "traces", 0, "info", "trace_id"), trace_id, JSON.stringify(text));
      assert.match(notes(data), /JSON within JSON/);
      // The filter that was sent means the same when it is given back.
      assert.equal((await search(String(data.filter))).filter, data.filter);
    }
    assert.deepEqual((await search(`trace.text LIKE '%"top"%'`)).traces, []);
  });

  Deno.test(`${store}: an empty result names the comparison that matches instead`, async () => {
    await checkAlternative(
      "span.attributes.`http.status_code` = '200'",
      /1 match: .* without quotes/,
    );
    await checkAlternative("span.attributes.version = 1.10", /1 match: .* in quotes/);
    await checkAlternative("trace.text LIKE '%München%'", /1 match: .* escaped/);
    const none = notes(await search("span.attributes.`http.status_code` = '404'"));
    assert.match(none, /without the filter there are 1\. Leave out one/);
  });

  Deno.test(`${store}: an empty result says where the type of an OpenTelemetry span is`, async () => {
    const experiment = await newExperiment();
    await sendOtlp(server.uri, experiment, {
      name: "root",
      children: [{ name: "ask", attributes: { "openinference.span.kind": "LLM" } }],
    });
    await checkAlternative("span.type = 'LLM'", /1 match: .* through OpenTelemetry/, experiment);
  });

  Deno.test(`${store}: an empty result says that the session is a nested span's`, async () => {
    const experiment = await newExperiment();
    await sendOtlp(server.uri, experiment, {
      name: "root",
      attributes: { "session.id": "outer" },
      children: [{ name: "ask", attributes: { "session.id": "inner" } }],
    });
    assert.equal((await search("session_id = 'outer'", experiment)).returned, 1);
    await checkAlternative("session_id = 'inner'", /1 match: .* is a nested span's/, experiment);
  });

  Deno.test(`${store}: spans kept as files are reported, and no total is given`, async () => {
    const experiment = await newExperiment();
    const root = {
      name: "answer",
      type: "AGENT",
      inputs: { question: "why" },
      attributes: { model: "m-1" },
    };
    await python.call("create_trace", { experiment_id: experiment, root });
    const inFile = await sendAsFile(server.uri, experiment, "answer");
    for (
      const filter of [
        "span.name = 'answer'",
        "span.type = 'AGENT'",
        "span.attributes.model = 'm-1'",
        "trace.text LIKE '%why%'",
      ]
    ) {
      const data = await search(filter, experiment);
      assert.equal(data.returned, 1, filter);
      assert.equal(data.total_matching, undefined, filter);
      assert.match(notes(data), /1 traces of this range were not looked at/, filter);
    }
    const all = await search("status = 'OK'", experiment);
    assert.equal(all.total_matching, 2);
    assert.equal(all.notes, undefined);
    // Not lost: without comparisons of spans it is found, and its spans are read.
    const args = { trace_id: inFile, extract_fields: "data.spans.*.name" };
    if (store === "HTTP") {
      assert.deepEqual(await tools.ok("get_trace", args), {
        data: { spans: [{ name: "answer" }] },
      });
    }
  });
}

Deno.test("an old release's local store: spans without a noted location are not reported as unseen", async () => {
  const old = await shared(mlflow34);
  const client = await pythonClient(old);
  const name = `explain ${crypto.randomUUID()}`;
  const experiment = String(await client.call("create_experiment", { name }));
  await client.call("create_trace", { experiment_id: experiment, root: { name: "answer" } });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `sqlite:///${old.dbPath}` });
  const search = () =>
    tools.ok("search_traces", {
      experiment_id: experiment,
      filter_string: "span.name = 'answer'",
      extract_fields: "info.trace_id",
    });
  const whole = await search();
  assert.equal(whole.returned, 1);
  assert.equal(notes(whole), "");
  await sendAsFile(old.uri, experiment, "answer");
  const part = await search();
  assert.equal(part.returned, 1);
  assert.match(notes(part), /1 traces of this range were not looked at/);
});
