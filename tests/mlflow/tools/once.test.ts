/** Every tool that writes does so once, and tells the truth of it when its reply is lost. */
import assert from "node:assert/strict";
import { shared } from "../../support/backend.ts";
import { mlflow34, mlflowNewest } from "../../support/mlflow/backends.ts";
import { pythonClient } from "../../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "../harness.ts";
import { losingProxy, type Loss } from "../../support/losing_proxy.ts";
import { slowTests } from "../../support/slow.ts";

/** What a tool does in this test, and how its effect is seen. */
interface Case {
  readonly tool: string;
  readonly args: Record<string, unknown>;
  /** How often it took effect. */
  readonly effects: () => Promise<number>;
}

/** MLflow says so when its database fails, at any time; gateways copy its form. */
const BUSY = '{"error_code":"TEMPORARILY_UNAVAILABLE","message":"server closed the connection"}';

const LOSSES: readonly Loss[] = [
  { when: "before it acts" },
  { when: "before it acts", status: 502 },
  { when: "before it acts", status: 504 },
  { when: "before it acts", status: 503, body: BUSY },
  { when: "before it acts", silent: true },
  { when: "while it acts" },
  { when: "after it has acted" },
  { when: "after it has acted", status: 502 },
  { when: "before it acts", status: 503 },
  { when: "after it has acted", status: 503 },
  { when: "after it has acted", status: 503, body: BUSY },
  { when: "after it has acted", status: 504 },
  { when: "after it has acted", silent: true },
];

for (const backend of [mlflow34, mlflowNewest]) {
  const server = await shared(backend);
  const direct = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const python = await pythonClient(server);
  const trace = async (experiment_id: string, start_ms = Date.now()) => {
    const made = await python.call("create_trace", {
      experiment_id,
      start_ms,
      root: { name: "root", type: "AGENT" },
    });
    return String(typeof made === "string" ? made : at(made, "trace_id"));
  };
  const info = async (trace_id: string) =>
    at(await direct.ok("get_trace", { trace_id, extract_fields: "info" }), "info");
  const count = async (trace_id: string, name: string) =>
    listAt(await info(trace_id), "assessments")
      .filter((one) => at(one, "assessment_name") === name).length;
  const left = async (experiment_id: string) =>
    listAt(await direct.ok("search_traces", { experiment_id }), "traces").length;

  /** Each of the writing tools with something of its own to change. */
  const cases = async (): Promise<Case[]> => {
    const experiment = String(
      await python.call("create_experiment", { name: `once ${crypto.randomUUID()}` }),
    );
    const other = String(
      await python.call("create_experiment", { name: `once ${crypto.randomUUID()}` }),
    );
    const trace_id = await trace(experiment);
    const by_id = await trace(experiment);
    for (let age = 1; age <= 4; age++) await trace(other, Date.now() - age * 1000);
    await direct.ok("set_trace_tag", { trace_id, key: "gone", value: "x" });
    const [changed, removed] = await Promise.all(["changed", "removed"].map(async (name) => {
      const made = await direct.ok("log_feedback", { trace_id, name, value: 1 });
      return at(made, "assessment", "assessment_id");
    }));
    // What is there already must not be taken for what was sent.
    await direct.ok("log_feedback", { trace_id, name: "scored", value: 0.5 });
    await direct.ok("log_expectation", { trace_id, name: "expected", value: { a: [1] } });
    return [{
      tool: "log_feedback",
      args: { trace_id, name: "scored", value: 0.5, rationale: "why" },
      effects: async () => await count(trace_id, "scored") - 1,
    }, {
      tool: "log_expectation",
      args: { trace_id, name: "expected", value: { a: [1] } },
      effects: async () => await count(trace_id, "expected") - 1,
    }, {
      tool: "update_assessment",
      args: { trace_id, assessment_id: changed, value: 2 },
      effects: async () =>
        listAt(await info(trace_id), "assessments")
          .filter((one) => at(one, "feedback", "value") === 2).length,
    }, {
      tool: "delete_assessment",
      args: { trace_id, assessment_id: removed, confirm: true },
      effects: async () => 1 - await count(trace_id, "removed"),
    }, {
      tool: "set_trace_tag",
      args: { trace_id, key: "set", value: "y" },
      effects: async () => at(await info(trace_id), "tags", "set") === "y" ? 1 : 0,
    }, {
      tool: "delete_trace_tag",
      args: { trace_id, key: "gone" },
      effects: async () => at(await info(trace_id), "tags", "gone") === undefined ? 1 : 0,
    }, {
      tool: "delete_traces",
      args: { experiment_id: experiment, trace_ids: by_id, confirm: true },
      effects: async () => 2 - await left(experiment),
    }, {
      tool: "delete_traces",
      args: { experiment_id: other, older_than: "0s", max_traces: 2, confirm: true },
      // Two at a time: neither one nor four.
      effects: async () => (4 - await left(other)) / 2,
    }];
  };

  const losses: Record<string, () => Promise<void>> = {};
  for (const loss of LOSSES) {
    for (const connections of ["fresh", "kept"] as const) {
      const how = (loss.status ?? (loss.silent === true ? "no answer" : "a lost connection")) +
        (loss.body === undefined ? "" : " in MLflow's form");
      losses[`${how} ${loss.when}, ${connections} connections`] = async () => {
        await using proxy = losingProxy(server.uri, loss, connections);
        const tools = toolsWith({
          MLFLOW_TRACKING_URI: proxy.uri,
          MLFLOW_HTTP_REQUEST_TIMEOUT: loss.silent === true ? "4" : "20",
        });
        await Promise.all((await cases()).map(async ({ tool, args, effects }) => {
          const key = JSON.stringify(args.trace_ids ?? args.older_than ?? tool);
          const { data, failure } = await tools.call(tool, args);
          const acted = loss.when !== "before it acts";
          assert.equal(await effects(), acted ? 1 : 0, `${tool} ${key}`);
          if (acted) {
            assert.equal(failure, undefined, `${tool}: ${failure?.message}`);
            assert.match(JSON.stringify(data.notes), /it was (stored|changed|deleted)/);
          } else {
            // A server may still have what it did not answer.
            assert.match(
              String(failure?.message),
              /It was not (stored|changed|deleted) so far, .* may yet be: look before you repeat/,
              tool,
            );
            assert.equal(failure?.retryable, false);
            assert.doesNotMatch(JSON.stringify(failure), /may be repeated|Repeat the call/);
          }
          if (tool === "delete_traces" && acted) {
            assert.equal(data.traces_deleted, args.max_traces ?? 1);
          }
        }));
        assert.deepEqual([proxy.writes.length, new Set(proxy.writes).size], [8, 8]);
      };
    }
  }
  slowTests(`MLflow ${server.version}: each tool writes once`, 3, losses);

  Deno.test(`MLflow ${server.version}: if the effect cannot be checked, the error does not advise a retry`, async () => {
    await using proxy = losingProxy(server.uri, { when: "after it has acted", forEver: true });
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: proxy.uri,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
    });
    const [first] = await cases();
    const failure = await tools.fails("set_trace_tag", {
      trace_id: first?.args.trace_id,
      key: "set",
      value: "y",
    });
    assert.match(failure.message, /It may have been stored: look before you repeat/);
    assert.equal(failure.retryable, false);
    assert.equal(proxy.writes.length, 1);
  });
}
