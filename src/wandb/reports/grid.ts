/** Builds panel grids in the format that W&B stores: their runs, and the place of each panel. */
import { defined } from "../../core/values.ts";
import { badArgument, unknownName } from "../../core/failure.ts";
import type { Block } from "./markdown.ts";

/** The project that holds the runs of a report's panels. */
export interface RunSource {
  readonly entity: string;
  readonly project: string;
  /** The project's internal id, which run sets refer to. */
  readonly internalId: string | number | undefined;
}

/** Makes ids for run sets and panels. */
export type IdMaker = () => string;

/** A panel in the format that W&B stores, and its size on the grid. */
export interface Panel {
  readonly viewType: string;
  readonly config: Record<string, unknown>;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Which of a project's runs a grid shows. */
interface RunSetQuery {
  /** Run ids. An empty list means all runs. */
  readonly runs: readonly string[];
  readonly filters: Readonly<Record<string, unknown>>;
  readonly groupBy: readonly string[];
}

/** Makes the run set of a grid in the format that W&B stores. */
export function makeRunSet(
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
      `\`panels[${index}].filters\`: a report cannot store ${field}.`,
      "All conditions of a report must hold: {field: value} or {field: {$gt: value}}.",
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

/** Turns a field such as `config.lr`, `summary.loss`, `tags` or `state` into W&B's key. */
export function fieldKey(field: string): Record<string, string> {
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

/** Places panels on W&B's 24-column grid, and starts a new row if one does not fit. */
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

/** Makes a block of panels over the same runs. */
export function panelGrid(
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

/** The name under which W&B stores a config key: `a.b` is at `a.value.b`. */
export function configName(key: string): string {
  const [head = "", ...rest] = key.split(".");
  if (rest[0] === "value") return key;
  return [head, "value", ...rest].join(".");
}
