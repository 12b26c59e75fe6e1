import { isDeepEqual } from "../../core/builtin.ts";
import * as z from "zod";
import { shortenMessage } from "../../core/text.ts";
import { defined } from "../../core/values.ts";
import { badArgument, Failure, isFailure } from "../../core/failure.ts";
import { writeOnce } from "../../http/write.ts";
import type { Tool } from "../../mcp/tool.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { noProject } from "../missing.ts";
import {
  PROJECT_ARGS,
  type ProjectArgs,
  type ProjectRef,
  resolveProject,
  resolveReport,
} from "../project.ts";
import { analysisRunId, uniqueKey } from "../reports/analysis.ts";
import { type Block, EMPTY_PARAGRAPH, readMarkdown } from "../reports/markdown.ts";
import type { RunSource } from "../reports/grid.ts";
import { mediaGrid, readPanels } from "../reports/panels.ts";
import { htmlFile, writeRun } from "../reports/write_run.ts";
import { connectionShape } from "../shapes.ts";
import { type WandbServices, wandbTool } from "../tool.ts";

const VIEW = z.looseObject({
  id: z.string(),
  type: z.string().nullish(),
  displayName: z.string().nullish(),
  description: z.string().nullish(),
  spec: z.string().nullish(),
  project: z.looseObject({ name: z.string(), entityName: z.string() }).nullish(),
});

export const REPORT_PROJECT = `query ReportProject($e: String!, $p: String!) {
  project(entityName: $e, name: $p) { id internalId }
}`;
const LOOKED = z.looseObject({
  project: z.looseObject({
    id: z.string(),
    internalId: z.union([z.string(), z.number()]).nullish(),
  }).nullish(),
});

export const REPORT_TO_CHANGE = `query ReportToChange($id: ID!) {
  view(id: $id) { id type displayName description spec project { name entityName } }
}`;
const READ_SHAPE = z.looseObject({ view: VIEW.nullish() });

export const REPORT_BY_NAME = `query ReportByName($e: String!, $p: String!, $n: String!) {
  project(entityName: $e, name: $p) {
    allViews(viewName: $n, first: 5) { edges { node { id name } } }
  }
}`;
const FOUND = z.looseObject({
  project: z.looseObject({
    allViews: connectionShape(z.looseObject({ id: z.string(), name: z.string().nullish() })),
  }).nullish(),
});

export const WRITE_REPORT =
  `mutation WriteReport($id: ID, $e: String, $p: String, $n: String, $t: String,
  $d: String, $k: String, $s: String!) {
  upsertView(input: { id: $id, entityName: $e, projectName: $p, type: $k, name: $n,
    displayName: $t, description: $d, createdUsing: WANDB_SDK, spec: $s }) {
    view { id displayName } inserted
  }
}`;
const WRITTEN = z.looseObject({
  upsertView: z.looseObject({ view: z.looseObject({ id: z.string() }) }),
});

const SPEC = z.looseObject({ blocks: z.array(z.looseObject({})) });

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
      throw badArgument("`title` is missing: what is the report called?");
    }
    if (text === "" && panels.length === 0 && html === undefined) {
      throw badArgument(
        "The report would be empty: give `markdown_report_text`, `panels` or `plots_html`.",
      );
    }
    const session = wandb.open(signal);
    // Everything that can be wrong with the call is found before anything is written.
    readPanels(panels, { ...project, internalId: undefined }, newId);
    const before = id === undefined ? undefined : await readReport(session, id, project);
    const source = await findProject(session, project);
    const plots = html === undefined ? undefined : await writePlots(wandb, project, html, signal);
    const blocks = [
      ...await readMarkdown(text),
      ...readPanels(panels, source, newId),
      ...(plots === undefined || plots.keys.length === 0
        ? []
        : [mediaGrid(plots.keys, plots.run, source, newId)]),
    ];
    const kept = before === undefined || args.mode === "replace" ? [] : withoutEnds(before.blocks);
    const spec = {
      version: 5,
      panelSettings: {},
      width: "readable",
      authors: [],
      discussionThreads: [],
      ...before?.spec,
      blocks: [EMPTY_PARAGRAPH, ...kept, ...blocks, EMPTY_PARAGRAPH],
    };
    const title = args.title ?? before?.title ?? "";
    const kind = args.draft === undefined
      ? before?.type ?? "runs"
      : args.draft
      ? "runs/draft"
      : "runs";
    const description = args.description ?? before?.description ?? "";
    const { result: written, notes: lost = [] } = await writeReport(wandb, project, {
      id,
      title,
      description,
      type: kind,
      spec: JSON.stringify(spec),
      before,
    }, signal).catch((error) => {
      throw plots === undefined ? error : tellOfPlots(error, plots.run);
    });
    const notes = [
      ...lost,
      ...plots?.notes ?? [],
      ...plots?.missing.map(({ key, reason }) => `${key} is not in it: ${reason}.`) ?? [],
    ];
    return {
      data: {
        report_id: written,
        url: wandb.links.report(project.entity, project.project, title, written),
        created: id === undefined,
        draft: kind === "runs/draft",
        blocks: spec.blocks.length - 2,
        ...(plots === undefined ? {} : { plots_run_id: plots.run }),
        ...(notes.length === 0 ? {} : { notes: notes.map(shortenMessage) }),
      },
    };
  },
});

/** Writes a report, or adds to one. */
export const createReport: Tool<WandbServices> = {
  ...tool,
  call: (raw, context) => tool.call(namePlot(raw), context),
};

/** Where the report is or goes, with its id where it is there already. */
function findPlace(
  args: ProjectArgs & { readonly report_id?: string | undefined },
  defaults: Wandb,
): ProjectRef & { readonly report?: string } {
  return args.report_id === undefined
    ? resolveProject(args, defaults)
    : resolveReport(args, args.report_id, defaults);
}

/** W&B's server takes one plot without a name, too; schemas that clients share have no unions. */
function namePlot(raw: unknown): unknown {
  if (typeof raw !== "object" || raw === null || !("plots_html" in raw)) return raw;
  const { plots_html: html } = raw;
  const alone = typeof html === "string" && !html.trimStart().startsWith("{");
  return alone && html.trim() !== "" ? { ...raw, plots_html: { plot: html } } : raw;
}

/** Eleven random digits and letters, as W&B's clients name views, run sets and panels. */
function newId(): string {
  return BigInt(`0x${crypto.getRandomValues(new Uint8Array(8)).toHex()}`).toString(36).padStart(
    13,
    "0",
  ).slice(-11);
}

async function readReport(session: WandbSession, id: string, project: ProjectRef) {
  const { data: { view } } = await session.ask(REPORT_TO_CHANGE, { id }, READ_SHAPE);
  if (!view) {
    throw new Failure("not_found", "There is no report with this id, or the key cannot see it.", {
      hint: "query_wandb_tool with resource=reports lists a project's reports.",
    });
  }
  const { entityName: entity = project.entity, name = project.project } = view.project ?? {};
  if (entity !== project.entity || name !== project.project) {
    throw badArgument(
      `\`report_id\`: the report is in ${entity}/${name}, not in ${project.id}.`,
      "Give the report's address, or its entity_name and project_name.",
    );
  }
  const spec = SPEC.safeParse(JSON.parse(view.spec ?? "{}"));
  if (!spec.success) throw new Failure("unsupported", "The view with this id is not a report.");
  const { blocks } = spec.data;
  return {
    blocks,
    spec: spec.data,
    title: view.displayName ?? "",
    description: view.description,
    type: view.type,
  };
}

function withoutEnds(blocks: readonly Block[]): Block[] {
  const isEmpty = (block: Block | undefined) =>
    JSON.stringify(block) === JSON.stringify(EMPTY_PARAGRAPH);
  return blocks.slice(
    isEmpty(blocks[0]) ? 1 : 0,
    blocks.length > 1 && isEmpty(blocks.at(-1)) ? -1 : undefined,
  );
}

async function findProject(session: WandbSession, project: ProjectRef): Promise<RunSource> {
  const place = { e: project.entity, p: project.project };
  const { data } = await session.ask(REPORT_PROJECT, place, LOOKED);
  if (!data.project) throw await noProject(session, project);
  return {
    entity: project.entity,
    project: project.project,
    internalId: data.project.internalId ?? data.project.id,
  };
}

/** Keeps HTML and SVG as media of a run, which a report can show. */
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

/** The failure of a report whose plots are kept already. */
function tellOfPlots(error: unknown, run: string): unknown {
  if (!isFailure(error)) return error;
  const { code, message, hint, retryable, status, effect = "part" } = error;
  return new Failure(code, `${message} The plots of the report are kept in run ${run}.`, {
    ...defined({ hint, status }),
    retryable,
    effect,
    cause: error,
  });
}

/** A report as it is to be. */
interface Report {
  /** Of the report to change; undefined for a new one. */
  readonly id: string | undefined;
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly spec: string;
  /** The report that is changed, as it was. */
  readonly before: unknown;
}

/** Writes once; a new report is known by its own random name, a changed one by what it holds. */
function writeReport(wandb: Wandb, project: ProjectRef, report: Report, signal: AbortSignal) {
  const place = { e: project.entity, p: project.project };
  const name = newId();
  const { id, title, description, type, spec } = report;
  return writeOnce<string>({
    verb: id === undefined ? "stored" : "changed",
    send: async () => {
      const view = { id: id ?? null, n: name, t: title, d: description, k: type, s: spec };
      const { data } = await wandb.open(signal).ask(WRITE_REPORT, { ...place, ...view }, WRITTEN);
      return data.upsertView.view.id;
    },
    look: async () => {
      const session = wandb.open(signal);
      if (id === undefined) {
        const { data } = await session.ask(REPORT_BY_NAME, { ...place, n: name }, FOUND);
        const found = data.project?.allViews.nodes.find((node) => node.name === name);
        return found === undefined ? "nothing yet" : { result: found.id };
      }
      const now = await readReport(session, id, project);
      const isWritten = isDeepEqual(
        [now.title, now.description ?? "", now.type, now.spec],
        [title, description, type, JSON.parse(spec)],
      );
      if (isWritten) return { result: id };
      return isDeepEqual(now, report.before) ? "nothing yet" : "unclear";
    },
  }, signal);
}
