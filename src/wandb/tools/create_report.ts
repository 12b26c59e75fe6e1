import * as z from "zod";
import { defined, shortenMessage } from "../../core/values.ts";
import { badArgument, Failure, isFailure } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import type { Wandb } from "../client.ts";
import {
  PROJECT_ARGS,
  type ProjectArgs,
  type ProjectRef,
  resolveProject,
  resolveReport,
} from "../project.ts";
import { analysisRunId, uniqueKey } from "../reports/analysis.ts";
import { readMarkdown } from "../reports/markdown.ts";
import { mediaGrid, readPanels } from "../reports/panels.ts";
import { findProject, newId, readReport, writeReport } from "../reports/report.ts";
import { htmlFile, writeRun } from "../reports/write_run.ts";
import { type WandbServices, wandbTool } from "../tool.ts";

const tool: Tool<WandbServices> = wandbTool({
  name: "create_wandb_report_tool",
  title: "Write a W&B report",
  toolset: "wandb.reports",
  effect: "write",
  description:
    "Write a W&B report: a document to share, of a summary in Markdown sections and of " +
    "panels (line plots, bar charts …) comparing runs; or add to one by report_id. Only when " +
    "the user asks for a report; give them its url.",
  input: z.object({
    ...PROJECT_ARGS,
    title: z.string().optional(),
    description: z.string().optional(),
    markdown_report_text: z.string().optional().describe("Markdown; [TOC], $formulas$, tables."),
    panels: z.array(z.looseObject({})).optional().describe(
      "{type: line, y: [keys], x}, bar|scalar {metrics}, scatter {x, y}, run_comparison, " +
        "parallel_coordinates {columns}, media {keys}, markdown_table {headers, rows}, " +
        "custom_chart {chart: bar, table, fields: {label, value}}; each with title, run_ids, " +
        "filters, group_by, analysis_run_id.",
    ),
    plots_html: z.record(z.string(), z.string()).optional().describe("HTML or SVG by name."),
    draft: z.boolean().optional(),
    report_id: z.string().optional().describe("A report to change: id or url."),
    mode: z.enum(["append", "replace"]).optional().describe("With report_id. Default: append."),
  }),
  argumentAliases: {
    markdown: "markdown_report_text",
    text: "markdown_report_text",
    name: "title",
  },
  output: z.looseObject({
    report_id: z.string(),
    url: z.string(),
    created: z.boolean(),
    blocks: z.int(),
  }),
  target: (args, { wandb }) => ({
    project: findPlace(args, wandb).id,
    report_id: args.report_id,
  }),
  run: async (args, { wandb, signal }) => {
    const { markdown_report_text: text = "", panels = [], plots_html: html } = args;
    const project = findPlace(args, wandb);
    const id = project.report;
    if (id === undefined && args.title === undefined) {
      throw badArgument("`title` is missing: give the report a title.");
    }
    if (text === "" && panels.length === 0 && html === undefined) {
      throw badArgument(
        "The report would be empty: give `markdown_report_text`, `panels` or `plots_html`.",
      );
    }
    const session = wandb.open(signal);
    // Validate the whole call before writing anything.
    readPanels(panels, { ...project, internalId: undefined }, newId);
    if (id !== undefined) await readReport(session, id, project);
    const source = await findProject(session, project);
    const plots = html === undefined ? undefined : await writePlots(wandb, project, html, signal);
    const blocks = [
      ...await readMarkdown(text),
      ...readPanels(panels, source, newId),
      ...(plots === undefined || plots.keys.length === 0
        ? []
        : [mediaGrid(plots.keys, plots.run, source, newId)]),
    ];
    const written = await writeReport(wandb, project, id, {
      title: args.title,
      description: args.description,
      draft: args.draft,
      blocks,
      replaces: args.mode === "replace",
    }, signal).catch((error) => {
      throw plots === undefined ? error : mentionPlots(error, plots.run);
    });
    const notes = [
      ...written.notes,
      ...plots?.notes ?? [],
      ...plots?.missing.map(({ key, reason }) => `${key} is not in the report: ${reason}.`) ?? [],
    ];
    return {
      data: {
        report_id: written.id,
        url: wandb.links.report(project.entity, project.project, written.title, written.id),
        created: id === undefined,
        draft: written.isDraft,
        blocks: written.blocks,
        ...(plots === undefined ? {} : { plots_run_id: plots.run }),
        ...(notes.length === 0 ? {} : { notes: notes.map(shortenMessage) }),
      },
    };
  },
});

/** Writes a report, or changes an existing one. */
export const createReport: Tool<WandbServices> = {
  ...tool,
  call: (raw, context) => tool.call(namePlot(raw), context),
};

/** The project of the report, and the report's id if it already exists. */
function findPlace(
  args: ProjectArgs & { readonly report_id?: string | undefined },
  defaults: Wandb,
): ProjectRef & { readonly report?: string } {
  return args.report_id === undefined
    ? resolveProject(args, defaults)
    : resolveReport(args, args.report_id, defaults);
}

/**
 * W&B's own server also accepts a single plot without a name. The input schema cannot say so, as
 * not all clients support unions.
 */
function namePlot(raw: unknown): unknown {
  if (typeof raw !== "object" || raw === null || !("plots_html" in raw)) return raw;
  const { plots_html: html } = raw;
  const alone = typeof html === "string" && !html.trimStart().startsWith("{");
  return alone && html.trim() !== "" ? { ...raw, plots_html: { plot: html } } : raw;
}

/** Stores HTML and SVG as media of a run, so that the report can show them. */
async function writePlots(
  wandb: Wandb,
  project: ProjectRef,
  html: Readonly<Record<string, string>>,
  signal: AbortSignal,
) {
  const plots = Object.entries(html);
  const id = analysisRunId(undefined, [project.id, plots]);
  const taken = new Set<string>();
  const files = plots.map(([name, content]) => htmlFile(uniqueKey(name, taken, "plot"), content));
  const { missing, notes } = await writeRun(wandb, project, {
    id,
    name: "report plots",
    jobType: "mcp-report-plots",
    notes: "Plots of a report, written by wandflow.",
    summary: {},
    files,
  }, signal);
  const keys = files.map(({ key }) => key).filter((key) => !missing.some((one) => one.key === key));
  return { run: id, keys, missing, notes };
}

/** Adds to a failure that the plots have already been stored. */
function mentionPlots(error: unknown, run: string): unknown {
  if (!isFailure(error)) return error;
  const { code, message, hint, retryable, status, effect = "part" } = error;
  return new Failure(code, `${message} The report's plots are stored in run ${run}.`, {
    ...defined({ hint, status }),
    retryable,
    effect,
    cause: error,
  });
}
