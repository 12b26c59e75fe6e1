import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { shared } from "../../support/backend.ts";
import { manifestOf, mlflow34, mlflowNewest } from "../../support/mlflow/backends.ts";
import { pythonClient } from "../../support/mlflow/client.ts";
import { stripInvisibleDeep } from "../../../src/core/visible.ts";
import { at, listAt, toolsWith } from "../harness.ts";

/** Traces were found, and none of them has spans. */
function assertNoData(found: unknown): void {
  const traces = listAt(found, "traces");
  assert.ok(traces.length > 0);
  assert.deepEqual(traces.filter((trace) => at(trace, "data") !== undefined), []);
}

for (const backend of [mlflow34, mlflowNewest]) {
  const server = await shared(backend);
  const seeded = await manifestOf(server);
  const { agents, paging } = seeded.experiments;
  const { full, failed_recent, failed_earlier, slow, slowest } = seeded.traces;
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const python = await pythonClient(server);
  const on = (name: string, run: () => Promise<void>) =>
    Deno.test(`MLflow ${server.version}: ${name}`, run);
  const idsOf = (data: unknown) => listAt(data, "traces").map((one) => at(one, "info", "trace_id"));

  on("search_traces: finds the failed traces of the last hour", async () => {
    const data = await tools.ok("search_traces", {
      experiment_id: agents,
      filter_string: "status='ERROR' AND timestamp_ms > now() - 1h",
    });
    assert.deepEqual(idsOf(data), [failed_recent.trace_id]);
    assert.equal(data.has_more, false);
    assert.equal(data.total_matching, 1);
    assert.match(String(data.filter), /^status = 'ERROR' AND timestamp_ms > \d{13}$/);
  });

  on("search_traces: an epoch, a date and a relative time mean the same", async () => {
    const since = failed_earlier.start_ms - 60_000;
    const iso = new Date(since).toISOString();
    const [byNumber, byDate] = await Promise.all([
      tools.ok("search_traces", {
        experiment_id: agents,
        filter_string: `timestamp_ms >= ${since}`,
      }),
      tools.ok("search_traces", {
        experiment_id: agents,
        filter_string: `timestamp_ms >= '${iso}'`,
      }),
    ]);
    assert.ok(idsOf(byNumber).length > 1);
    assert.deepEqual(idsOf(byDate), idsOf(byNumber));
  });

  on("output=table has a column for each selected path, in every spelling", async () => {
    const { text } = await tools.call("get_trace", {
      trace_id: full.trace_id,
      extract_fields: "info.trace_id,data.spans[0].name,data.spans.*.attributes.mlflow.spanType",
      output: "table",
    });
    const [, , row = ""] = text.split("\n");
    const [id, name, types = ""] = row.split(/ {2,}/);
    assert.deepEqual([id, name], [full.trace_id, "answer_invoice_question"]);
    assert.match(types, /^AGENT, /);
  });

  on("search_traces: orders the slow traces by duration", async () => {
    const data = await tools.ok("search_traces", {
      experiment_id: agents,
      filter_string: "execution_time_ms > 5000",
      order_by: "execution_time_ms DESC",
    });
    assert.deepEqual(idsOf(data).slice(0, 2), [slowest.trace_id, slow.trace_id]);
    const durations = listAt(data, "traces").map((one) =>
      Number(at(one, "info", "execution_duration_ms"))
    );
    assert.deepEqual(durations.slice(0, 2), [slowest.duration_ms, slow.duration_ms]);
    assert.deepEqual(durations, durations.filter((one) => one > 5000).sort((a, b) => b - a));
  });

  on("search_traces: the same traces in the same order as MLflow's own client", async () => {
    for (
      const query of [
        { filter_string: "status = 'OK'", order_by: ["timestamp_ms ASC"] },
        { filter_string: "execution_time_ms >= 1", order_by: ["execution_time_ms DESC"] },
        { filter_string: undefined, order_by: ["timestamp_ms DESC"] },
      ]
    ) {
      const theirs = await python.call("search_traces", {
        experiment_ids: [agents],
        order_by: query.order_by,
        max_results: 100,
        ...(query.filter_string === undefined ? {} : { filter_string: query.filter_string }),
      });
      const ours = await tools.ok("search_traces", { experiment_id: agents, ...query });
      assert.ok(idsOf(ours).length > 0);
      assert.deepEqual(idsOf(ours), idsOf(theirs));
    }
  });

  on("search_traces: reads pages beyond the server's limit of 500, exactly", async () => {
    const total = seeded.paging.length;
    const all = await tools.ok("search_traces", {
      experiment_id: paging,
      max_results: 100_000,
      extract_fields: "info.trace_id",
    });
    assert.deepEqual(idsOf(all), seeded.paging);
    assert.equal(all.has_more, false);
    const some = await tools.ok("search_traces", {
      experiment_id: paging,
      max_results: 7,
      extract_fields: "info.trace_id",
    });
    assert.deepEqual(idsOf(some), seeded.paging.slice(0, 7));
    assert.equal(some.has_more, true);
    assert.equal(some.total_matching, total);
    const next = await tools.ok("search_traces", {
      experiment_id: paging,
      max_results: 5,
      page_token: some.next_page_token,
      extract_fields: "info.trace_id",
    });
    assert.deepEqual(idsOf(next), seeded.paging.slice(7, 12));
  });

  on("search_traces: a small budget keeps whole rows and a cursor to continue", async () => {
    const small = toolsWith({ MLFLOW_TRACKING_URI: server.uri, MAX_RESPONSE_TOKENS: "1500" });
    const seen: unknown[] = [];
    let token: unknown;
    for (let turn = 0; turn < 40 && seen.length < 30; turn++) {
      const data = await small.ok("search_traces", {
        experiment_id: paging,
        max_results: 30 - seen.length,
        ...(token === undefined ? {} : { page_token: token }),
      });
      assert.equal(data.returned, listAt(data, "traces").length);
      seen.push(...idsOf(data));
      token = data.next_page_token;
    }
    assert.deepEqual(seen, seeded.paging.slice(0, 30));
  });

  on("search_traces: returns spans only if a data path selects them", async () => {
    const none = await tools.ok("search_traces", { experiment_id: agents });
    assertNoData(none);
    assert.equal(idsOf(none).length, Object.keys(seeded.traces).length);
    const names = await tools.ok("search_traces", {
      experiment_id: agents,
      extract_fields: "info.trace_id,data.spans.*.name",
    });
    const mine = listAt(names, "traces").find((one) =>
      at(one, "info", "trace_id") === full.trace_id
    );
    assert.deepEqual(
      listAt(mine, "data", "spans").map((span) => at(span, "name")).sort(),
      full.spans.map((span) => span.name).sort(),
    );
    const denied = await tools.ok("search_traces", {
      experiment_id: agents,
      include_spans: false,
      extract_fields: "info.trace_id,data.spans.*.name",
    });
    assertNoData(denied);
  });

  on("search_traces: an experiment is found by name; an unknown one lists some", async () => {
    const byName = await tools.ok("search_traces", { experiment_id: "agents", max_results: 1 });
    assert.equal(byName.returned, 1);
    // Other tests add experiments: only some are listed, the nearest name always is.
    const wrongs: [string, RegExp][] = [
      ["agentz", /did you mean .*\(agents\)/],
      ["987654321", /Experiments: \d+ \(.+\), \d+ \(/],
    ];
    for (const [wrong, hint] of wrongs) {
      const failure = await tools.fails("search_traces", { experiment_id: wrong });
      assert.equal(failure.error, "not_found");
      assert.match(`${failure.message} ${failure.hint}`, hint);
    }
    const missing = await tools.fails("search_traces", {});
    assert.equal(missing.error, "invalid_arguments");
    assert.match(String(missing.hint), /Experiments: \d+ \(.+\), \d+ \(/);
  });

  on("search_traces: the configured experiment is the default", async () => {
    const byId = toolsWith({ MLFLOW_TRACKING_URI: server.uri, MLFLOW_EXPERIMENT_ID: agents });
    const byName = toolsWith({
      MLFLOW_TRACKING_URI: server.uri,
      MLFLOW_EXPERIMENT_NAME: "agents",
    });
    const [first, second] = await Promise.all([
      byId.ok("search_traces", { max_results: 3 }),
      byName.ok("search_traces", { max_results: 3 }),
    ]);
    assert.equal(first.returned, 3);
    assert.deepEqual(idsOf(second), idsOf(first));
  });

  on("search_traces: a name in MLFLOW_EXPERIMENT_ID is found, or refused as a name", async () => {
    const one = { max_results: 1, extract_fields: "info.trace_id" };
    const withId = (id: string) =>
      toolsWith({ MLFLOW_TRACKING_URI: server.uri, MLFLOW_EXPERIMENT_ID: id });
    const byId = await withId(paging).ok("search_traces", one);
    assert.deepEqual(idsOf(await withId("paging").ok("search_traces", one)), idsOf(byId));
    const failure = await withId("no such").fails("search_traces", one);
    assert.equal(failure.error, "not_found");
    assert.match(failure.message, /MLFLOW_EXPERIMENT_ID.*"no such"/);
  });

  on("search_traces: run_id finds the run's traces, alone or with its experiment", async () => {
    const alone = await tools.ok("search_traces", { run_id: seeded.runs.evaluation });
    assert.ok(idsOf(alone).length > 0);
    const both = await tools.ok("search_traces", {
      run_id: seeded.runs.evaluation,
      experiment_id: agents,
    });
    assert.deepEqual(idsOf(both), idsOf(alone));
    const elsewhere = await tools.fails("search_traces", {
      run_id: seeded.runs.evaluation,
      experiment_id: paging,
    });
    assert.match(elsewhere.message, /belongs to experiment/);
    const unknown = await tools.fails("search_traces", { run_id: "0".repeat(32) });
    assert.equal(unknown.error, "not_found");
  });

  on("search_traces: model_id finds the model's traces", async () => {
    const data = await tools.ok("search_traces", {
      experiment_id: agents,
      model_id: seeded.model_id,
    });
    assert.ok(idsOf(data).length > 0);
    const other = await tools.ok("search_traces", { experiment_id: agents, model_id: "m-none" });
    assert.deepEqual(idsOf(other), []);
  });

  on("search_traces: output=table makes the text block a table of the same data", async () => {
    const answer = await tools.call("search_traces", {
      experiment_id: agents,
      max_results: 3,
      output: "table",
      extract_fields: "info.trace_id,info.state,info.tags.mlflow.traceName",
    });
    const [table = "", below] = answer.text.split("\n\n");
    const [head, , ...rows] = table.split("\n");
    assert.equal(
      below,
      `3 of ${answer.data.total_matching} traces; page_token=${answer.data.next_page_token}`,
    );
    assert.match(String(head), /^info\.trace_id +info\.state +info\.tags\.mlflow\.traceName$/);
    assert.deepEqual(rows.map((row) => row.split(/\s+/)[0]), idsOf(answer.data));
  });

  on(
    "search_traces: output=table says what the structure says, and explains an empty result",
    async () => {
      const wrong = await tools.call("search_traces", {
        experiment_id: agents,
        max_results: 500,
        output: "table",
        extract_fields: "info.trace_id,info.stat",
        filter_string: "state = 'OK'",
      });
      assert.match(
        wrong.text,
        /\n\nstate was read as status\nNothing at info\.stat\. Nearest: info\.state/,
      );
      const none = await tools.call("search_traces", {
        experiment_id: agents,
        output: "table",
        filter_string: "name = 'no such name'",
      });
      assert.match(none.text, /^No traces\.\n\nNo trace of experiment .* matches/);
    },
  );

  on("search_traces: an empty argument counts as left out", async () => {
    const plain = await tools.ok("search_traces", { experiment_id: agents });
    const blank = { run_id: "", model_id: " ", page_token: "", order_by: "", filter_string: "" };
    const data = await tools.ok("search_traces", {
      experiment_id: agents,
      extract_fields: "",
      ...blank,
    });
    assert.deepEqual(idsOf(data), idsOf(plain));
    const listed = await tools.ok("search_traces", {
      experiment_id: agents,
      order_by: '["execution_time_ms DESC"]',
    });
    assert.equal(idsOf(listed)[0], slowest.trace_id);
  });

  on("search_traces: the last page has the total; a foreign token is refused", async () => {
    const page = { experiment_id: paging, max_results: 500, extract_fields: "info.trace_id" };
    const first = await tools.ok("search_traces", page);
    const last = await tools.ok("search_traces", {
      ...page,
      page_token: first.next_page_token,
    });
    assert.equal(last.has_more, false);
    assert.equal(last.total_matching, first.total_matching);
    const failure = await tools.fails("search_traces", {
      experiment_id: paging,
      page_token: "garbage",
    });
    assert.match(failure.message, /`page_token` is not a token/);
    assert.match(String(failure.hint), /next_page_token/);
    const several = await tools.fails("search_traces", { experiment_id: `${agents},${paging}` });
    assert.match(String(several.hint), /one experiment at a time/);
  });

  on("get_trace: a field that the trace lacks is reported, and is not an error", async () => {
    const { bare } = seeded.traces;
    const data = await tools.ok("get_trace", {
      trace_id: bare.trace_id,
      extract_fields: "info.client_request_id",
    });
    assert.deepEqual(data, {
      unmatched_fields: [{ path: "info.client_request_id", nearest: [] }],
    });
  });

  on("get_trace: every documented path gives the documented value", async () => {
    const want = async (path: string) =>
      await tools.ok("get_trace", { trace_id: full.trace_id, extract_fields: path });
    assert.deepEqual(await want("info.trace_id"), { info: { trace_id: full.trace_id } });
    assert.deepEqual(await want("info.state"), { info: { state: full.state } });
    const duration = at(await want("info.execution_duration"), "info", "execution_duration");
    assert.equal(duration, `${Number(full.duration_ms) / 1000}s`);
    for (const path of ["info.tags.mlflow.traceName", "info.tags.`mlflow.traceName`"]) {
      assert.deepEqual(await want(path), {
        info: { tags: { "mlflow.traceName": full.spans[0]?.name } },
      });
    }
    const tags = at(await want("info.tags.*"), "info", "tags");
    for (const [key, value] of Object.entries(full.tags)) assert.equal(at(tags, key), value);
    const metadata = at(await want("info.trace_metadata.*"), "info", "trace_metadata");
    for (const [key, value] of Object.entries(full.metadata)) {
      if (!/tokenUsage|sizeStats|cost/.test(key)) assert.equal(at(metadata, key), value, key);
    }
    const spans = await want("data.spans.*.attributes.mlflow.spanType");
    assert.deepEqual(
      listAt(spans, "data", "spans")
        .map((span) => at(span, "attributes", "mlflow.spanType")).sort(),
      full.spans.map((span) => span.type).sort(),
    );
    const assessments = full.assessments ?? {};
    const values = listAt(
      await want("info.assessments.*.feedback.value"),
      "info",
      "assessments",
    ).flatMap((one) => at(one, "feedback") === undefined ? [] : [at(one, "feedback", "value")]);
    const feedback = Object.values(assessments).filter((one) =>
      one.kind === "feedback" && one.error === null
    );
    assert.ok(feedback.length > 0);
    for (const one of feedback) {
      const expected = stripInvisibleDeep(structuredClone(one.value)).value;
      assert.ok(
        values.some((value) => isDeepStrictEqual(value, expected)),
        JSON.stringify(expected),
      );
    }
    const sources = listAt(
      await want("info.assessments.*.source.source_type"),
      "info",
      "assessments",
    );
    assert.equal(sources.length, Object.keys(assessments).length);
  });

  on("get_trace: spans have hex ids, decoded attributes and exact nanoseconds", async () => {
    const data = await tools.ok("get_trace", { trace_id: full.trace_id });
    const spans = listAt(data, "data", "spans");
    assert.deepEqual(
      spans.map((span) => at(span, "span_id")).sort(),
      full.spans.map((span) => span.span_id).sort(),
    );
    for (const expected of full.spans) {
      const span = spans.find((one) => at(one, "span_id") === expected.span_id);
      assert.equal(at(span, "parent_span_id"), expected.parent_id);
      assert.equal(at(span, "name"), expected.name);
      assert.match(String(at(span, "start_time_unix_nano")), /^\d{19}$/);
      assert.match(String(at(span, "start_time")), /^\d{4}-.*\.\d{9}Z$/);
    }
    assert.equal(at(data, "info", "trace_id"), full.trace_id);
  });

  on("get_trace: a path that matches nothing is reported, the others are returned", async () => {
    const data = await tools.ok("get_trace", {
      trace_id: full.trace_id,
      extract_fields: "info.trace_id,info.stat",
    });
    assert.equal(at(data, "info", "trace_id"), full.trace_id);
    assert.equal(at(data, "unmatched_fields", 0, "path"), "info.stat");
    assert.ok(listAt(data, "unmatched_fields", 0, "nearest").includes("info.state"));
    const failure = await tools.fails("get_trace", {
      trace_id: full.trace_id,
      extract_fields: "info.stat",
    });
    assert.match(String(failure.hint), /info\.state/);
  });

  on("get_trace: a trace of 10 MB is reduced while it streams", async () => {
    const data = await tools.ok("get_trace", {
      trace_id: seeded.large.trace_id,
      extract_fields: "data.spans.*.name",
    });
    const cut = at(data, "truncated", "rows", 0, "of");
    assert.equal(cut ?? listAt(data, "data", "spans").length, seeded.large.spans);
    const one = await tools.ok("get_trace", {
      trace_id: seeded.large.trace_id,
      extract_fields: "data.spans.1500.name",
    });
    assert.equal(listAt(one, "data", "spans").length, 1501);
    assert.ok(at(one, "data", "spans", 1500, "name"));
    assert.equal(at(one, "truncated"), undefined);
    const whole = await tools.ok("get_trace", { trace_id: seeded.large.trace_id });
    assert.ok(at(whole, "truncated", "hint"));
    assert.equal(at(whole, "info", "trace_id"), seeded.large.trace_id);
  });

  on("get_trace: hidden characters are removed, other scripts stay", async () => {
    for (const name of ["hidden", "foreign"] as const) {
      const trace = seeded.traces[name];
      const answer = await tools.call("get_trace", { trace_id: trace.trace_id });
      assert.doesNotMatch(answer.text, /[\u202A-\u202E\u2066-\u2069\u200B\u2060]/u);
    }
    const foreign = await tools.call("get_trace", {
      trace_id: seeded.traces.foreign.trace_id,
    });
    assert.ok(foreign.text.includes(JSON.stringify(seeded.texts.foreign).slice(1, 12)));
  });

  on("get_trace: a running trace has an info and no spans", async () => {
    const trace_id = seeded.traces.in_progress.trace_id;
    const data = await tools.ok("get_trace", { trace_id });
    assert.equal(at(data, "info", "state"), "IN_PROGRESS");
    assert.deepEqual(listAt(data, "data", "spans"), []);
  });

  on("get_trace: an unknown trace is an error", async () => {
    for (const extract_fields of ["", "info.state", "data.spans.*.name"]) {
      const failure = await tools.fails("get_trace", { trace_id: "tr-none", extract_fields });
      assert.equal(failure.error, "not_found");
    }
  });

  on("get_trace: a hostile id reaches no other route", async () => {
    for (const trace_id of ["../../experiments/get", "..", ".", "%2e%2e", "a\nb", "", "  "]) {
      const failure = await tools.fails("get_trace", { trace_id });
      assert.ok(["invalid_arguments", "not_found"].includes(failure.error), trace_id);
    }
  });

  on("get_assessment: returns what the Python client logged", async () => {
    const all = Object.entries(full.assessments ?? {});
    assert.ok(all.length > 0);
    for (const [name, logged] of all) {
      const data = await tools.ok("get_assessment", {
        trace_id: full.trace_id,
        assessment_id: logged.assessment_id,
      });
      assert.equal(at(data, "assessment", "assessment_name"), name);
      assert.equal(at(data, "assessment", "source", "source_type"), logged.source_type);
      assert.equal(at(data, "assessment", "source", "source_id"), logged.source_id);
      if (logged.error === null) {
        const expected = stripInvisibleDeep(structuredClone(logged.value)).value;
        assert.deepEqual(at(data, "assessment", logged.kind, "value") ?? null, expected, name);
      } else assert.deepEqual(at(data, "assessment", "feedback", "error"), logged.error);
      assert.equal(at(data, "assessment", "rationale") ?? null, logged.rationale);
      assert.equal(at(data, "assessment", "span_id") ?? null, logged.span_id);
    }
    const failure = await tools.fails("get_assessment", {
      trace_id: full.trace_id,
      assessment_id: "a-none",
    });
    assert.equal(failure.error, "not_found");
    assert.match(String(failure.hint), /a-[0-9a-f]{32}/);
  });

  on("filters of the documentation and of newer releases are answered or explained", async () => {
    const { environment } = full.tags;
    const tagged = Object.values(seeded.traces).filter(({ tags }) => "environment" in tags);
    const cases: [filter: string, since: string, expected: readonly { trace_id: string }[]][] = [
      [`span.name = '${full.spans[1]?.name}'`, "3.4", [full]],
      [`tags.environment = '${environment}' AND metadata.plain = 'value'`, "3.4", [full]],
      [`tags.environment = '${environment}' AND metadata.plain = 'other'`, "3.4", []],
      ["feedback.relevance = 0.85", "3.6", [full]],
      ["feedback.relevance = 0.84", "3.6", []],
      ["trace.text LIKE '%invoice say%'", "3.6", [full]],
      ["tags.environment IS NOT NULL", "3.11", tagged],
      ["feedback.relevance > 0.5", "3.15", [full]],
      ["feedback.relevance > 0.9", "3.15", []],
    ];
    for (const [filter_string, since, expected] of cases) {
      const answer = await tools.call("search_traces", { experiment_id: agents, filter_string });
      if (server.version === "3.4" && since !== "3.4") {
        assert.equal(answer.failure?.error, "unsupported", filter_string);
        assert.ok(answer.failure.message.includes(`needs MLflow ${since}`), answer.failure.message);
      } else {
        assert.equal(answer.failure, undefined, filter_string);
        const ids = expected.map(({ trace_id }) => trace_id);
        assert.deepEqual(idsOf(answer.data).sort(), ids.sort(), filter_string);
      }
    }
    const failure = await tools.fails("search_traces", {
      experiment_id: agents,
      filter_string: "statuss = 'OK'",
    });
    assert.match(failure.message, /position 0/);
    assert.match(failure.message, /status/);
  });
}
