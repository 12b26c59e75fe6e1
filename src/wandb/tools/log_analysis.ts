import * as z from "zod";
import { shortenMessage } from "../../core/values.ts";
import { badArgument } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { analysisRunId, readCharts, readTable, summarizeColumns } from "../reports/analysis.ts";
import { tableFile, writeRun } from "../reports/write_run.ts";
import { runLinks, type WandbServices, wandbTool } from "../tool.ts";

/** The key of the table that holds all rows. */
const TABLE = "analysis";
/** W&B's web pages show at most this many rows of a table. */
const MOST_ROWS = 10_000;

/** Stores the results of an analysis as a run. */
export const logAnalysis: Tool<WandbServices> = wandbTool({
  name: "log_analysis_to_wandb",
  title: "Log an analysis to W&B",
  toolset: "wandb.reports",
  effect: "write",
  idempotent: true,
  description: "Save (log, store) the results of an analysis in W&B as a finished run, tagged " +
    "mcp-generated: rows as a table, computed statistics (mean, min, max, median) of numeric " +
    "columns, scalars, and charts. Panels show it by its run_id as analysis_run_id. Only " +
    "when the user wants something saved.",
  input: z.object({
    ...PROJECT_ARGS,
    analysis_name: z.string(),
    data: z.array(z.record(z.string(), z.unknown())).min(1).describe("Rows."),
    charts: z.array(z.looseObject({})).optional().describe(
      "{type: line|scatter|bar|histogram, x, y, title}; x and y name columns.",
    ),
    scalars: z.record(z.string(), z.unknown()).optional(),
    analysis_id: z.string().optional().describe(
      "The run's id, to write the same run again. Default: derived from the data.",
    ),
  }),
  argumentAliases: { name: "analysis_name", rows: "data", run_id: "analysis_id" },
  output: z.looseObject({
    run_id: z.string(),
    run_url: z.string(),
    created: z.boolean(),
    logged_keys: z.array(z.string()),
    table_columns: z.array(z.string()),
    row_count: z.int(),
  }),
  target: (args, { wandb }) => ({
    project: resolveProject(args, wandb).id,
    run_id: args.analysis_id,
  }),
  run: async (args, { wandb, signal }) => {
    const project = resolveProject(args, wandb);
    const { data, charts = [], scalars = {}, analysis_name: name } = args;
    const table = readTable(data);
    const made = readCharts(charts, table, Object.keys(scalars));
    const computed = summarizeColumns(table);
    const reserved = Object.keys(scalars).filter((key) => key === TABLE || key.startsWith("_"));
    if (reserved.length > 0) {
      throw badArgument(`\`scalars\`: W&B reserves ${reserved.join(", ")}.`);
    }
    const id = analysisRunId(args.analysis_id, [project.id, name, data, charts, scalars]);
    const files = [
      tableFile(TABLE, table),
      ...made.map((chart) => tableFile(`${chart.key}_table`, chart.table)),
    ];
    const written = await writeRun(wandb, project, {
      id,
      name,
      jobType: "mcp-analysis",
      notes: "Logged by wandflow.",
      charts: Object.fromEntries(made.map(({ key, visualization }) => [key, visualization])),
      summary: {
        ...computed,
        ...scalars,
        _mcp_row_count: data.length,
        _mcp_columns: JSON.stringify(table.columns),
      },
      files,
    }, signal);
    const notes = [
      ...written.notes,
      ...written.missing.map(({ key, reason }) => `${key} was not stored: ${reason}.`),
      ...(data.length > MOST_ROWS
        ? [`W&B's pages show the first ${MOST_ROWS} of ${data.length} rows; all are stored.`]
        : []),
      ...made.flatMap(({ key }) => {
        const [, other = ""] = /^(.*)_\d+$/s.exec(key) ?? [];
        return Object.hasOwn(scalars, `${other}_table`)
          ? [`${key}_table is the chart's table: ${other}_table is a scalar.`]
          : [];
      }),
      ...Object.keys(scalars).filter((key) => Object.hasOwn(computed, key)).map((key) =>
        `${key} is the scalar that was given, not the one computed from the rows.`
      ),
    ];
    return {
      data: {
        run_id: id,
        run_url: wandb.links.run(project.entity, project.project, id),
        created: written.created,
        logged_keys: [
          ...new Set([...Object.keys(computed), ...Object.keys(scalars)]),
          ...files.map(({ key }) => key).filter((key) =>
            !written.missing.some((one) => one.key === key)
          ),
        ].map(shortenMessage),
        table_columns: table.columns.map(shortenMessage),
        row_count: data.length,
        ...(notes.length === 0 ? {} : { notes: notes.map(shortenMessage) }),
      },
      links: runLinks(project, id),
    };
  },
});
