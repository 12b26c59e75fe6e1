import assert from "node:assert/strict";
import { shared } from "../../support/backend.ts";
import { mlflow34, mlflowNewest } from "../../support/mlflow/backends.ts";
import { pythonClient } from "../../support/mlflow/client.ts";
import { OfficialListing } from "../../support/mlflow/official.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const DAY = 86_400_000;

for (const backend of [mlflow34, mlflowNewest]) {
  const server = await shared(backend);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  // One for all tests of the file: starting it takes seconds. It ends when its input does.
  const python = await pythonClient(server);
  const on = (name: string, run: () => Promise<void>) =>
    Deno.test(`MLflow ${server.version}: ${name}`, run);
  const experiment = async (name: string) =>
    String(await python.call("create_experiment", { name: `${name} ${crypto.randomUUID()}` }));
  const trace = async (experiment_id: string, start_ms = Date.now()) => {
    const made = await python.call("create_trace", {
      experiment_id,
      start_ms,
      root: { name: "root", type: "AGENT", children: [{ name: "child", type: "LLM" }] },
    });
    return String(typeof made === "string" ? made : at(made, "trace_id"));
  };

  on("assessments: MLflow's client reads what wandflow writes", async () => {
    const trace_id = await trace(await experiment("assess"));
    const values: unknown[] = [0.85, 1, true, false, "good", "ünïcode 漢字", [1, "a"], {
      a: { b: 1 },
    }];
    for (const [tool, kind] of [["log_feedback", "feedback"], ["log_expectation", "expectation"]]) {
      for (const [index, value] of values.entries()) {
        const data = await tools.ok(String(tool), {
          trace_id,
          name: `${kind}_${index}`,
          value,
          source_type: "HUMAN",
          source_id: "ada@example.test",
          metadata: { run: "1", number: 5 },
        });
        const stored = await python.call("get_assessment", {
          trace_id,
          assessment_id: at(data, "assessment", "assessment_id"),
        });
        const theirs = JSON.stringify(stored);
        assert.ok(theirs.includes("ada@example.test"), theirs);
        assert.deepEqual(at(data, "assessment", String(kind), "value"), value);
        assert.deepEqual(at(data, "assessment", "metadata"), { run: "1", number: "5" });
        const text = at(stored, String(kind), "serialized_value", "value");
        const read = typeof text === "string"
          ? JSON.parse(text)
          : at(stored, String(kind), "value");
        assert.deepEqual(read, value);
      }
    }
  });

  on("concurrent writes to one trace are all kept", async () => {
    const trace_id = await trace(await experiment("together"));
    const logged = await tools.ok("log_feedback", { trace_id, name: "f", value: 1 });
    const assessment_id = at(logged, "assessment", "assessment_id");
    const keys = Array.from({ length: 8 }, (_, index) => `key${index}`);
    await Promise.all(keys.flatMap((key) => [
      tools.ok("update_assessment", { trace_id, assessment_id, metadata: { [key]: key } }),
      tools.ok("set_trace_tag", { trace_id, key, value: key }),
      tools.ok("log_feedback", { trace_id, name: key, value: key }),
    ]));
    const { assessment } = await tools.ok("get_assessment", { trace_id, assessment_id });
    const all = Object.fromEntries(keys.map((key) => [key, key]));
    assert.deepEqual(at(assessment, "metadata"), all);
    const info = at(await tools.ok("get_trace", { trace_id }), "info");
    for (const key of keys) assert.equal(at(info, "tags", key), key);
    assert.equal(listAt(info, "assessments").length, 1 + keys.length);
  });

  on("log_feedback: stores the documentation's score of 0.85 with a rationale", async () => {
    const trace_id = await trace(await experiment("score"));
    const data = await tools.ok("log_feedback", {
      trace_id,
      name: "relevance",
      value: "0.85",
      rationale: "Accurate and on the point.",
    });
    assert.equal(at(data, "assessment", "feedback", "value"), 0.85);
    assert.deepEqual(at(data, "assessment", "source"), {
      source_type: "CODE",
      source_id: "default",
    });
    assert.match(String(at(data, "notes", 0)), /source_type CODE/);
    const found = await tools.ok("get_trace", {
      trace_id,
      extract_fields: "info.assessments.*.feedback.value,info.assessments.*.rationale",
    });
    assert.deepEqual(listAt(found, "info", "assessments"), [
      { feedback: { value: 0.85 }, rationale: "Accurate and on the point." },
    ]);
  });

  on("log_feedback: text is parsed as the official server parses it", async () => {
    const trace_id = await trace(await experiment("parse"));
    const cases: [string, unknown][] = [
      ["true", true],
      ["3", 3],
      ["[1, 2]", [1, 2]],
      ["yes", "yes"],
      ['"3"', "3"],
    ];
    for (const [value, expected] of cases) {
      const data = await tools.ok("log_feedback", { trace_id, name: "parsed", value });
      assert.deepEqual(at(data, "assessment", "feedback", "value"), expected);
    }
  });

  on("log_feedback: accepts newer names and span ids, refuses what cannot be stored", async () => {
    const trace_id = await trace(await experiment("spans"));
    const spans = listAt(await tools.ok("get_trace", { trace_id }), "data", "spans");
    const span_id = at(spans, 1, "span_id");
    const data = await tools.ok("log_trace_feedback", { trace_id, name: "n", value: 1, span_id });
    assert.equal(at(data, "assessment", "span_id"), span_id);
    const wrongs: [Record<string, unknown>, string, RegExp][] = [
      [{ span_id: "00000000deadbeef" }, "not_found", /has no span/],
      [{ source_type: "ROBOT" }, "invalid_arguments", /HUMAN, LLM_JUDGE, CODE/],
      [{ value: "NaN" }, "invalid_arguments", /cannot store NaN/],
      [{ value: 12345678901234567890 }, "invalid_arguments", /doubles/],
      [{ value: "1e400" }, "invalid_arguments", /as large/],
      [{ name: "  " }, "invalid_arguments", /`name` is missing/],
      [{ metadata: { a: { b: 1 } } }, "invalid_arguments", /texts only/],
      [{ nme: "x" }, "invalid_arguments", /`name`/],
      [{ trace_id: "tr-none" }, "not_found", /tr-none|no such trace/i],
    ];
    for (const [change, error, message] of wrongs) {
      const failure = await tools.fails("log_feedback", {
        trace_id,
        name: "n",
        value: 1,
        ...change,
      });
      assert.equal(failure.error, error, JSON.stringify(change));
      assert.match(failure.message, message);
    }
    const digits = "9007199254740993";
    const exact = await tools.fails("log_feedback", { trace_id, name: "n", value: digits });
    const advised = /such as (".*")\.$/.exec(String(exact.hint))?.[1] ?? "null";
    const kept = await tools.ok("log_feedback", {
      trace_id,
      name: "n",
      value: JSON.parse(advised),
    });
    assert.equal(at(kept, "assessment", "feedback", "value"), digits);
    const missing = await tools.fails("log_feedback", { trace_id, name: "n" });
    assert.match(missing.message, /`value` is missing/);
  });

  on("log_feedback: an empty argument counts as left out, and is reported", async () => {
    const trace_id = await trace(await experiment("blank"));
    const data = await tools.ok("log_feedback", {
      trace_id,
      name: "n",
      value: 1,
      source_type: "",
      source_id: " ",
      rationale: "",
      span_id: "",
    });
    assert.match(String(at(data, "notes", 0)), /source_type CODE, source_id default/);
    const assessment_id = at(data, "assessment", "assessment_id");
    await tools.ok("update_assessment", { trace_id, assessment_id, rationale: "why" });
    const emptied = await tools.ok("update_assessment", { trace_id, assessment_id, rationale: "" });
    assert.equal(at(emptied, "assessment", "rationale") ?? "", "");
    const none = await tools.fails("log_expectation", { trace_id, name: "n", value: null });
    assert.match(none.message, /cannot store null as an expectation/);
  });

  on("a name given as an assessment's id is refused with the id", async () => {
    const trace_id = await trace(await experiment("names"));
    for (let count = 0; count < 12; count++) {
      await tools.ok("log_feedback", { trace_id, name: `score ${count}`, value: count });
    }
    const failure = await tools.fails("get_assessment", { trace_id, assessment_id: "score 11" });
    assert.match(String(failure.hint), /^Its assessments: a-\w+ \(score 11\)/);
  });

  on("an unknown trace id is reported with what to do", async () => {
    const trace_id = await trace(await experiment("ids"));
    const calls: [string, Record<string, unknown>][] = [
      ["get_trace", {}],
      ["set_trace_tag", { key: "k", value: "v" }],
      ["delete_trace_tag", { key: "k" }],
      ["log_feedback", { name: "n", value: 1 }],
      ["update_assessment", { assessment_id: "a-1", value: 1 }],
    ];
    for (const [name, args] of calls) {
      // Spans carry the id of their trace in this form.
      const slip = await tools.fails(name, { trace_id: trace_id.slice(3), ...args });
      assert.equal(slip.error, "not_found", name);
      assert.equal(slip.hint, `Did you mean ${trace_id}?`, name);
      const wrong = await tools.fails(name, { trace_id: "tr-none", ...args });
      assert.match(String(wrong.hint), /search_traces/, name);
    }
  });

  on("update_assessment: changes feedback and expectations, merges metadata", async () => {
    const trace_id = await trace(await experiment("update"));
    const made = await tools.ok("log_feedback", {
      trace_id,
      name: "quality",
      value: 1,
      rationale: "first",
      metadata: { kept: "yes" },
    });
    const assessment_id = at(made, "assessment", "assessment_id");
    const data = await tools.ok("update_assessment", {
      trace_id,
      assessment_id,
      value: "0.5",
      rationale: "second",
      metadata: { added: "too" },
    });
    assert.equal(at(data, "assessment", "feedback", "value"), 0.5);
    assert.equal(at(data, "assessment", "rationale"), "second");
    assert.deepEqual(at(data, "assessment", "metadata"), { kept: "yes", added: "too" });
    assert.match(String(at(data, "notes", 0)), /kept as it was: kept/);
    const expected = await tools.ok("log_expectation", { trace_id, name: "truth", value: "a" });
    const expectation = at(expected, "assessment", "assessment_id");
    const changed = await tools.ok("update_assessment", {
      trace_id,
      assessment_id: expectation,
      value: { answer: ["b"] },
    });
    assert.deepEqual(at(changed, "assessment", "expectation", "value"), { answer: ["b"] });
    const failure = await tools.fails("update_assessment", {
      trace_id,
      assessment_id: expectation,
      rationale: "because",
    });
    assert.match(failure.message, /ignores a rationale/);
    const nothing = await tools.fails("update_assessment", { trace_id, assessment_id });
    assert.match(nothing.message, /Nothing to change/);
    const unknown = await tools.fails("update_assessment", {
      trace_id,
      assessment_id: "a-none",
      value: 1,
    });
    assert.equal(unknown.error, "not_found");
  });

  on("delete_assessment: is refused, then done once, and reports no false success", async () => {
    const trace_id = await trace(await experiment("unlog"));
    const made = await tools.ok("log_feedback", { trace_id, name: "bad", value: 0.1 });
    const assessment_id = at(made, "assessment", "assessment_id");
    const refused = await tools.fails("delete_assessment", { trace_id, assessment_id });
    assert.equal(refused.error, "confirmation_required");
    assert.match(refused.message, /"bad" = 0\.1/);
    await tools.ok("get_assessment", { trace_id, assessment_id });
    const done = await tools.ok("delete_assessment", { trace_id, assessment_id, confirm: true });
    assert.equal(done.deleted, true);
    const again = await tools.fails("delete_assessment", {
      trace_id,
      assessment_id,
      confirm: true,
    });
    assert.equal(again.error, "not_found");
  });

  on("tags are set, replaced, read by MLflow's client, deleted; lossy ones refused", async () => {
    const trace_id = await trace(await experiment("tags"));
    for (const value of ["one", "two ünï"]) {
      await tools.ok("set_trace_tag", { trace_id, key: "team.name", value });
      const info = await python.call("get_trace_info", { trace_id });
      assert.equal(at(info, "tags", "team.name"), value);
    }
    await tools.ok("delete_trace_tag", { trace_id, key: "team.name" });
    assert.equal(
      at(await python.call("get_trace_info", { trace_id }), "tags", "team.name"),
      undefined,
    );
    const gone = await tools.fails("delete_trace_tag", { trace_id, key: "mlflow.traceNam" });
    assert.equal(gone.error, "not_found");
    assert.match(String(gone.hint), /mlflow\.traceName/);
    const wrongs: [Record<string, unknown>, RegExp][] = [
      [{ key: "mlflow.artifactLocation" }, /belongs to MLflow/],
      [{ key: "k".repeat(251) }, /at most 250/],
      [{ key: " " }, /`key` is missing/],
      [{ value: "v".repeat(4097) }, /would cut it at 4096/],
      [{ trace_id: "tr-none" }, /no such trace/],
    ];
    for (const [change, message] of wrongs) {
      const failure = await tools.fails("set_trace_tag", {
        trace_id,
        key: "a",
        value: "b",
        ...change,
      });
      assert.match(failure.message, message);
    }
    const longest = "v".repeat(4096);
    await tools.ok("set_trace_tag", { trace_id, key: "k".repeat(250), value: longest });
    const info = await python.call("get_trace_info", { trace_id });
    assert.equal(at(info, "tags", "k".repeat(250)), longest);
  });

  on("delete_traces: deletes the documentation's traces older than 30 days", async () => {
    const experiment_id = await experiment("cleanup");
    const now = Date.now();
    for (const age of [40, 35, 31]) await trace(experiment_id, now - age * DAY);
    const young = await trace(experiment_id, now - 5 * DAY);
    const dry = await tools.ok("delete_traces", {
      experiment_id,
      older_than: "30d",
      dry_run: true,
    });
    assert.equal(dry.would_delete, 3);
    assert.equal(dry.traces_deleted, 0);
    assert.equal(dry.oldest, new Date(now - 40 * DAY).toISOString());
    assert.equal(dry.newest, new Date(now - 31 * DAY).toISOString());
    const bounded = await tools.ok("delete_traces", {
      experiment_id,
      older_than: "30d",
      max_traces: 2,
      dry_run: true,
    });
    assert.equal(bounded.would_delete, 2);
    assert.equal(bounded.newest, new Date(now - 35 * DAY).toISOString());
    const refused = await tools.fails("delete_traces", { experiment_id, older_than: "30d" });
    assert.equal(refused.error, "confirmation_required");
    assert.match(refused.message, /3 traces of experiment \d+ \(cleanup/);
    assert.equal(await python.call("count_traces", { experiment_id }), 4);
    const some = await tools.ok("delete_traces", {
      experiment_id,
      max_timestamp_millis: now - 30 * DAY,
      max_traces: 1,
      confirm: true,
    });
    assert.equal(some.traces_deleted, 1);
    assert.equal(await python.call("count_traces", { experiment_id }), 3);
    const rest = await tools.ok("delete_traces", {
      experiment_id,
      older_than: "30d",
      confirm: true,
    });
    assert.equal(rest.traces_deleted, 2);
    const left = await tools.ok("search_traces", { experiment_id });
    assert.deepEqual(
      listAt(left, "traces").map((one) => at(one, "info", "trace_id")),
      [young],
    );
  });

  on("delete_traces: takes ids as text or list; foreign ids are only reported", async () => {
    const experiment_id = await experiment("by id");
    const other = await trace(await experiment("other"));
    const [a, b, c] = [
      await trace(experiment_id),
      await trace(experiment_id),
      await trace(experiment_id),
    ];
    const too = await tools.fails("delete_traces", {
      experiment_id,
      trace_ids: `${a},${b}`,
      max_traces: 1,
      confirm: true,
    });
    assert.equal(too.error, "invalid_arguments");
    const first = await tools.ok("delete_traces", {
      experiment_id,
      trace_ids: `${a}, ${other},tr-none`,
      confirm: true,
    });
    assert.equal(first.traces_deleted, 1);
    assert.deepEqual(first.not_found, [other, "tr-none"]);
    const second = await tools.ok("delete_traces", {
      experiment_id,
      trace_ids: [b, c],
      confirm: true,
    });
    assert.equal(second.traces_deleted, 2);
    assert.equal(await python.call("count_traces", { experiment_id }), 0);
    await tools.ok("get_trace", { trace_id: other });
    const both = await tools.fails("delete_traces", {
      experiment_id,
      trace_ids: other,
      older_than: "30d",
    });
    assert.match(both.message, /not both/);
    const neither = await tools.fails("delete_traces", { experiment_id });
    assert.match(neither.message, /Which traces/);
    const nowhere = await tools.fails("delete_traces", {
      experiment_id: "987654321",
      trace_ids: other,
      confirm: true,
    });
    assert.equal(nowhere.error, "not_found");
  });

  on("a deletion asks a client that can ask its user, and obeys the answer", async () => {
    const experiment_id = await experiment("consent");
    const trace_ids = await trace(experiment_id);
    const args = { experiment_id, trace_ids, confirm: true };
    const consent = { canAsk: true, answer: undefined, trustConfirm: false };
    const asked = await tools.call("delete_traces", args, { consent });
    assert.match(String(asked.question), /1 trace of experiment/);
    const no = await tools.call("delete_traces", args, { consent: { ...consent, answer: "no" } });
    assert.equal(no.failure?.error, "declined");
    assert.equal(await python.call("count_traces", { experiment_id }), 1);
    const yes = await tools.call("delete_traces", args, { consent: { ...consent, answer: "yes" } });
    assert.equal(yes.data.traces_deleted, 1);
  });
}

Deno.test("the tools have every argument of the official server's", async () => {
  const folder = new URL("../../golden/official/", import.meta.url);
  const newer: Record<string, string> = {
    log_trace_feedback: "log_feedback",
    log_trace_expectation: "log_expectation",
    get_trace_assessment: "get_assessment",
    update_trace_assessment: "update_assessment",
    delete_trace_assessment: "delete_assessment",
  };
  const ours = toolsWith({ MLFLOW_TRACKING_URI: "http://127.0.0.1:1" });
  let compared = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    const official = OfficialListing.parse(JSON.parse(text));
    for (const [tool, args] of Object.entries(official.tools)) {
      const own = ours.list.find((one) => one.name === tool || one.aliases.includes(tool));
      if (own === undefined) continue;
      compared++;
      assert.equal(own.name, newer[tool] ?? tool);
      for (const argument of Object.keys(args)) {
        const failure = await ours.call(tool, { [argument]: "x" });
        assert.doesNotMatch(
          failure.failure?.message ?? "",
          /There is no argument/,
          `${tool}.${argument}`,
        );
      }
    }
  }
  assert.ok(compared >= 10, `${compared} tools compared`);
});
