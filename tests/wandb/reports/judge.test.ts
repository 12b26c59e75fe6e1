/** What we write as W&B's own packages read it: the pinned releases of each. */
import assert from "node:assert/strict";
import { z } from "zod";
import { createReport } from "../../../src/wandb/tools/create_report.ts";
import { logAnalysis } from "../../../src/wandb/tools/log_analysis.ts";
import { ApiBridge, REPORT_READERS } from "../../support/wandb/python.ts";
import { startRig } from "../harness.ts";

const Run = z.looseObject({
  state: z.string(),
  name: z.string(),
  tags: z.array(z.string()),
  job_type: z.string(),
  summary: z.looseObject({ analysis: z.looseObject({ path: z.string() }) }),
  notes: z.string(),
});
const Block = z.looseObject({
  kind: z.string(),
  panels: z.array(z.string()).optional(),
  filters: z.array(z.string()).optional(),
  groups: z.array(z.array(z.string())).optional(),
  charts: z.array(z.unknown()).optional(),
  text: z.string().optional(),
});
const Charts = z.record(z.string(), z.unknown());
const Uncoloured = z.unknown().transform((chart): unknown =>
  JSON.parse(JSON.stringify(chart).replace(/\{"name":"_defaultColorIndex","fields":\[\]\},/, ""))
);
const Report = z.object({
  title: z.string(),
  description: z.string(),
  blocks: z.array(Block),
});

const PLACE = { entity_name: "sim-team", project_name: "written" };

const CHARTS = [
  { type: "bar", key: "by_op", fields: { label: "op", value: "ms" } },
  { type: "line", key: "trend", fields: { x: "ms", y: "cost" } },
  { type: "scatter", key: "cloud", fields: { x: "ms", y: "cost" } },
  { type: "histogram", key: "spread", fields: { value: "ms" } },
];

const TEXT = `# Findings of [a run](https://x.y/run)

[TOC]

text with \`code\`, [a link](https://x.y) and $e=mc^2$

**bold**

- a
- b

1. one
2. two

- [x] done

> quote

\`\`\`python
print(1)
\`\`\`

$$
x^2
$$

![caption](https://x.y/z.png)

---

| a | b |
|---|---|
| 1 | 2 |
`;

const KINDS = [
  "H1",
  "TableOfContents",
  "P",
  "MarkdownBlock",
  "UnorderedList",
  "OrderedList",
  "CheckedList",
  "BlockQuote",
  "CodeBlock",
  "LatexBlock",
  "Image",
  "HorizontalRule",
  "MarkdownBlock",
  "PanelGrid",
  "PanelGrid",
];

for (const version of REPORT_READERS) {
  Deno.test(`${version}: W&B's packages read an analysis and a report as intended`, async () => {
    await using on = startRig();
    await on.wandb.open(new AbortController().signal).query(
      `mutation { upsertModel(input: { entityName: "sim-team", name: "written" }) { model { id } } }`,
      {},
    );
    const logged = await on.data(logAnalysis, {
      ...PLACE,
      analysis_name: "latency by op",
      data: [{ op: "a", ms: 1.5, cost: 1 }, { op: "b", ms: 2, cost: 3, extra: null }],
      scalars: { p95: 2 },
      charts: CHARTS.map(({ type, key, fields }) => ({ type, title: key, ...fields })),
    });
    const id = String(logged["run_id"]);
    const made = await on.data(createReport, {
      ...PLACE,
      title: "A/B: größe",
      description: "d",
      markdown_report_text: TEXT,
      panels: [
        { type: "line", y: ["loss"], smoothing: 0.5 },
        { type: "scatter", x: "config.lr", y: "acc" },
        { type: "bar", metrics: ["p95"], analysis_run_id: id },
        { type: "scalar", metrics: ["p95"], analysis_run_id: id },
        { type: "run_comparison", analysis_run_id: id },
        { type: "parallel_coordinates", columns: ["config.lr"], analysis_run_id: id },
        { type: "media", keys: ["analysis"], analysis_run_id: id },
        { type: "markdown_panel", markdown: "hi", analysis_run_id: id },
        { type: "markdown_table", headers: ["a"], rows: [[1]], analysis_run_id: id },
        {
          type: "custom_chart",
          chart: "bar",
          table: "by_op_table",
          fields: { label: "op", value: "ms" },
          title: "By op",
          analysis_run_id: id,
        },
      ],
    });

    await using api = await ApiBridge.open(on.sim, version);
    const run = await api.call(Run, "run", { path: `sim-team/written/${id}` });
    assert.equal(run.state, "finished");
    assert.equal(run.name, "latency by op");
    assert.deepEqual(run.tags, ["mcp-generated"]);
    assert.equal(run.job_type, "mcp-analysis");
    assert.deepEqual(
      [run.summary["p95"], run.summary["ms_mean"], run.summary["ms_max"]],
      [2, 1.75, 2],
    );
    const table = await api.call(z.string(), "file", {
      path: `sim-team/written/${id}`,
      name: run.summary.analysis.path,
    });
    assert.deepEqual(JSON.parse(table), {
      columns: ["op", "ms", "cost", "extra"],
      data: [["a", 1.5, 1, null], ["b", 2, 3, null]],
    });

    const charts = await api.call(Charts, "charts", { path: `sim-team/written/${id}` });
    assert.deepEqual(Object.keys(charts).sort(), CHARTS.map(({ key }) => key).sort());
    for (const { type, key, fields } of CHARTS) {
      const columns = Object.values(fields);
      const own = await api.call(z.unknown(), "own_chart", {
        ...{ kind: type, key, columns, rows: [columns], fields: columns, title: key },
      });
      // The newest also asks for the run's colour, which older servers do not know.
      assert.deepEqual(charts[key], Uncoloured.parse(own));
      const { path } = z.looseObject({ path: z.string() }).parse(run.summary[`${key}_table`]);
      const name = { path: `sim-team/written/${id}`, name: path };
      assert.deepEqual(
        z.looseObject({ columns: z.unknown() }).parse(
          JSON.parse(await api.call(z.string(), "file", name)),
        ).columns,
        columns,
      );
    }

    const report = await api.call(Report, "report", { url: String(made["url"]) });
    assert.equal(report.title, "A/B: größe");
    assert.equal(report.description, "d");
    assert.deepEqual(report.blocks.map(({ kind }) => kind), KINDS);
    const grids = report.blocks.filter(({ kind }) => kind === "PanelGrid");
    assert.deepEqual(grids.map(({ panels }) => panels), [
      ["LinePlot", "ScatterPlot"],
      [
        "BarPlot",
        "ScalarChart",
        "RunComparer",
        "ParallelCoordinatesPlot",
        "MediaBrowser",
        "MarkdownPanel",
        "MarkdownPanel",
        "CustomChart",
      ],
    ]);
    assert.match(String(report.blocks[0]?.text), /Findings of .*https:\/\/x\.y\/run/);
    assert.match(
      JSON.stringify(grids[1]?.charts),
      /^\[\["wandb\/bar\/v0",\{"label":"op","value":"ms"\},\{"title":"By op"\},.*"tableKey":"by_op_table"/,
    );
    assert.match(JSON.stringify(grids[1]?.filters), new RegExp(id));
  });
}
