/**
 * The panels of a report: what a caller asks for, as the panel grids that W&B keeps. Forms as W&B's
 * client of 0.4.13 writes them.
 *
 * @module
 */
import * as z from "zod";
import { badArgument, unknownName } from "../../core/failure.ts";
import { defined } from "../../core/values.ts";
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

/** The arguments of each kind of panel; `y`, `metrics` and the like take one name or a list. */
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
    title: z.string().optional(),
    headers: z.array(z.unknown()).min(1),
    rows: z.array(z.array(z.unknown())),
  }),
} as const;

type Kind = keyof typeof KINDS;

/** Other names of kinds and of their arguments, as callers write them. */
const KIND_NAMES: Readonly<Record<string, Kind>> = {
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
};
const ARGUMENT_NAMES: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  line: { metrics: "y", y_keys: "y", x_axis: "x", keys: "y" },
  bar: { y: "metrics", keys: "metrics" },
  scalar: { metric: "metrics", y: "metrics" },
  media: { media_keys: "keys", metrics: "keys" },
  parallel_coordinates: { metrics: "columns" },
  markdown_panel: { text: "markdown", content: "markdown", value: "markdown" },
  run_comparison: { y: "metrics" },
};

/** Where the runs of a report's panels are. */
export interface RunSource {
  readonly entity: string;
  readonly project: string;
  /** The project's internal id, which run sets name it by. */
  readonly internalId: string | number | undefined;
}

/** Makes ids of run sets and panels. */
export type IdMaker = () => string;

/**
 * The blocks of some panels, in their order. Panels over the same runs share a grid.
 *
 * @throws {Failure} `invalid_arguments`, naming the panel by its place.
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
    if (kind === "markdown_table") {
      const { title, headers, rows } = KINDS.markdown_table.parse(args);
      blocks.push(markdownBlock(table(title, headers, rows)));
      open = undefined;
      return;
    }
    const common = z.looseObject(COMMON).parse(args);
    const runs = [
      ...common.run_ids ?? [],
      ...common.analysis_run_id ? [common.analysis_run_id] : [],
    ];
    const runSet = { runs, filters: common.filters ?? {}, groupBy: common.group_by ?? [] };
    const made = makePanels(kind, args).map((panel): Panel => ({
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

/** A grid that shows media of one run, such as HTML that was logged to it. */
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

interface Panel {
  readonly viewType: string;
  readonly config: Record<string, unknown>;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
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

/** A kind's panels; a run comparison with metrics is a comparer and a line plot. */
function makePanels(kind: Exclude<Kind, "markdown_table">, args: unknown): Panel[] {
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
  }
}

/** `config.lr` as `config:lr.value`, anything else as a summary metric. */
function accessor(name: string): string {
  if (/^(summary|config|run):/.test(name)) return name;
  const [, part, key = ""] = /^(config|summary|summary_metrics|run)\.(.+)$/s.exec(name) ?? [];
  if (part === "config") return `config:${configName(key)}`;
  if (part === "run") return `run:${key}`;
  return `summary:${part === undefined ? name : key}`;
}

/** W&B keeps a setting `a.b` as `a.value.b`. */
/** A panel's own grouping: the field's name alone, of config keys with its envelope. */
function panelGroup(fields: readonly string[] | undefined): string | undefined {
  const [first] = fields ?? [];
  return first === undefined ? undefined : fieldKey(first).name;
}

function configName(key: string): string {
  const [head = "", ...rest] = key.split(".");
  if (rest[0] === "value") return key;
  return [head, "value", ...rest].join(".");
}

interface RunSetQuery {
  /** Run ids; all runs when empty. */
  readonly runs: readonly string[];
  readonly filters: Readonly<Record<string, unknown>>;
  readonly groupBy: readonly string[];
}

function makeRunSet(
  { runs, filters, groupBy }: RunSetQuery,
  { entity, project, internalId }: RunSource,
  index: number,
  newId: IdMaker,
): Record<string, unknown> {
  const conditions = [
    ...(runs.length === 0 ? [] : [condition("IN", { section: "run", name: "name" }, runs)]),
    ...Object.entries(filters).flatMap(([field, value]) => readFilter(field, value, index)),
  ];
  return {
    id: newId(),
    runFeed: {
      version: 2,
      columnVisible: { "run:name": false },
      columnPinned: {},
      columnWidths: {},
      columnOrder: [],
      pageSize: 10,
      onlyShowSelected: false,
    },
    enabled: true,
    project: defined({ name: project, entityName: entity, id: internalId }),
    name: "Run set",
    search: { query: "" },
    filters: { op: "OR", filters: [{ op: "AND", filters: conditions }] },
    grouping: groupBy.map(fieldKey),
    sort: { keys: [{ key: { section: "run", name: "createdAt" }, ascending: false }] },
    selections: { root: 1, bounds: [], tree: [] },
    expandedRowAddresses: [],
  };
}

const OPERATORS: Readonly<Record<string, string>> = {
  $eq: "==",
  $ne: "!=",
  $gt: ">",
  $gte: ">=",
  $lt: "<",
  $lte: "<=",
  $in: "IN",
  $nin: "NIN",
};

function readFilter(field: string, value: unknown, index: number): Record<string, unknown>[] {
  if (field.startsWith("$")) {
    throw badArgument(
      `\`panels[${index}].filters\`: ${field} cannot be kept in a report.`,
      "Its conditions are all of them true: {field: value} or {field: {$gt: value}}.",
    );
  }
  const key = fieldKey(field);
  if (Array.isArray(value)) return [condition("IN", key, value)];
  if (value === null || typeof value !== "object") return [condition("==", key, value)];
  return Object.entries(value).map(([name, operand]) => {
    const op = OPERATORS[name.startsWith("$") ? name : `$${name}`];
    if (op === undefined) {
      throw unknownName({
        what: `operator for \`panels[${index}].filters\``,
        given: name,
        valid: Object.keys(OPERATORS),
      });
    }
    return condition(op, key, operand);
  });
}

function condition(op: string, key: Record<string, string>, value: unknown) {
  return { op, key, value, disabled: false };
}

/** `config.lr`, `summary.loss`, `tags`, `state`, … as W&B's key. */
function fieldKey(field: string): Record<string, string> {
  const [, part, name = ""] =
    /^(config|summary|summary_metrics|summaryMetrics|run)\.(.+)$/s.exec(field) ?? [];
  if (part === "config") return { section: "config", name: configName(name) };
  if (part === "run") return { section: "run", name };
  if (part !== undefined) return { section: "summary", name };
  const names: Readonly<Record<string, string>> = {
    display_name: "displayName",
    created_at: "createdAt",
    job_type: "jobType",
    heartbeat_at: "heartbeatAt",
    id: "name",
  };
  return { section: "run", name: names[field] ?? field };
}

/** Panels on W&B's grid of 24 columns, in rows as they fit. */
function layOut(panels: readonly Panel[], newId: IdMaker): Record<string, unknown>[] {
  const usual = panels.length === 1 ? 24 : panels.length === 2 ? 12 : 8;
  let [x, y, row] = [0, 0, 0];
  return panels.map(({ viewType, config, width, height }) => {
    const wide = viewType === "Run Comparer" ? 24 : usual;
    const [w, h] = [width ?? wide, height ?? (viewType === "Run Comparer" ? 10 : 8)];
    if (x + w > 24) [x, y, row] = [0, y + row, 0];
    const place = { x, y, w, h };
    [x, row] = [x + w, Math.max(row, h)];
    return { __id__: newId(), layout: place, viewType, config };
  });
}

function panelGrid(
  panels: readonly Panel[],
  runSet: Record<string, unknown>,
  newId: IdMaker,
): Block {
  return {
    type: "panel-grid",
    children: [{ text: "" }],
    metadata: {
      openViz: true,
      openRunSet: 0,
      name: "unused-name",
      runSets: [runSet],
      hideRunSets: false,
      panels: { views: { "0": { name: "Panels", defaults: [], config: [] } }, tabs: ["0"] },
      panelBankConfig: {
        state: 0,
        settings: { autoOrganizePrefix: 2, showEmptySections: false, sortAlphabetically: false },
        sections: [bankSection("Hidden Panels", "flow", [])],
      },
      panelBankSectionConfig: bankSection("Report Panels", "grid", layOut(panels, newId)),
      customRunColors: {},
    },
  };
}

function bankSection(name: string, type: string, panels: readonly unknown[]) {
  return {
    name,
    isOpen: false,
    type,
    flowConfig: {
      snapToColumns: true,
      columnsPerPage: 3,
      rowsPerPage: 2,
      gutterWidth: 16,
      boxWidth: 460,
      boxHeight: 300,
    },
    sorted: 0,
    localPanelSettings: {
      smoothingWeight: 0,
      smoothingType: "exponential",
      xAxis: "_step",
      ignoreOutliers: false,
      useRunsTableGroupingInPanels: true,
      smoothingActive: true,
      xAxisActive: false,
    },
    panels,
  };
}

function table(
  title: string | undefined,
  headers: readonly unknown[],
  rows: readonly (readonly unknown[])[],
): string {
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
