import assert from "node:assert/strict";
import { z } from "zod";
import { Failure } from "../../../src/core/failure.ts";
import { readPanels } from "../../../src/wandb/reports/panels.ts";

const SOURCE = { entity: "ent", project: "proj", internalId: "UHJv" };

const Grid = z.looseObject({
  type: z.literal("panel-grid"),
  metadata: z.looseObject({
    runSets: z.array(z.looseObject({
      filters: z.looseObject({
        filters: z.array(z.looseObject({ filters: z.array(z.unknown()) })),
      }),
      grouping: z.array(z.unknown()),
    })),
    panelBankSectionConfig: z.looseObject({
      panels: z.array(z.looseObject({
        viewType: z.string(),
        config: z.record(z.string(), z.unknown()),
        layout: z.unknown(),
      })),
    }),
  }),
});

function read(panels: readonly unknown[]) {
  let count = 0;
  return readPanels(panels, SOURCE, () => `id${count++}`);
}

function grid(panels: readonly unknown[]) {
  const [block] = read(panels);
  const { runSets, panelBankSectionConfig } = Grid.parse(block).metadata;
  return {
    conditions: runSets[0]?.filters.filters[0]?.filters,
    grouping: runSets[0]?.grouping,
    panels: panelBankSectionConfig.panels.map(({ viewType, config }) => ({ viewType, config })),
    layouts: panelBankSectionConfig.panels.map(({ layout }) => layout),
  };
}

function refusal(panels: readonly unknown[]): Failure["report"] {
  try {
    read(panels);
  } catch (error) {
    if (error instanceof Failure) return error.report;
    throw error;
  }
  throw new Error("nothing was refused");
}

Deno.test("readPanels: every kind becomes W&B's own view", () => {
  const made = grid([
    { type: "line", y: ["loss", "val_loss"], title: "L", smoothing: 0.6, log_y: true },
    { type: "bar", metrics: "acc" },
    { type: "scatter", x: "config.lr", y: "acc", z: "config.model.depth" },
    { type: "scalar", metrics: ["acc"] },
    { type: "run_comparison", metrics: ["loss"] },
    { type: "parallel_coordinates", columns: ["config.lr", "acc"] },
    { type: "media", keys: ["img"] },
    { type: "markdown_panel", markdown: "hi", title: "T" },
    {
      type: "vega",
      preset: "bar",
      table_key: "By_op_table",
      fields: { label: "op", value: "ms" },
      title: "By op",
    },
    { type: "custom_chart", chart: "team/mine", table: "t", fields: {}, strings: { unit: "s" } },
  ]).panels;
  assert.deepEqual(made, [
    {
      viewType: "Run History Line Plot",
      config: {
        chartTitle: "L",
        xAxis: "_step",
        metrics: ["loss", "val_loss"],
        smoothingWeight: 0.6,
        smoothingType: "exponential",
        yLogScale: true,
      },
    },
    { viewType: "Bar Chart", config: { metrics: ["acc"], vertical: false } },
    {
      viewType: "Scatter Plot",
      config: {
        xAxis: "config:lr.value",
        yAxis: "summary:acc",
        zAxis: "config:model.value.depth",
      },
    },
    { viewType: "Scalar Chart", config: { metrics: ["acc"] } },
    { viewType: "Run Comparer", config: { diffOnly: "split" } },
    { viewType: "Run History Line Plot", config: { xAxis: "_step", metrics: ["loss"] } },
    {
      viewType: "Parallel Coordinates Plot",
      config: { columns: [{ accessor: "config:lr.value" }, { accessor: "summary:acc" }] },
    },
    { viewType: "Media Browser", config: { mediaKeys: ["img"] } },
    { viewType: "Markdown Panel", config: { value: "### T\n\nhi" } },
    vega("wandb/bar/v0", "By_op_table", { label: "op", value: "ms" }, { title: "By op" }),
    vega("team/mine", "t", {}, { unit: "s" }),
  ]);
});

function vega(panelDefId: string, table: string, fieldSettings: unknown, stringSettings: unknown) {
  const fields = [{ name: "id", fields: [] }, { name: "name", fields: [] }, {
    name: "summaryTable",
    args: [{ name: "tableKey", value: table }],
    fields: [],
  }];
  const runSets = { name: "runSets", args: [{ name: "runSets", value: "${runSets}" }], fields };
  return {
    viewType: "Vega2",
    config: {
      panelDefId,
      fieldSettings,
      stringSettings,
      transform: { name: "tableWithLeafColNames" },
      userQuery: { queryFields: [runSets] },
    },
  };
}

Deno.test("readPanels: a run may also be given by its address, if it is in the project", () => {
  const line = { type: "line", y: "loss" };
  const { conditions } = grid([{
    ...line,
    run_ids: ["https://wandb.ai/ent/proj/runs/a1?nw=x", "ent/proj/b2"],
    analysis_run_id: "wandb.ai/ent/proj/runs/c3",
  }]);
  assert.match(JSON.stringify(conditions), /"value":\["a1","b2","c3"\]/);
  assert.match(
    refusal([line, { ...line, run_ids: ["ent/other/a1"] }]).message,
    /`panels\[1\]\.run_ids` "ent\/other\/a1" name different projects/,
  );
});

Deno.test("readPanels: a table of a logged analysis is a panel over its run", () => {
  const table = { type: "markdown_table", headers: ["a"], rows: [[1]], title: "T" };
  const { conditions, panels } = grid([{ ...table, analysis_run_id: "c3" }]);
  assert.deepEqual(panels, [{
    viewType: "Markdown Panel",
    config: { value: "**T**\n\n| a |\n| --- |\n| 1 |" },
  }]);
  assert.match(JSON.stringify(conditions), /"value":\["c3"\]/);
  assert.deepEqual(read([table]).map(({ type }) => type), ["markdown-block"]);
});

Deno.test("readPanels: runs are pinned by id, filters and grouping keep their fields", () => {
  const { conditions, grouping } = grid([{
    type: "line",
    metrics: ["loss"],
    run_ids: ["a1", "b2"],
    analysis_run_id: "c3",
    filters: { "config.lr": { $gt: 0.1, lte: 1 }, state: "finished", tags: ["x"] },
    group_by: "config.model.name",
  }]);
  const leaf = (op: string, section: string, name: string, value: unknown) => ({
    op,
    key: { section, name },
    value,
    disabled: false,
  });
  assert.deepEqual(conditions, [
    leaf("IN", "run", "name", ["a1", "b2", "c3"]),
    leaf(">", "config", "lr.value", 0.1),
    leaf("<=", "config", "lr.value", 1),
    leaf("==", "run", "state", "finished"),
    leaf("IN", "run", "tags", ["x"]),
  ]);
  assert.deepEqual(grouping, [{ section: "config", name: "model.value.name" }]);
});

Deno.test("readPanels: a panel groups by the name that W&B's pages know", () => {
  for (
    const [field, name] of [["config.lr", "lr.value"], ["config.a.b", "a.value.b"], [
      "job_type",
      "jobType",
    ]]
  ) {
    const kinds = [{ type: "line", y: "loss" }, { type: "bar", metrics: ["loss"] }];
    for (const kind of kinds) {
      const text = JSON.stringify(read([{ ...kind, group_by: field }]));
      assert.ok(text.includes(`"groupBy":"${name}"`), text);
    }
  }
});

Deno.test("readPanels: panels over the same runs share a grid, other panels and tables do not", () => {
  const line = { type: "line", y: "loss" };
  const blocks = read([line, line, { ...line, run_ids: ["a"] }, {
    type: "markdown_table",
    headers: ["a|b", 1],
    rows: [["x\ny", null]],
  }, line]);
  assert.deepEqual(blocks.map(({ type }) => type), [
    "panel-grid",
    "panel-grid",
    "markdown-block",
    "panel-grid",
  ]);
  assert.equal(blocks[2]?.content, "| a\\|b | 1 |\n| --- | --- |\n| x<br>y |  |");
});

Deno.test("readPanels: panels do not overlap", () => {
  const { layouts } = grid([
    { type: "line", y: "a" },
    { type: "line", y: "b", width: 20 },
    { type: "line", y: "c", height: 3 },
    { type: "line", y: "d" },
  ]);
  assert.deepEqual(layouts, [
    { x: 0, y: 0, w: 8, h: 8 },
    { x: 0, y: 8, w: 20, h: 8 },
    { x: 0, y: 16, w: 8, h: 3 },
    { x: 8, y: 16, w: 8, h: 8 },
  ]);
});

Deno.test("readPanels: an invalid panel is named", () => {
  const line = { type: "line", y: "loss" };
  assert.match(refusal([line, { type: "pie" }]).message, /panels\[1\].*"pie"/);
  assert.match(refusal([{ type: "lines", y: "a" }]).message, /did you mean "line"/);
  assert.match(refusal([{ type: "line" }]).message, /panels\[0\].*lacks `y`/);
  assert.match(
    refusal([{ type: "bar", metric: ["a"] }]).message,
    /"metric"; did you mean "metrics"/,
  );
  assert.match(refusal([{ ...line, filters: { $or: [] } }]).message, /panels\[0\]\.filters.*\$or/);
  assert.match(refusal([{ ...line, filters: { a: { $like: 1 } } }]).message, /\$like/);
  assert.match(refusal(["line"]).message, /panels\[0\].*object/);
  const custom = { type: "custom_chart", chart: "bars", table: "t", fields: {} };
  assert.match(refusal([custom]).message, /panels\[0\].*"bars"; did you mean "bar"/);
});
