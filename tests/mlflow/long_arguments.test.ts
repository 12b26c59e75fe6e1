/** No tool repeats an enormous argument whole, in an answer or in a failure. */
import assert from "node:assert/strict";
import { ASSESSMENT, EXPERIMENT, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { toolsWith } from "./harness.ts";

const LENGTH = 200_000;
/** Most characters of a failure, and of an answer's text and data together. */
const LONGEST = { failure: 4_000, answer: 100_000 };

/** Calls that work, by tool. */
const CALLS: Readonly<Record<string, Record<string, unknown>>> = {
  search_traces: { experiment_id: EXPERIMENT, max_results: 2 },
  get_trace: { trace_id: TRACE },
  get_assessment: { trace_id: TRACE, assessment_id: ASSESSMENT },
  plot_traces: { experiment_id: EXPERIMENT, max_results: 2 },
  log_feedback: { trace_id: TRACE, name: "good", value: true },
  log_expectation: { trace_id: TRACE, name: "answer", value: "42" },
  update_assessment: { trace_id: TRACE, assessment_id: ASSESSMENT, value: "2" },
  set_trace_tag: { trace_id: TRACE, key: "k", value: "v" },
  delete_trace_tag: { trace_id: TRACE, key: "k" },
  delete_assessment: { trace_id: TRACE, assessment_id: ASSESSMENT, confirm: true },
  delete_traces: { experiment_id: EXPERIMENT, trace_ids: TRACE, confirm: true },
};

/** Texts of such a length: without structure, and of the forms that arguments are read as. */
const TEXTS: readonly string[] = [
  "a".repeat(LENGTH),
  `name LIKE '${"%a".repeat(LENGTH / 2)}'`,
  `tags.${"k".repeat(LENGTH)} = 'v'`,
  "(".repeat(LENGTH),
  "[".repeat(LENGTH),
  `{"a":"${"x".repeat(LENGTH)}"}`,
  "info.".repeat(LENGTH / 5),
  "tr-1,".repeat(LENGTH / 5),
  " ".repeat(LENGTH),
  "'".repeat(LENGTH),
  "\\".repeat(LENGTH),
  "é\u0301".repeat(LENGTH / 2),
  `${"9".repeat(LENGTH)}d`,
];

await using mlflow = startFakeMlflow();
const tools = toolsWith({
  MLFLOW_TRACKING_URI: mlflow.url,
  MLFLOW_HTTP_REQUEST_TIMEOUT: "20",
  MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
  MAX_RESPONSE_TOKENS: "10000",
});

Deno.test("every tool is tested", () => {
  assert.deepEqual(tools.list.map(({ name }) => name).sort(), Object.keys(CALLS).sort());
});

for (const tool of tools.list) {
  const { properties } = tool.listing().inputSchema;
  for (const argument of Object.keys(properties)) {
    Deno.test(`${tool.name}: ${argument} of ${LENGTH} characters is shortened or not repeated`, async () => {
      for (const text of TEXTS) {
        const call = { ...CALLS[tool.name], [argument]: text };
        const { data, text: said, failure } = await tools.call(tool.name, call);
        const [told, longest] = failure === undefined
          ? [said + JSON.stringify(data), LONGEST.answer]
          : [JSON.stringify(failure), LONGEST.failure];
        const which = `${text.slice(0, 20)}…: ${told.slice(0, 300)}`;
        assert.ok(told.length < longest, `${told.length} characters for ${which}`);
        assert.ok(!told.includes(text) && told !== "", which);
        assert.notEqual(failure?.error, "internal", which);
      }
    });
  }
}
