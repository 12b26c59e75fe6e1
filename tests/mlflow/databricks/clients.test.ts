/** The simulated workspace serves `databricks-sdk` and `mlflow`; wandflow reads what they wrote. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runClients } from "../../support/databricks/clients.ts";
import { startDatabricks } from "../../support/databricks/server.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const CATALOG_ID = `trace:/main.traces/${HEX}`;
const SPAN = {
  trace_id: "ASNFZ4mrze8BI0VniavN7w==",
  span_id: "AAAAAAAAAAE=",
  name: "from the catalog",
  start_time_unix_nano: "1762387200123456789",
  end_time_unix_nano: "1762387201123456789",
};

Deno.test("databricks: Python's clients and wandflow see the same workspace", async () => {
  await using workspace = startDatabricks({ search: "polled" });
  workspace.add({ location: "main.traces", id: HEX, spans: [SPAN] });
  const { id, secret } = workspace.client;
  const home = await Deno.makeTempDir({ prefix: "wandflow-databricks-" });
  try {
    await Deno.writeTextFile(
      join(home, ".databrickscfg"),
      `[work.eu]\nhost = ${workspace.url}\nclient_id = ${id}\nclient_secret = ${secret}\n`,
    );
    const warehouse = { MLFLOW_TRACING_SQL_WAREHOUSE_ID: workspace.warehouse };
    const theirs = await runClients(
      { HOME: home, DATABRICKS_CONFIG_PROFILE: "work.eu", ...warehouse },
      CATALOG_ID,
    );
    const { written } = theirs;
    assert.deepEqual(theirs, {
      auth: "oauth-m2m",
      experiment: "/Users/ann@example.com/assistant",
      written,
      spans: ["agent", "look up"],
      assessment: theirs.assessment,
      found: [written],
      catalog_spans: ["from the catalog"],
      catalog_trace: CATALOG_ID,
      catalog_found: [CATALOG_ID],
    });
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: "databricks",
      DATABRICKS_HOST: workspace.url,
      DATABRICKS_CLIENT_ID: id,
      DATABRICKS_CLIENT_SECRET: secret,
      ...warehouse,
    });
    const trace = await tools.ok("get_trace", { trace_id: written });
    assert.equal(at(trace, "info", "state"), "OK");
    assert.deepEqual(
      listAt(trace, "data", "spans").map((span) => [
        at(span, "name"),
        at(span, "attributes", "mlflow.spanType"),
      ]),
      [["agent", "AGENT"], ["look up", "TOOL"]],
    );
    assert.deepEqual(at(trace, "data", "spans", 1, "attributes", "mlflow.spanOutputs"), {
      parcel: 42,
    });
    const { assessment: assessment_id } = theirs;
    const feedback = await tools.ok("get_assessment", { trace_id: written, assessment_id });
    assert.equal(at(feedback, "assessment", "feedback", "value"), true);
    assert.equal(at(feedback, "assessment", "rationale"), "it is");
    const found = await tools.ok("search_traces", {
      experiment_id: theirs.experiment,
      extract_fields: "info.trace_id",
    });
    assert.deepEqual(listAt(found, "traces"), [{ info: { trace_id: written } }]);
    const catalog = await tools.ok("get_trace", { trace_id: CATALOG_ID });
    assert.equal(at(catalog, "info", "tags", "team/a"), "search");
    assert.equal(at(catalog, "info", "assessments", 0, "feedback", "value"), 0.5);
    // What both ask for is asked for in the same words.
    const paths = (agent: RegExp) =>
      new Set(
        workspace.requests.filter(({ headers, path }) =>
          agent.test(headers.get("user-agent") ?? "") && path.startsWith("/api/4.0/")
        ).map(({ method, path }) => `${method} ${path.replace(/operation-\d+/, "operation")}`),
      );
    const ours = paths(/^Deno/);
    const theirRoutes = [...paths(/databricks-sdk|python/i)];
    const shared = theirRoutes.filter((path) => /search|batchGet/.test(path));
    assert.equal(shared.length, 3);
    assert.deepEqual(shared.filter((path) => !ours.has(path)), []);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
