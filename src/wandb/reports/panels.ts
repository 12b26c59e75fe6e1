/**
 * Turns the panels that a caller asks for into the panel grids of a report, in the format that
 * W&B's client of 0.4.13 writes.
 *
 * @module
 */
import * as z from "zod";
import { badArgument, unknownName } from "../../core/failure.ts";
import { createLookup, defined } from "../../core/values.ts";
import { resolveRun } from "../project.ts";
import { configureChart } from "./analysis.ts";
import {
  configName,
  fieldKey,
  type IdMaker,
  makeRunSet,
  type Panel,
  panelGrid,
  type RunSource,
} from "./grid.ts";
import { type Block, markdownBlock } from "./markdown.ts";

const Names = z.union([z.string().transform((name) => [name]), z.array(z.string()).min(1)]);
const Filters = z.record(z.string(), z.unknown());

const COMMON = {
  title: z.string().optional(),
  run_ids: Names.optional(),
  analysis_run_id: z.string().optional(),
  filters: Filters.optional(),
  group_by: Names.optional(),
  width: z.int().min(1).max(24).optional(),
  height: z.int().min(1).max(60).optional(),
};

/** A table with any of these arguments becomes a panel. Without them it is part of the text. */
const RUNS_OR_SIZE = z.object(COMMON).omit({ title: true });

/** The arguments of each kind of panel. `y`, `metrics` and the like take one name or a list. */
const KINDS = {
  line: z.strictObject({
    ...COMMON,
    x: z.string().optional(),
    y: Names,
    smoothing: z.number().min(0).max(1).optional(),
    log_x: z.boolean().optional(),
    log_y: z.boolean().optional(),
    limit: z.int().min(1).optional(),
  }),
  bar: z.strictObject({
    ...COMMON,
    metrics: Names,
    vertical: z.boolean().optional(),
    limit: z.int().min(1).optional(),
  }),
  scatter: z.strictObject({ ...COMMON, x: z.string(), y: z.string(), z: z.string().optional() }),
  scalar: z.strictObject({ ...COMMON, metrics: Names }),
  run_comparison: z.strictObject({
    ...COMMON,
    metrics: Names.optional(),
    diff_only: z.boolean().optional(),
  }),
  parallel_coordinates: z.strictObject({ ...COMMON, columns: Names }),
  media: z.strictObject({ ...COMMON, keys: Names }),
  markdown_panel: z.strictObject({ ...COMMON, markdown: z.string() }),
  markdown_table: z.strictObject({
    ...COMMON,
    headers: z.array(z.unknown()).min(1),
    rows: z.array(z.array(z.unknown())),
  }),
  custom_chart: z.strictObject({
    ...COMMON,
    chart: z.string(),
    table: z.string(),
    fields: z.record(z.string(), z.string()),
    strings: z.record(z.string(), z.string()).optional(),
  }),
} as const;

type Kind = keyof typeof KINDS;

/** Other names that callers use for the kinds and their arguments. */
const KIND_NAMES: Readonly<Record<string, Kind>> = createLookup({
  line_plot: "line",
  lineplot: "line",
  bar_plot: "bar",
  bar_chart: "bar",
  scatter_plot: "scatter",
  scalar_chart: "scalar",
  run_comparer: "run_comparison",
  parallel_coordinates_plot: "parallel_coordinates",
  media_browser: "media",
  markdown: "markdown_panel",
  table: "markdown_table",
  vega: "custom_chart",
  vega2: "custom_chart",
  custom: "custom_chart",
});
const ARGUMENT_NAMES: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  line: { metrics: "y", y_keys: "y", x_axis: "x", keys: "y" },
  bar: { y: "metrics", keys: "metrics" },
  scalar: { metric: "metrics", y: "metrics" },
  media: { media_keys: "keys", metrics: "keys" },
  parallel_coordinates: { metrics: "columns" },
  markdown_panel: { text: "markdown", content: "markdown", value: "markdown" },
  run_comparison: { y: "metrics" },
  custom_chart: {
    preset: "chart",
    chart_name: "chart",
    table_key: "table",
    table_name: "table",
    chart_fields: "fields",
    chart_strings: "strings",
  },
};

/** The custom charts that W&B ships. All others are named with their owner. */
const CUSTOM_CHARTS = ["bar", "line", "scatter", "histogram", "lineseries"];

/**
 * Makes the blocks for the panels, in order. Successive panels over the same runs share a grid.
 *
 * @throws {Failure} `invalid_arguments`, naming the panel by its index.
 */
export function readPanels(
  panels: readonly unknown[],
  source: RunSource,
  newId: IdMaker,
): Block[] {
  const blocks: Block[] = [];
  let open: { readonly runs: string; readonly panels: Panel[]; readonly at: number } | undefined;
  panels.forEach((given, index) => {
    const { kind, args } = parsePanel(given, index);
    const common = z.looseObject(COMMON).parse(args);
    if (kind === "markdown_table" && Object.keys(RUNS_OR_SIZE.parse(args)).length === 0) {
      blocks.push(markdownBlock(writeTable(args)));
      open = undefined;
      return;
    }
    const readId = (argument: string) => (id: string) => {
      const name = { argument: `panels[${index}].${argument}` };
      const { entity: entity_name, project: project_name } = source;
      return resolveRun({ entity_name, project_name }, id, source, name).run;
    };
    const { run_ids = [], analysis_run_id: analysis } = common;
    const runs = [
      ...run_ids.map(readId("run_ids")),
      ...(analysis ? [readId("analysis_run_id")(analysis)] : []),
    ];
    const runSet = { runs, filters: common.filters ?? {}, groupBy: common.group_by ?? [] };
    const made = makePanels(kind, args, `panels[${index}]`).map((panel): Panel => ({
      ...panel,
      width: common.width,
      height: common.height,
    }));
    const key = JSON.stringify(runSet);
    if (open?.runs === key) open.panels.push(...made);
    else open = { runs: key, panels: made, at: blocks.length };
    blocks[open.at] = panelGrid(open.panels, makeRunSet(runSet, source, index, newId), newId);
  });
  return blocks;
}

/** Makes a grid that shows media of one run, such as HTML that was logged to it. */
export function mediaGrid(
  keys: readonly string[],
  run: string,
  source: RunSource,
  newId: IdMaker,
): Block {
  const panels = makePanels("media", { keys: [...keys] }).map((panel) => ({
    ...panel,
    width: 24,
    height: 12,
  }));
  const runSet = makeRunSet({ runs: [run], filters: {}, groupBy: [] }, source, 0, newId);
  return panelGrid(panels, runSet, newId);
}

function parsePanel(given: unknown, index: number): { kind: Kind; args: unknown } {
  const name = `\`panels[${index}]\``;
  const panel = z.looseObject({ type: z.string() }).safeParse(given);
  if (!panel.success) {
    throw badArgument(
      `${name} must be an object with a \`type\`.`,
      `Types: ${Object.keys(KINDS).join(", ")}.`,
    );
  }
  const { type, ...rest } = panel.data;
  const asked = type.trim().toLowerCase().replaceAll(/[\s-]+/g, "_");
  const kind = KIND_NAMES[asked] ?? Object.keys(KINDS).find((one): one is Kind => one === asked);
  if (kind === undefined) {
    throw unknownName({
      what: `panel type for ${name}`,
      given: type,
      valid: Object.keys(KINDS),
    });
  }
  const names = ARGUMENT_NAMES[kind] ?? {};
  const renamed = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== null && value !== "").map((
      [key, value],
    ) => [Object.hasOwn(rest, names[key] ?? "") ? key : names[key] ?? key, value]),
  );
  const parsed = KINDS[kind].safeParse(renamed);
  if (parsed.success) return { kind, args: parsed.data };
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  const valid = Object.keys(KINDS[kind].shape);
  if (issue?.code === "unrecognized_keys") {
    throw unknownName({ what: `argument of ${name} (${kind})`, given: issue.keys[0] ?? "", valid });
  }
  const path = issue?.path.join(".") ?? "";
  const missing = path !== "" && !Object.hasOwn(renamed, path);
  throw badArgument(
    missing
      ? `${name} (${kind}) lacks \`${path}\`.`
      : `${name} (${kind}): \`${path}\`: ${issue?.message.replace(/^Invalid input: /, "")}.`,
    `A ${kind} panel takes ${valid.join(", ")}.`,
  );
}

/** Makes the panels of a kind. A run comparison with metrics is a comparer and a line plot. */
function makePanels(kind: Kind, args: unknown, name = ""): Panel[] {
  switch (kind) {
    case "line": {
      const { title, x, y, smoothing, log_x, log_y, limit, group_by } = KINDS.line.parse(args);
      return [{
        viewType: "Run History Line Plot",
        config: defined({
          chartTitle: title,
          xAxis: x ?? "_step",
          metrics: y,
          smoothingWeight: smoothing,
          smoothingType: smoothing === undefined ? undefined : "exponential",
          xLogScale: log_x,
          yLogScale: log_y,
          groupBy: panelGroup(group_by),
          aggregate: group_by === undefined ? undefined : true,
          limit,
        }),
      }];
    }
    case "bar": {
      const { title, metrics, vertical, limit, group_by } = KINDS.bar.parse(args);
      return [{
        viewType: "Bar Chart",
        config: defined({
          chartTitle: title,
          metrics,
          vertical: vertical ?? false,
          groupBy: panelGroup(group_by),
          limit,
        }),
      }];
    }
    case "scatter": {
      const { title, x, y, z: depth } = KINDS.scatter.parse(args);
      return [{
        viewType: "Scatter Plot",
        config: defined({
          chartTitle: title,
          xAxis: accessor(x),
          yAxis: accessor(y),
          zAxis: depth === undefined ? undefined : accessor(depth),
        }),
      }];
    }
    case "scalar": {
      const { title, metrics } = KINDS.scalar.parse(args);
      return [{ viewType: "Scalar Chart", config: defined({ chartTitle: title, metrics }) }];
    }
    case "run_comparison": {
      const { title, metrics, diff_only } = KINDS.run_comparison.parse(args);
      return [
        { viewType: "Run Comparer", config: diff_only === false ? {} : { diffOnly: "split" } },
        ...(metrics === undefined ? [] : makePanels("line", defined({ title, y: metrics }))),
      ];
    }
    case "parallel_coordinates": {
      const { title, columns } = KINDS.parallel_coordinates.parse(args);
      return [{
        viewType: "Parallel Coordinates Plot",
        config: defined({
          chartTitle: title,
          columns: columns.map((name) => ({ accessor: accessor(name) })),
        }),
      }];
    }
    case "media": {
      const { title, keys } = KINDS.media.parse(args);
      return [{
        viewType: "Media Browser",
        config: defined({ chartTitle: title, mediaKeys: keys }),
      }];
    }
    case "markdown_panel": {
      const { title, markdown } = KINDS.markdown_panel.parse(args);
      const value = title === undefined ? markdown : `### ${title}\n\n${markdown}`;
      return [{ viewType: "Markdown Panel", config: { value } }];
    }
    case "markdown_table":
      return [{ viewType: "Markdown Panel", config: { value: writeTable(args) } }];
    case "custom_chart": {
      const { title, chart, table, fields, strings } = KINDS.custom_chart.parse(args);
      if (!chart.includes("/") && !CUSTOM_CHARTS.includes(chart)) {
        throw unknownName({ what: `\`chart\` of ${name}`, given: chart, valid: CUSTOM_CHARTS });
      }
      const preset = chart.includes("/") ? chart : `wandb/${chart}/v0`;
      const texts = { ...defined({ title }), ...strings };
      return [{ viewType: "Vega2", config: configureChart(preset, table, fields, texts) }];
    }
  }
}

/** Writes `config.lr` as `config:lr.value`. A name without a prefix is a summary metric. */
function accessor(name: string): string {
  if (/^(summary|config|run):/.test(name)) return name;
  const [, part, key = ""] = /^(config|summary|summary_metrics|run)\.(.+)$/s.exec(name) ?? [];
  if (part === "config") return `config:${configName(key)}`;
  if (part === "run") return `run:${key}`;
  return `summary:${part === undefined ? name : key}`;
}

/** The field that a panel groups by: its name only, as `lr.value` if it is a config key. */
function panelGroup(fields: readonly string[] | undefined): string | undefined {
  const [first] = fields ?? [];
  return first === undefined ? undefined : fieldKey(first).name;
}

function writeTable(args: unknown): string {
  const { title, headers, rows } = KINDS.markdown_table.parse(args);
  const cell = (value: unknown) =>
    (typeof value === "string" ? value : JSON.stringify(value) ?? "")
      .replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, "<br>");
  const line = (cells: readonly unknown[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [
    ...(title === undefined ? [] : [`**${title}**`, ""]),
    line(headers),
    `|${headers.map(() => " --- |").join("")}`,
    ...rows.map((row) => line(headers.map((_, column) => row[column] ?? ""))),
  ].join("\n");
}
