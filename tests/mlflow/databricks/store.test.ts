/** MLflow on Databricks, through the tools: experiments, Unity Catalog, links to spans. */
import assert from "node:assert/strict";
import { startDatabricks, type Workspace } from "../../support/databricks/server.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const CATALOG_ID = `trace:/main.traces/${HEX}`;
const SPAN = {
  trace_id: "ASNFZ4mrze8BI0VniavN7w==",
  span_id: "AAAAAAAAAAE=",
  name: "root",
  start_time_unix_nano: "1762387200123456789",
  end_time_unix_nano: "1762387201123456789",
  attributes: [{ key: "mlflow.spanType", value: { string_value: "AGENT" } }],
  status: { code: "STATUS_CODE_OK" },
};
const NAMES = "info.trace_id,data.spans.*.name";

function configure(workspace: Workspace, env: Record<string, string> = {}) {
  return toolsWith({
    MLFLOW_TRACKING_URI: "databricks",
    DATABRICKS_HOST: workspace.url,
    DATABRICKS_TOKEN: workspace.token,
    MLFLOW_TRACING_SQL_WAREHOUSE_ID: workspace.warehouse,
    ...env,
  });
}

/** A workspace with so many traces in an experiment, and two in Unity Catalog. */
function start(options: Parameters<typeof startDatabricks>[0] = {}, count = 3): Workspace {
  const workspace = startDatabricks(options);
  for (let index = 0; index < count; index++) {
    const time = new Date(Date.UTC(2026, 10, 20, 10, 0, count - index)).toISOString();
    const spans = [{ ...SPAN, name: `root ${index}` }];
    workspace.add({ location: "7001", id: `tr-${index}`, time, spans });
  }
  workspace.add({ location: "main.traces", id: HEX, spans: [SPAN], state: "ERROR" });
  workspace.add({ location: "main.agents.shop", id: "ab".repeat(16), spans: [SPAN] });
  return workspace;
}

const ids = (data: Record<string, unknown>) =>
  listAt(data, "traces").map((one) => at(one, "info", "trace_id"));
const routes = ({ requests }: Workspace, part: string) =>
  requests.filter(({ path }) => path.includes(part)).map(({ path }) => path);

Deno.test("databricks: the long search is polled, and reports progress", async () => {
  await using workspace = start({ search: "polled" });
  const told: unknown[] = [];
  const answer = await configure(workspace).call("search_traces", {
    experiment_id: "7001",
    extract_fields: "info.trace_id",
  }, { progress: (step) => told.push(step) });
  assert.deepEqual(ids(answer.data), ["tr-0", "tr-1", "tr-2"]);
  assert.equal(routes(workspace, "/search/operations/operation-1").length, 2);
  assert.ok(told.length >= 3, JSON.stringify(told));
  assert.deepEqual(routes(workspace, "/api/3.0/mlflow/traces/search"), []);
});

Deno.test("databricks: pages follow each other by their tokens, and say how to continue", async () => {
  await using workspace = start({}, 1203);
  const tools = configure(workspace);
  const ask = { experiment_id: "7001", extract_fields: "info.trace_id" };
  const all = await tools.ok("search_traces", { ...ask, max_results: 1203 });
  assert.deepEqual(ids(all), Array.from({ length: 1203 }, (_, index) => `tr-${index}`));
  assert.equal(all.has_more, false);
  const some = await tools.ok("search_traces", { ...ask, max_results: 2 });
  const { next_page_token: page_token } = some;
  assert.equal(some.has_more, true);
  const rest = await tools.ok("search_traces", { ...ask, max_results: 2, page_token });
  assert.deepEqual(ids(rest), ["tr-2", "tr-3"]);
});

Deno.test("databricks: a page that fails keeps those before it, with a token to continue", async () => {
  await using workspace = start({ search: "fails later" }, 700);
  const data = await configure(workspace).ok("search_traces", {
    experiment_id: "7001",
    extract_fields: "info.trace_id",
    max_results: 700,
  });
  assert.deepEqual(ids(data), Array.from({ length: 500 }, (_, index) => `tr-${index}`));
  assert.match(listAt(data, "notes").join(), /Only the first 500 traces were read; .*overloaded/);
  assert.deepEqual([data.has_more, data.next_page_token], [true, "page-500"]);
});

Deno.test("databricks: a trace added between pages repeats none, and is reported", async () => {
  const time = "2026-11-28T00:00:00Z";
  await using workspace = start({
    onPage: () => workspace.add({ location: "7001", id: "tr-new", time }),
  }, 900);
  const data = await configure(workspace).ok("search_traces", {
    experiment_id: "7001",
    extract_fields: "info.trace_id",
    max_results: 899,
  });
  assert.deepEqual(ids(data), Array.from({ length: 899 }, (_, index) => `tr-${index}`));
  assert.match(listAt(data, "notes").join(), /1 traces came twice and are listed once/);
});

Deno.test("databricks: pages of one trace each end after a limited number of requests", async () => {
  await using workspace = start({ search: "one by one" }, 40);
  const data = await configure(workspace).ok("search_traces", {
    experiment_id: "7001",
    extract_fields: "info.trace_id",
    max_results: 100,
  });
  assert.equal(routes(workspace, "/search-long-running").length, 22);
  assert.match(
    listAt(data, "notes").join(),
    /returned 22 traces in 22 pages and says there are more/,
  );
  assert.deepEqual([ids(data).length, data.next_page_token], [22, "page-22"]);
});

Deno.test("databricks: a trace whose spans fail or are gone does not affect others of its batch", async () => {
  const id = (index: number) => index.toString(16).padStart(32, "0");
  const damaged = new Map([
    [id(4), { status: 500, code: "INTERNAL_ERROR" }],
    [id(13), { status: 404, code: "NOT_FOUND" }],
  ]);
  await using workspace = start({ damaged });
  for (let index = 0; index < 25; index++) {
    workspace.add({ location: "main.many", id: id(index), spans: [SPAN] });
  }
  const data = await configure(workspace).ok("search_traces", {
    experiment_id: "main.many",
    extract_fields: NAMES,
  });
  const without = listAt(data, "traces").flatMap((one) =>
    listAt(one, "data", "spans").length === 1 ? [] : [at(one, "info", "trace_id")]
  );
  assert.deepEqual(without, [4, 13].map((index) => `trace:/main.many/${id(index)}`));
  assert.equal(listAt(data, "traces").length, 25);
});

Deno.test("databricks: filters reach the workspace, and its refusal reaches the caller", async () => {
  await using workspace = start();
  const tools = configure(workspace);
  const failed = await tools.ok("search_traces", {
    experiment_id: "main.traces",
    filter_string: "status = 'ERROR'",
    extract_fields: "info.trace_id",
  });
  assert.deepEqual(ids(failed), [CATALOG_ID]);
  const refused = await tools.fails("search_traces", {
    experiment_id: "7001",
    filter_string: "tag.a = 'b'",
  });
  assert.equal(refused.error, "invalid_arguments");
  assert.match(refused.message, /Invalid clause/);
});

Deno.test("databricks: without the long search the tracking server's is used, and remembered", async () => {
  for (const [search, tries] of [["absent", 1], ["no experiments", 2]] as const) {
    await using workspace = start({ search });
    const tools = configure(workspace);
    for (let turn = 0; turn < 2; turn++) {
      const data = await tools.ok("search_traces", {
        experiment_id: "7001",
        extract_fields: "info.trace_id",
      });
      assert.deepEqual(ids(data), ["tr-0", "tr-1", "tr-2"]);
    }
    assert.equal(routes(workspace, "/search-long-running").length, tries, search);
  }
  await using workspace = start({ search: "absent" });
  const failure = await configure(workspace)
    .fails("search_traces", { experiment_id: "main.traces" });
  assert.equal(failure.error, "unsupported");
});

Deno.test("databricks: a search that fails or never ends is reported", async () => {
  await using broken = start({ search: "fails" });
  const failure = await configure(broken).fails("search_traces", { experiment_id: "7001" });
  assert.equal(failure.error, "rate_limited");
  assert.match(failure.message, /warehouse is overloaded/);
  await using endless = start({ search: "endless" });
  const late = await configure(endless, { MLFLOW_HTTP_REQUEST_TIMEOUT: "1" })
    .fails("search_traces", { experiment_id: "7001" });
  assert.equal(late.error, "timeout");
});

Deno.test("databricks: spans are read by a signed link, without the workspace's credentials", async () => {
  await using workspace = start();
  const tools = configure(workspace);
  const data = await tools.ok("get_trace", { trace_id: "tr-1", extract_fields: NAMES });
  assert.deepEqual(data, {
    info: { trace_id: "tr-1" },
    data: { spans: [{ name: "root 1" }] },
  });
  const [headers] = workspace.storage.seen;
  assert.equal(headers?.get("authorization"), null);
  assert.equal(headers?.get("x-storage-class"), "trace");
  const many = await tools.ok("search_traces", { experiment_id: "7001", extract_fields: NAMES });
  assert.deepEqual(
    listAt(many, "traces").map((one) => at(one, "data", "spans", 0, "name")),
    ["root 0", "root 1", "root 2"],
  );
});

Deno.test("databricks: a trace without its file has no spans; a refused link is reported without its signature", async () => {
  await using workspace = start();
  workspace.add({ location: "7001", id: "tr-running" });
  const tools = configure(workspace);
  const empty = await tools.ok("get_trace", { trace_id: "tr-running", extract_fields: NAMES });
  assert.deepEqual(listAt(empty, "data", "spans"), []);
  workspace.storage.refuse = true;
  const partly = await tools.ok("get_trace", { trace_id: "tr-1", extract_fields: NAMES });
  assert.equal(at(partly, "info", "trace_id"), "tr-1");
  const notes = listAt(partly, "notes").join("\n");
  assert.match(notes, /^The spans could not be read: The storage of the traces refuses the link/);
  assert.doesNotMatch(notes, /canary/);
  const args = { trace_id: "tr-1", extract_fields: "data.spans.*.name" };
  const failure = await tools.fails("get_trace", args);
  assert.equal(failure.error, "forbidden");
  assert.doesNotMatch(JSON.stringify(failure), /canary/);
});

Deno.test("databricks: traces of Unity Catalog are read through the warehouse, one and many", async () => {
  await using workspace = start();
  const tools = configure(workspace);
  const one = await tools.ok("get_trace", { trace_id: CATALOG_ID });
  assert.equal(at(one, "info", "trace_id"), CATALOG_ID);
  assert.equal(at(one, "data", "spans", 0, "name"), "root");
  assert.equal(at(one, "data", "spans", 0, "attributes", "mlflow.spanType"), "AGENT");
  assert.equal(at(one, "info", "execution_duration_ms"), 1500);
  const prefixed = await tools.ok("search_traces", {
    experiment_id: "main.agents.shop",
    extract_fields: NAMES,
  });
  assert.deepEqual(listAt(prefixed, "traces"), [{
    info: { trace_id: `trace:/main.agents.shop/${"ab".repeat(16)}` },
    data: { spans: [{ name: "root" }] },
  }]);
  for (const { query, path } of workspace.requests) {
    if (/\/(info|batchGet)$/.test(path)) {
      assert.equal(query.get("sql_warehouse_id"), workspace.warehouse);
    }
  }
});

Deno.test("databricks: tags and assessments of Unity Catalog's traces are written", async () => {
  await using workspace = start();
  const tools = configure(workspace, { WANDFLOW_TRUST_CONFIRM: "true" });
  const trace_id = CATALOG_ID;
  await tools.ok("set_trace_tag", { trace_id, key: "team/a", value: "search" });
  const tags = await tools.ok("get_trace", { trace_id, extract_fields: "info.tags" });
  assert.equal(at(tags, "info", "tags", "team/a"), "search");
  await tools.ok("delete_trace_tag", { trace_id, key: "team/a" });
  const logged = await tools.ok("log_feedback", { trace_id, name: "good", value: true });
  const assessment_id = String(at(logged, "assessment", "assessment_id"));
  assert.equal(at(logged, "assessment", "trace_id"), trace_id);
  await tools.ok("update_assessment", { trace_id, assessment_id, value: false, rationale: "no" });
  const changed = await tools.ok("get_assessment", { trace_id, assessment_id });
  assert.equal(at(changed, "assessment", "feedback", "value"), false);
  assert.equal(at(changed, "assessment", "rationale"), "no");
  const sent = workspace.requests.find(({ method, path }) =>
    method === "PATCH" && path.includes("/assessments/")
  );
  assert.equal(sent?.query.get("update_mask"), "feedback,rationale");
  assert.deepEqual(at(JSON.parse(sent?.body ?? "{}"), "trace_location"), {
    type: "UC_SCHEMA",
    uc_schema: { catalog_name: "main", schema_name: "traces" },
  });
  const gone = await tools.call(
    "delete_assessment",
    { trace_id, assessment_id, confirm: true },
    { consent: { canAsk: false, answer: undefined, trustConfirm: true } },
  );
  assert.equal(gone.data.deleted, true);
});

Deno.test("databricks: a missing warehouse is named by its variable", async () => {
  await using workspace = start();
  const tools = configure(workspace, { MLFLOW_TRACING_SQL_WAREHOUSE_ID: "" });
  for (
    const [name, args] of [
      ["get_trace", { trace_id: CATALOG_ID }],
      ["search_traces", { experiment_id: "main.traces" }],
    ] as const
  ) {
    const failure = await tools.fails(name, args);
    assert.match(String(failure.hint), /MLFLOW_TRACING_SQL_WAREHOUSE_ID/);
  }
});

Deno.test("databricks: deleting traces of Unity Catalog is refused before anything is sent", async () => {
  await using workspace = start();
  const tools = configure(workspace);
  const ways = [
    { trace_ids: CATALOG_ID },
    { max_timestamp_millis: 4_000_000_000_000 },
    { experiment_id: "7001", trace_ids: `tr-1,${CATALOG_ID}` },
  ];
  for (const args of ways) {
    const { failure } = await tools.call(
      "delete_traces",
      { experiment_id: "main.traces", confirm: true, ...args },
      { consent: { canAsk: false, answer: undefined, trustConfirm: true } },
    );
    assert.equal(failure?.error, "unsupported", JSON.stringify(failure));
    assert.match(String(failure?.hint), /rows from the tables/);
  }
  const dry = await tools.fails("delete_traces", {
    experiment_id: "main.traces",
    trace_ids: CATALOG_ID,
    dry_run: true,
  });
  assert.equal(dry.error, "unsupported");
  assert.ok(workspace.requests.every(({ path }) => !/search|delete/.test(path)));
});

Deno.test("databricks: a missing object is reported in the workspace's words", async () => {
  await using workspace = start();
  const tools = configure(workspace);
  const none = await tools.fails("get_trace", { trace_id: `trace:/main.traces/${"f".repeat(32)}` });
  assert.equal(none.error, "not_found");
  const experiment = await tools.fails("search_traces", { experiment_id: "nowhere" });
  assert.match(String(experiment.hint), /7001/);
});
