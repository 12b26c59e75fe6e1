/** Logged analyses and reports, written to the simulator and read from it. */
import assert from "node:assert/strict";
import { z } from "zod";
import { createReport } from "../../../src/wandb/tools/create_report.ts";
import { logAnalysis } from "../../../src/wandb/tools/log_analysis.ts";
import { queryWandb } from "../../../src/wandb/tools/query_wandb.ts";
import { type Rig, startRig } from "../harness.ts";

const PLACE = { entity_name: "sim-team", project_name: "vision" };

async function rig(): Promise<Rig> {
  const made = startRig();
  await made.wandb.open(new AbortController().signal).query(
    `mutation { upsertModel(input: { entityName: "sim-team", name: "vision" }) { model { id } } }`,
    {},
  );
  return made;
}

const Run = z.looseObject({
  project: z.looseObject({
    run: z.looseObject({
      state: z.string(),
      displayName: z.string(),
      tags: z.array(z.string()),
      jobType: z.string().nullable(),
      config: z.string().transform((text): unknown => JSON.parse(text)),
      summaryMetrics: z.string().transform((text) => z.looseObject({}).parse(JSON.parse(text))),
    }).nullable(),
    runCount: z.number(),
  }),
});

async function readRun(on: Rig, id: string) {
  const { data } = await on.wandb.open(new AbortController().signal).query(
    `query ($r: String!) { project(entityName: "sim-team", name: "vision") { runCount
      run(name: $r) { state displayName tags jobType config summaryMetrics } } }`,
    { r: id },
  );
  return Run.parse(data).project;
}

const ROWS = [
  { op: "predict", latency: 120, ok: true },
  { op: "score", latency: 450, cost: 0.5 },
  { op: "score", latency: 300, cost: null },
];

Deno.test("log_analysis: makes a finished run with table, statistics, scalars and charts", async () => {
  await using on = await rig();
  const data = await on.data(logAnalysis, {
    ...PLACE,
    analysis_name: "latency",
    data: ROWS,
    scalars: { p95: 435 },
    charts: [{ type: "bar", x: "op", y: "latency", title: "By op" }],
  });
  assert.equal(data["created"], true);
  assert.deepEqual(data["table_columns"], ["op", "latency", "ok", "cost"]);
  assert.equal(data["row_count"], 3);
  assert.equal(data["run_url"], `https://app.example.test/sim-team/vision/runs/${data["run_id"]}`);
  const { run } = await readRun(on, String(data["run_id"]));
  assert.equal(run?.state, "finished");
  assert.equal(run?.displayName, "latency");
  assert.deepEqual(run?.tags, ["mcp-generated"]);
  const { latency_mean, latency_min, latency_max, latency_median, p95, analysis, By_op_table } =
    run?.summaryMetrics ?? {};
  assert.deepEqual(
    [latency_mean, latency_min, latency_max, latency_median, p95],
    [290, 120, 450, 300, 435],
  );
  const table = { _type: "table-file", ncols: 4, nrows: 3 };
  assert.deepEqual({ ...Object(analysis), ...table }, analysis);
  assert.equal(Object(By_op_table).ncols, 2);
  assert.match(JSON.stringify(run?.config), /"panelDefId":"wandb\/bar\/v0"/);
});

Deno.test("log_analysis: a scalar and a chart's table of one name are both kept, and reported", async () => {
  await using on = await rig();
  const data = await on.data(logAnalysis, {
    ...PLACE,
    analysis_name: "a",
    data: ROWS,
    scalars: { By_op_table: 7 },
    charts: [{ type: "bar", x: "op", y: "latency", title: "By op" }],
  });
  const { run } = await readRun(on, String(data["run_id"]));
  assert.equal(run?.summaryMetrics["By_op_table"], 7);
  assert.equal(Object(run?.summaryMetrics["By_op_2_table"])._type, "table-file");
  assert.match(JSON.stringify(run?.config), /"By_op_2":.*"value":"By_op_2_table"/);
  assert.deepEqual(data["notes"], [
    "By_op_2_table is the chart's table: By_op_table is a scalar.",
  ]);
});

Deno.test("log_analysis: the same analysis again is the same run, another one another", async () => {
  await using on = await rig();
  const args = { ...PLACE, analysis_name: "a", data: ROWS };
  const first = await on.data(logAnalysis, args);
  const second = await on.data(logAnalysis, args);
  assert.equal(second["run_id"], first["run_id"]);
  assert.deepEqual([first["created"], second["created"]], [true, false]);
  const other = await on.data(logAnalysis, { ...args, analysis_name: "b" });
  assert.notEqual(other["run_id"], first["run_id"]);
  assert.equal((await readRun(on, String(first["run_id"]))).runCount, 2);
});

Deno.test("log_analysis: a run that it did not write is not changed", async () => {
  await using on = await rig();
  await on.wandb.open(new AbortController().signal).query(
    `mutation { upsertBucket(input: { entityName: "sim-team", modelName: "vision", name: "mine",
      state: "finished", tags: ["training"] }) { bucket { id } } }`,
    {},
  );
  const failed = await on.failure(logAnalysis, {
    ...PLACE,
    analysis_name: "a",
    analysis_id: "mine",
    data: ROWS,
  });
  assert.equal(failed["error"], "conflict");
  assert.deepEqual((await readRun(on, "mine")).run?.tags, ["training"]);
});

Deno.test("log_analysis: an invalid call is refused before anything is written", async () => {
  await using on = await rig();
  const args = { ...PLACE, analysis_name: "a", data: ROWS };
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ charts: [{ type: "pie", x: "op" }] }, /charts\[0\].*"pie"/],
    [{ charts: [{ type: "bar", x: "op" }] }, /charts\[0\].*lacks `value`/],
    [{ charts: [{ type: "line", x: "op", y: "latncy" }] }, /did you mean "latency"/],
    [{ scalars: { _step: 1 } }, /_step/],
    [{ data: [] }, /`data`/],
    [{ analysis_id: "a/b" }, /analysis_id/],
  ];
  for (const [more, message] of wrong) {
    const failed = await on.failure(logAnalysis, { ...args, ...more });
    assert.equal(failed["error"], "invalid_arguments");
    assert.match(String(failed["message"]), message);
  }
  const missing = await on.failure(logAnalysis, { ...args, project_name: "visoin" });
  assert.equal(missing["error"], "not_found");
  assert.match(String(missing["hint"]), /vision/);
  assert.equal((await readRun(on, "none")).runCount, 0);
});

const View = z.looseObject({
  view: z.looseObject({
    displayName: z.string(),
    type: z.string(),
    description: z.string(),
    spec: z.string().transform((text) =>
      z.looseObject({ blocks: z.array(z.looseObject({ type: z.string() })) })
        .parse(JSON.parse(text))
    ),
  }),
});

async function readView(on: Rig, id: unknown) {
  const { data } = await on.wandb.open(new AbortController().signal).query(
    `query ($id: ID!) { view(id: $id) { displayName type description spec } }`,
    { id },
  );
  return View.parse(data).view;
}

Deno.test("create_report: text and panels become blocks, and the link opens the report", async () => {
  await using on = await rig();
  const data = await on.data(createReport, {
    ...PLACE,
    title: "A/B: größe & more?",
    description: "d",
    markdown_report_text: "# Head\n\ntext",
    panels: [{ type: "line", y: ["loss"], run_ids: ["r1"] }],
  });
  const view = await readView(on, data["report_id"]);
  assert.equal(view.displayName, "A/B: größe & more?");
  assert.equal(view.type, "runs");
  assert.deepEqual(view.spec.blocks.map(({ type }) => type), [
    "paragraph",
    "heading",
    "paragraph",
    "panel-grid",
    "paragraph",
  ]);
  const bare = String(data["report_id"]).replaceAll("=", "");
  assert.equal(
    data["url"],
    `https://app.example.test/sim-team/vision/reports/A-B-gr-e-more--${bare}`,
  );
});

Deno.test("query_wandb: reports are counted by their title", async () => {
  await using on = await rig();
  for (const title of ["A", "B", "B"]) {
    await on.data(createReport, { ...PLACE, title, markdown_report_text: title });
  }
  const count = async (report_name: string) => {
    const args = { ...PLACE, resource: "reports", report_name };
    const counted = await on.data(queryWandb, { ...args, response_mode: "count" });
    assert.deepEqual([counted["count"], counted["total"]], [counted["count"], counted["count"]]);
    const listed = await on.data(queryWandb, args);
    assert.deepEqual([listed["count"], listed["total"]], [counted["count"], undefined]);
    return counted["count"];
  };
  assert.deepEqual([await count("A"), await count("B"), await count("C")], [1, 2, 0]);
});

Deno.test("create_report: a report given by its address is extended or replaced", async () => {
  await using on = await rig();
  const first = await on.data(createReport, {
    ...PLACE,
    title: "T",
    description: "d",
    markdown_report_text: "one",
    draft: true,
  });
  assert.equal((await readView(on, first["report_id"])).type, "runs/draft");
  const texts = async () =>
    (await readView(on, first["report_id"])).spec.blocks.map(({ children }) =>
      z.array(z.looseObject({ text: z.string() })).parse(children)[0]?.text
    );
  const added = await on.data(createReport, {
    ...PLACE,
    report_id: first["url"],
    markdown_report_text: "two",
    draft: false,
  });
  assert.equal(added["created"], false);
  assert.equal(added["report_id"], first["report_id"]);
  assert.deepEqual(await texts(), ["", "one", "two", ""]);
  assert.equal((await readView(on, first["report_id"])).type, "runs");
  await on.data(createReport, {
    ...PLACE,
    report_id: first["report_id"],
    mode: "replace",
    title: "U",
    markdown_report_text: "three",
  });
  assert.deepEqual(await texts(), ["", "three", ""]);
  const view = await readView(on, first["report_id"]);
  assert.deepEqual([view.displayName, view.description], ["U", "d"]);
});

Deno.test("create_report: a report's address determines its project", async () => {
  await using on = startRig({ entity: "sim-team", project: "elsewhere" });
  for (const name of ["vision", "elsewhere"]) {
    await on.wandb.open(new AbortController().signal).query(
      `mutation { upsertModel(input: { entityName: "sim-team", name: "${name}" }) { model { id } } }`,
      {},
    );
  }
  const first = await on.data(createReport, { ...PLACE, title: "T", markdown_report_text: "one" });
  const line = { type: "line", y: "loss" };
  const added = await on.data(createReport, { report_id: first["url"], panels: [line] });
  assert.equal(added["url"], first["url"]);
  const { blocks } = (await readView(on, first["report_id"])).spec;
  assert.match(JSON.stringify(blocks), /"project":\{"name":"vision","entityName":"sim-team"/);
  const wrong: readonly (readonly [object, RegExp])[] = [
    [
      { report_id: first["url"], project_name: "elsewhere" },
      /`project_name` "elsewhere" and `report_id` .* name different projects/,
    ],
    [{ report_id: first["report_id"] }, /the report is in sim-team\/vision, not in .*elsewhere/],
    [{ report_id: "https://wandb.ai/sim-team/vision/runs/a" }, /not an id or the address/],
  ];
  for (const [args, message] of wrong) {
    const failed = await on.failure(createReport, { ...args, markdown_report_text: "two" });
    assert.match(String(failed["message"]), message);
  }
  assert.equal((await readView(on, first["report_id"])).spec.blocks.length, blocks.length);
});

Deno.test("create_report: plots are media of a run that the report shows", async () => {
  await using on = await rig();
  const data = await on.data(createReport, {
    ...PLACE,
    title: "Plots",
    plots_html: { "my plot": "<svg></svg>" },
  });
  const { run } = await readRun(on, String(data["plots_run_id"]));
  assert.equal(Object(run?.summaryMetrics["my_plot"])._type, "html-file");
  const [, grid] = (await readView(on, data["report_id"])).spec.blocks;
  assert.match(JSON.stringify(grid), /"viewType":"Media Browser".*"mediaKeys":\["my_plot"\]/);
  assert.match(JSON.stringify(grid), new RegExp(`"value":\\["${data["plots_run_id"]}"\\]`));
  const one = await on.data(createReport, { ...PLACE, title: "One", plots_html: "<b>x</b>" });
  const { summaryMetrics } = (await readRun(on, String(one["plots_run_id"]))).run ?? {};
  assert.equal(Object(summaryMetrics?.["plot"])._type, "html-file");
});

Deno.test("create_report: nothing is written if a part is invalid", async () => {
  await using on = await rig();
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ title: "t", panels: [{ type: "pie" }] }, /panels\[0\]/],
    [{ markdown_report_text: "x" }, /`title` is missing/],
    [{ title: "t" }, /would be empty/],
    [{ title: "t", markdown_report_text: "x", report_id: "!!" }, /report_id/],
  ];
  for (const [args, message] of wrong) {
    assert.match(
      String((await on.failure(createReport, { ...PLACE, ...args }))["message"]),
      message,
    );
  }
  const { data } = await on.wandb.open(new AbortController().signal).query(
    `query { project(entityName: "sim-team", name: "vision") { allViews { edges { node { id } } } } }`,
    {},
  );
  assert.doesNotMatch(JSON.stringify(data), /"node"/);
});
