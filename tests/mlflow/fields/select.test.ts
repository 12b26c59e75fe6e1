import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json } from "../../../src/core/json.ts";
import { jsonValue, pathText, select, selectMany, selectWithin, trace } from "./arbitrary.ts";

/** Without a report of paths that matched nothing. */
function pickedWithin(path: string, from: Json): Json | undefined {
  const { value, unmatched } = selectWithin(from, [path]);
  assert.deepEqual(unmatched, [], path);
  return value;
}

function picked(paths: string, from: Json = trace): Json {
  const { value, unmatched } = select(from, paths);
  assert.deepEqual(unmatched, [], paths);
  return value;
}

Deno.test("the documentation's examples give the documented results", () => {
  assert.deepEqual(picked("info.trace_id,info.state,info.execution_duration"), {
    info: { trace_id: "tr-1", state: "OK", execution_duration: "1.016s" },
  });
  assert.deepEqual(picked("info.trace_id,info.state,data.spans.*.name"), {
    info: { trace_id: "tr-1", state: "OK" },
    data: { spans: [{ name: "root" }, { name: "llm" }, { name: "tool" }] },
  });
  assert.deepEqual(picked("info.request_preview,info.response_preview"), {
    info: { request_preview: "hi", response_preview: "bye" },
  });
  assert.deepEqual(picked("info.assessments.*"), { info: { assessments: trace.info.assessments } });
  assert.deepEqual(picked("info.assessments.*.feedback.value"), {
    info: { assessments: [{ feedback: { value: 0.85 } }] },
  });
  assert.deepEqual(picked("info.assessments.*.source.source_type"), {
    info: {
      assessments: [{ source: { source_type: "HUMAN" } }, { source: { source_type: "CODE" } }],
    },
  });
  assert.deepEqual(picked("data.spans.*"), { data: { spans: trace.data.spans } });
});

Deno.test("all tags and all metadata are selected, also those with dots", () => {
  assert.deepEqual(picked("info.tags.*"), { info: { tags: trace.info.tags } });
  assert.deepEqual(picked("info.trace_metadata.*"), {
    info: { trace_metadata: trace.info.trace_metadata },
  });
});

Deno.test("keys with dots need no backticks", () => {
  const name = { info: { tags: { "mlflow.traceName": "agent" } } };
  assert.deepEqual(picked("info.tags.mlflow.traceName"), name);
  assert.deepEqual(picked("info.tags.`mlflow.traceName`"), name);
  const types = { data: { spans: ["AGENT", "LLM"].map(typed) } };
  assert.deepEqual(picked("data.spans.*.attributes.mlflow.spanType"), types);
  assert.deepEqual(picked("data.spans.*.attributes.`mlflow.spanType`"), types);
  assert.deepEqual(picked("info.trace_metadata.mlflow.trace.session"), {
    info: { trace_metadata: { "mlflow.trace.session": "s" } },
  });
  assert.deepEqual(picked("info.trace_metadata.mlflow.trace.tokenUsage.total_tokens"), {
    info: { trace_metadata: { "mlflow.trace.tokenUsage": { total_tokens: 3 } } },
  });
});

function typed(type: string): Json {
  return { attributes: { "mlflow.spanType": type } };
}

Deno.test("the longest key that lets the path match is taken", () => {
  const value = { "a.b": "text", a: { b: { c: 1 }, "b.c": 2 } };
  assert.deepEqual(pickedWithin("a.b.c", value), { a: { "b.c": 2 } });
  assert.deepEqual(pickedWithin("a.`b`.c", value), { a: { b: { c: 1 } } });
  assert.deepEqual(pickedWithin("a.b", value), { "a.b": "text" });
});

Deno.test("a prefix and a star select all dotted keys with that prefix", () => {
  const value = { "m.x": 1, "m.y.z": 2, "mx": 3 };
  assert.deepEqual(pickedWithin("m.*", value), { "m.x": 1, "m.y.z": 2 });
});

Deno.test("a field's other names give its value under the requested name", () => {
  assert.deepEqual(
    picked("data.spans.*.parent_id,data.spans.*.status_code,data.spans.*.start_time"),
    {
      data: {
        spans: [
          { parent_id: null, status_code: "STATUS_CODE_OK", start_time: "t0" },
          { parent_id: "1", status_code: "STATUS_CODE_ERROR" },
          { parent_id: "2" },
        ],
      },
    },
  );
  assert.deepEqual(picked("info.status,info.session_id,info.trace_name,info.latency_ms"), {
    info: { status: "OK", session_id: "s", trace_name: "agent", latency_ms: 1016 },
  });
  assert.deepEqual(picked("info.assessments.*.value"), {
    info: { assessments: [{ value: 0.85 }, { value: ["a"] }] },
  });
  assert.deepEqual(picked("info.metadata.mlflow.trace.session"), {
    info: { metadata: { "mlflow.trace.session": "s" } },
  });
});

Deno.test("a real field wins over another field's other name", () => {
  assert.deepEqual(
    picked("info.name", { info: { name: "real", tags: { "mlflow.traceName": "x" } } }),
    {
      info: { name: "real" },
    },
  );
});

Deno.test("nulls are kept", () => {
  assert.deepEqual(picked("data.spans.0.parent_span_id"), {
    data: { spans: [{ parent_span_id: null }] },
  });
});

Deno.test("array entries keep their position, skipped ones are empty", () => {
  assert.deepEqual(picked("data.spans.2.name"), { data: { spans: [{}, {}, { name: "tool" }] } });
  assert.deepEqual(picked("data.spans.*.end_time"), {
    data: { spans: [{}, { end_time: null }] },
  });
  assert.deepEqual(pickedWithin("list.1", { list: [1, 2, 3] }), { list: [{}, 2] });
});

Deno.test("a star on an empty container gives the empty container", () => {
  const empty = { info: { assessments: [], tags: {} } };
  assert.deepEqual(picked("info.assessments.*.feedback.value,info.tags.*", empty), empty);
});

Deno.test("whole and part of the same value give the whole", () => {
  assert.deepEqual(picked("info.tags.plain,info.tags,info.tags.mlflow.*"), {
    info: { tags: trace.info.tags },
  });
  assert.deepEqual(picked("data.spans.0,data.spans.0.parent_id"), {
    data: { spans: [{ ...trace.data.spans[0], parent_id: null }] },
  });
});

Deno.test("no paths select everything", () => {
  assert.deepEqual(picked(""), trace);
});

Deno.test("keys of Object.prototype are not fields, and __proto__ is only a key", () => {
  assert.deepEqual(select(trace, "info.toString,info.constructor.name").value, {});
  const value = JSON.parse('{"info":{"tags":{"__proto__":{"x":1},"a":2}}}');
  const out = picked("info.tags.*", value);
  assert.equal(JSON.stringify(out), JSON.stringify(value));
  assert.equal("x" in {}, false);
});

Deno.test("a path that matches nothing is reported with the nearest paths", () => {
  const cases: [string, string][] = [
    ["info.trace_idd", "info.trace_id"],
    ["trace_id", "info.trace_id"],
    ["spans.*.name", "data.spans.*.name"],
    ["data.spans.name", "data.spans.*.name"],
    ["info.tags.mlflow.tracName", "info.tags.`mlflow.traceName`"],
    ["info.exec_time", "info.execution_duration"],
    ["info.assessments.feedback.value", "info.assessments.*.feedback.value"],
    ["data.spans.*.attributes.spanType", "data.spans.*.attributes.`mlflow.spanType`"],
    ["status", "info.state"],
    ["trace.status", "info.state"],
    ["traceId", "info.trace_id"],
    ["latency", "info.execution_duration"],
    ["spans", "data.spans.*"],
    ["feedback", "info.assessments.*.feedback.value"],
    ["spans.*.type", "data.spans.*.attributes.`mlflow.spanType`"],
    ["data.spans.*.inputs.question", "data.spans.*.attributes.`mlflow.spanInputs`"],
    ["inputs", "data.spans.*.attributes.`mlflow.spanInputs`"],
  ];
  for (const [asked, meant] of cases) {
    const { value, unmatched } = select(trace, `info.state,${asked}`);
    assert.deepEqual(value, { info: { state: "OK" } }, asked);
    assert.equal(unmatched.length, 1, asked);
    assert.equal(unmatched[0]?.path, asked);
    assert.ok(unmatched[0]?.nearest.includes(meant), `${asked}: ${unmatched[0]?.nearest}`);
  }
});

Deno.test("nearest paths are suggested for spans that were not fetched", () => {
  const [missing] = select({ info: { trace_id: "x" } }, "spans.*.name").unmatched;
  assert.equal(missing?.nearest[0], "data.spans.*.name");
});

Deno.test("a valid field that the trace lacks suggests nothing", () => {
  const bare = { info: { trace_id: "x", trace_metadata: {} }, data: { spans: [{ name: "a" }] } };
  for (const asked of ["info.response_preview", "info.session_id", "data.spans.*.model"]) {
    assert.deepEqual(select(bare, asked).unmatched, [{ path: asked, nearest: [] }]);
  }
});

Deno.test("a wrong path is reported even if the first trace has an empty list there", () => {
  const traces = [{ data: { spans: [] } }, { data: { spans: [{ name: "a" }] } }];
  const { values, unmatched } = selectMany(traces, "data.spans.*.nam");
  assert.deepEqual(values, [{ data: { spans: [] } }, {}]);
  assert.equal(unmatched[0]?.nearest[0], "data.spans.*.name");
  assert.deepEqual(selectMany(traces.slice(0, 1), "data.spans.*.nam").unmatched, []);
});

Deno.test("another name of a field first suggests that field", () => {
  const info = { info: { trace_id: "x", state: "OK" } };
  for (const asked of ["status", "trace.status", "Status"]) {
    const [missing] = select(info, asked).unmatched;
    assert.equal(missing?.nearest[0], "info.state", asked);
  }
});

Deno.test("of several traces, a path is unmatched only if none has it", () => {
  const traces = [{ info: { a: 1 } }, { info: { b: 2 } }];
  const { values, unmatched } = selectMany(traces, "info.a,info.b,info.c");
  assert.deepEqual(values, traces);
  assert.deepEqual(unmatched.map((one) => one.path), ["info.c"]);
  assert.deepEqual(selectMany([], "info.c"), { values: [], unmatched: [] });
});

Deno.test("property: selecting never throws, and what matches nothing selects nothing", () => {
  fc.assert(
    fc.property(jsonValue, fc.array(pathText, { minLength: 1, maxLength: 4 }), (value, paths) => {
      const result = selectWithin(value, paths);
      assert.ok(result.unmatched.length <= paths.length);
      if (result.unmatched.length === paths.length) assert.equal(result.value, undefined);
    }),
  );
});

Deno.test("property: the quoted path of every leaf selects that leaf", () => {
  fc.assert(fc.property(jsonValue, (value) => {
    for (const [keys, leaf] of leaves(value)) {
      if (keys.length === 0) continue;
      const path = keys.map((key) => "`" + key + "`").join(".");
      const out = pickedWithin(path, value) ?? null;
      const found = leaves(out).filter(([, item]) => typeof item !== "object" || item === null);
      if (typeof leaf === "object" && leaf !== null) assert.deepEqual(found, []);
      else assert.deepEqual(found, [[keys, leaf]]);
    }
  }));
});

/** Scalars and empty containers of a value, with the keys that lead to them. */
function leaves(value: Json, keys: readonly string[] = []): [readonly string[], Json][] {
  if (typeof value !== "object" || value === null) return [[keys, value]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[keys, value]];
  return entries.flatMap(([key, item]) => leaves(item, [...keys, key]));
}
