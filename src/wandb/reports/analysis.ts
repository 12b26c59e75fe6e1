/**
 * Turns rows of computed data into what a W&B run stores: a table, statistics, and charts that use
 * W&B's presets.
 *
 * @module
 */
import { sha256 } from "../../core/values.ts";
import * as z from "zod";
import { badArgument, unknownName } from "../../core/failure.ts";

/** A table in the form that W&B stores. */
export interface Table {
  readonly columns: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

/** One row of data. */
type Row = Readonly<Record<string, unknown>>;

/** Collects the columns of all rows, in order of appearance. Missing cells become null. */
export function readTable(rows: readonly Row[]): Table {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return {
    columns,
    data: rows.map((row) =>
      columns.map((column) => Object.hasOwn(row, column) ? row[column] : null)
    ),
  };
}

/**
 * Computes `<column>_mean`, `_min`, `_max` and `_median` for each column with at least two finite
 * numbers, with the names that W&B's server 0.3.3 uses. Booleans do not count as numbers. The
 * median of an even count is the mean of the middle two.
 */
export function summarizeColumns({ columns, data }: Table): Record<string, number> {
  return Object.fromEntries(columns.flatMap((column, index): [string, number][] => {
    const values = data.map((row) => row[index])
      .filter((value): value is number => typeof value === "number" && Number.isFinite(value))
      .sort((a, b) => a - b);
    const [least, most] = [values[0], values.at(-1)];
    if (values.length < 2 || least === undefined || most === undefined) return [];
    const middle = values.slice((values.length - 1) >> 1, (values.length >> 1) + 1);
    const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one / list.length, 0);
    return [
      [`${column}_mean`, mean(values)],
      [`${column}_min`, least],
      [`${column}_max`, most],
      [`${column}_median`, mean(middle)],
    ];
  }));
}

/** The run id of an analysis: the given one, or else one derived from the content. */
export function analysisRunId(given: string | undefined, content: unknown): string {
  if (given === undefined) {
    const digest = sha256(JSON.stringify(content), "hex");
    return `mcp${BigInt(`0x${digest.slice(0, 16)}`).toString(36).padStart(13, "0").slice(-9)}`;
  }
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(given)) return given;
  throw badArgument(
    "`analysis_id` becomes the run's id: letters, digits, - and _, at most 64.",
    "Leave it out to have one derived from the data.",
  );
}

/** A chart: its table, and how W&B draws it. */
interface MadeChart {
  /** Key of the chart. Its table is `<key>_table`, a name that no scalar has. */
  readonly key: string;
  readonly table: Table;
  readonly visualization: Record<string, unknown>;
}

const Chart = z.looseObject({ type: z.string().default("line"), title: z.string().optional() });

/** The preset of each kind of chart, and the columns that it takes. */
const PRESETS = {
  line: { preset: "wandb/line/v0", fields: ["x", "y"] },
  scatter: { preset: "wandb/scatter/v0", fields: ["x", "y"] },
  bar: { preset: "wandb/bar/v0", fields: ["label", "value"] },
  histogram: { preset: "wandb/histogram/v0", fields: ["value"] },
} as const;

type Kind = keyof typeof PRESETS;

/** Other names that callers use for the columns. */
const FIELD_NAMES: Readonly<Record<string, readonly string[]>> = {
  x: ["x", "x_key", "x_column", "label"],
  y: ["y", "y_key", "y_column", "value", "metric"],
  label: ["label", "x", "name", "category", "x_key"],
  value: ["value", "y", "metric", "column", "x", "y_key"],
};

/**
 * Reads charts over columns of a table: `{type: line | scatter | bar | histogram, x, y, title}`.
 * Bars also take `label` and `value`, and histograms `value`.
 *
 * @param scalars Other names in the run's summary, which the charts' tables must not reuse.
 * @throws {Failure} `invalid_arguments`, naming the chart by its index.
 */
export function readCharts(
  charts: readonly unknown[],
  table: Table,
  scalars: readonly string[] = [],
): MadeChart[] {
  const taken = new Set(
    scalars.filter((name) => name.endsWith("_table")).map((name) => name.slice(0, -6)),
  );
  return charts.map((given, index) => {
    const name = `\`charts[${index}]\``;
    const chart = Chart.safeParse(given);
    if (!chart.success) throw badArgument(`${name} must be an object with a \`type\`.`);
    const { type, title, ...rest } = chart.data;
    const word = type.trim().toLowerCase().replace(/[_ -]?(plot|chart)$/, "");
    const kind = Object.keys(PRESETS).find((one): one is Kind => one === word);
    if (kind === undefined) {
      throw unknownName({
        what: `chart type for ${name}`,
        given: type,
        valid: Object.keys(PRESETS),
      });
    }
    const { preset, fields } = PRESETS[kind];
    const used = new Set<string>();
    const columns = fields.map((field) => {
      const key = FIELD_NAMES[field]?.find((one) => Object.hasOwn(rest, one) && !used.has(one));
      used.add(key ?? "");
      const column = key === undefined ? undefined : rest[key];
      if (typeof column !== "string") {
        throw badArgument(
          `${name} (${kind}) lacks \`${field}\`, the name of a column.`,
          `A ${kind} chart takes ${fields.join(", ")}, title. Columns: ${
            table.columns.join(", ")
          }.`,
        );
      }
      if (table.columns.includes(column)) return column;
      throw unknownName({ what: `column for ${name}`, given: column, valid: table.columns });
    });
    const key = uniqueKey(title ?? `${kind} ${columns.join(" ")}`, taken);
    const places = columns.map((column) => table.columns.indexOf(column));
    return {
      key,
      table: { columns, data: table.data.map((row) => places.map((place) => row[place] ?? null)) },
      visualization: {
        panel_type: "Vega2",
        panel_config: configureChart(
          preset,
          `${key}_table`,
          {
            ...Object.fromEntries(fields.map((field, place) => [field, columns[place] ?? ""])),
            // W&B's client sends null if no column tells lines apart.
            ...(kind === "line" ? { stroke: null } : {}),
          },
          { title: title ?? columns.join(" by ") },
        ),
      },
    };
  });
}

/** Makes a key from a title. A number is appended if the key is taken. */
export function uniqueKey(title: string, taken: Set<string>, fallback = "chart"): string {
  const plain = title.replaceAll(/[^\p{L}\p{N}]+/gu, "_").replaceAll(/^_+|_+$/g, "") || fallback;
  const base = plain.slice(0, 60).toWellFormed();
  let key = base;
  for (let count = 2; taken.has(key); count++) key = `${base}_${count}`;
  taken.add(key);
  return key;
}

/** Configures a custom chart over a run's table, as W&B's client 0.25.1 does. */
export function configureChart(
  preset: string,
  table: string,
  fields: Readonly<Record<string, string | null>>,
  strings: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const leaf = (name: string) => ({ name, fields: [] });
  return {
    panelDefId: preset,
    fieldSettings: fields,
    stringSettings: strings,
    transform: { name: "tableWithLeafColNames" },
    userQuery: {
      queryFields: [{
        name: "runSets",
        args: [{ name: "runSets", value: "${runSets}" }],
        fields: [leaf("id"), leaf("name"), {
          name: "summaryTable",
          args: [{ name: "tableKey", value: table }],
          fields: [],
        }],
      }],
    },
  };
}
