/** No answer of Weave's tools, or of the documentation's, repeats a caller's text at length. */
import { wandbBackends } from "../../../src/wandb/backend.ts";
import { sweepLongArguments } from "../../support/long_arguments.ts";
import { startWeaveStub } from "../../support/weave/stub.ts";
import { startDocsServer } from "../docs_server.ts";
import { configFor, contextFor, type Data, memoryLog, toFailureReport } from "../harness.ts";

const HERE = { entity_name: "test-entity", project_name: "agents" };
const OP = "weave:///test-entity/agents/op";

/** An ordinary call of each tool, in which one argument after the other becomes long. */
const CALLS: Readonly<Record<string, readonly Data[]>> = {
  query_weave_traces_tool: [HERE],
  count_weave_traces_tool: [HERE],
  infer_trace_schema_tool: [HERE],
  resolve_trace_roots_tool: [{ ...HERE, trace_ids: ["t1"] }],
  summarize_evaluation_tool: [HERE, { ...HERE, compare: true }],
  plot_evaluation_tool: [HERE],
  search_wandb_docs_tool: [{ query: "artifacts" }],
};

Deno.test("Weave's long arguments are shortened where an answer repeats them", async (test) => {
  const at = { started_at: "2026-01-01T00:00:00Z", ended_at: "2026-01-01T00:00:01Z" };
  const call = { project_id: "test-entity/agents", trace_id: "t1", attributes: {}, ...at };
  const stub = startWeaveStub({
    calls: [
      {
        ...{ ...call, id: "c1", parent_id: null, op_name: `${OP}/answer:v1` },
        ...{ inputs: { a: 1 }, output: "yes", summary: {} },
      },
      {
        ...{ ...call, id: "e1", trace_id: "t2", parent_id: null },
        ...{ op_name: `${OP}/Evaluation.evaluate:v1`, inputs: {}, output: null, summary: {} },
      },
    ],
  });
  await using docs = startDocsServer();
  try {
    const log = memoryLog([]);
    const tools = wandbBackends(configFor(stub, docs.url), log).flatMap((backend) => backend.tools)
      .filter(({ name }) => /weave|trace|evaluation|docs/.test(name));
    await sweepLongArguments(
      test,
      tools,
      CALLS,
      {},
      (tool, args) =>
        tool.call(args, contextFor(log)).then(
          (outcome) => outcome.kind === "reply" ? outcome.reply.data : outcome,
          toFailureReport,
        ),
    );
  } finally {
    await stub.stop();
  }
});
