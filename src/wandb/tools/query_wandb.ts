import { badArgument } from "../../core/failure.ts";
import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { defined } from "../../core/values.ts";
import { defaultFields } from "../query/fields.ts";
import { FILTER_FORM } from "../query/filter.ts";
import { type ListQuery, listResource } from "../query/list.ts";
import { type Resource, RESOURCES } from "../query/resources.ts";
import { readProjectArgs, SHORT_NAMES } from "../project.ts";
import { type WandbServices, wandbTool } from "../tool.ts";

/** The number of items to return if the call does not say. */
const DEFAULT_LIMIT = 50;

/** Translates the arguments that W&B's own MCP server takes today into ours. */
function translateArguments(args: {
  readonly resource: Resource;
  readonly run_id?: string | undefined;
  readonly filters?: Readonly<Record<string, unknown>> | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly sweep_id?: string | undefined;
  readonly report_name?: string | undefined;
  readonly include?: readonly string[] | undefined;
  readonly config_keys?: readonly string[] | undefined;
  readonly summary_keys?: readonly string[] | undefined;
  readonly response_mode: "items" | "count";
}): Partial<ListQuery> {
  const { resource, filters, sweep_id: sweep, response_mode: mode, include = [] } = args;
  const isRuns = resource === "runs";
  if (sweep !== undefined && !isRuns && resource !== "sweeps") {
    throw badArgument(`resource=${resource} does not take \`sweep_id\`.`);
  }
  const keys = [
    ...(args.config_keys ?? []).map((key) => `config.${key}`),
    ...(args.summary_keys ?? []).map((key) => `summary.${key}`),
  ];
  if (!isRuns && keys.length > 0) {
    throw badArgument(`resource=${resource} takes neither \`config_keys\` nor \`summary_keys\`.`);
  }
  const named = args.fields ?? [];
  const isPlain = named.length + include.length + keys.length === 0;
  // W&B's own server returns a single run with its summary.
  const more = isPlain && isRuns && args.run_id !== undefined ? ["summary"] : [...include, ...keys];
  const defaults = named.length === 0 && more.length > 0 ? defaultFields(resource) : [];
  const fields = [...defaults, ...named, ...more];
  return defined({
    filters: sweep === undefined ? filters : { ...filters, [isRuns ? "sweep" : "name"]: sweep },
    fields: fields.length === 0 ? undefined : fields,
    title: args.report_name,
    spec: fields.includes("spec") || undefined,
    count: mode === "count" || undefined,
  });
}

/** Queries runs, sweeps, reports, artifacts and files of a project. */
export const queryWandb: Tool<WandbServices> = wandbTool({
  name: "query_wandb_tool",
  aliases: ["query_wandb_graphql_tool"],
  title: "Query W&B",
  toolset: "wandb.runs",
  effect: "read",
  description:
    "Find W&B runs: best performing, top, lowest or highest by a metric; finished, failed or " +
    "crashed; also list sweeps, reports, artifacts or files. Filters are Mongo-style: " +
    '{"state":"finished","config.learning_rate":{"$lt":0.1},"summary_metrics.accuracy":{"$gt":0.9}} ' +
    "($and $or $in $ne $exists $regex). `total` counts all matches, so limit=1 counts. For " +
    "curves use get_run_history_tool. What this form lacks: a read-only GraphQL `query` with " +
    "`variables`; its first connection is followed to max_items.",
  input: z.object({
    entity: z.string().optional(),
    project: z.string().optional(),
    resource: z.enum(RESOURCES).default("runs"),
    filters: z.record(z.string(), z.unknown(), { error: FILTER_FORM }).optional(),
    order: z.string().optional().describe("-created_at, -summary_metrics.acc, +config.lr"),
    fields: z.array(z.string()).optional().describe(
      "Of runs: name, state, tags, user, config.K, summary.K, config, summary …",
    ),
    run_id: z.string().optional().describe("One run, or whose files."),
    limit: z.int().min(1).max(1000).optional(),
    cursor: z.string().optional().describe("next_cursor of the page before."),
    query: z.string().optional().describe("GraphQL instead."),
    variables: z.record(z.string(), z.unknown()).optional(),
    max_items: z.int().min(1).max(10_000).optional(),
    items_per_page: z.int().min(1).max(1000).default(50),
    sweep_id: z.string().optional(),
    report_name: z.string().optional(),
    include: z.array(z.string()).optional(),
    config_keys: z.array(z.string()).optional(),
    summary_keys: z.array(z.string()).optional(),
    response_mode: z.enum(["items", "count"]).default("items"),
  }),
  unlisted: [
    ...["items_per_page", "sweep_id", "report_name", "include", "config_keys"] as const,
    ...["summary_keys", "response_mode"] as const,
  ],
  valueAliases: {
    resource: {
      run: "runs",
      sweep: "sweeps",
      report: "reports",
      artifact: "artifacts",
      file: "files",
    },
  },
  argumentAliases: {
    filter: "filters",
    sort: "order",
    order_by: "order",
    columns: "fields",
    after: "cursor",
    run: "run_id",
    graphql: "query",
  },
  output: z.looseObject({}),
  run: async (args, { wandb, signal }) => {
    const session = wandb.open(signal);
    if (args.query === undefined) {
      if (Object.keys(args.variables ?? {}).length > 0) {
        throw badArgument("`variables` need a `query`.", "Or use `filters` and `fields`.");
      }
      const limit = args.limit ?? args.max_items ?? DEFAULT_LIMIT;
      return await listResource({ ...args, ...translateArguments(args), limit }, wandb, session);
    }
    const { filters, order, fields, run_id } = args;
    const [passed] = Object.entries({ filters, order, fields, run_id })
      .flatMap(([name, value = {}]) => Object.keys(value).length === 0 ? [] : [name]);
    if (passed !== undefined) {
      throw badArgument(
        `\`${passed}\` cannot be combined with \`query\`.`,
        "Put it into the query, or leave out `query`.",
      );
    }
    const [{ prepareQuery }, { explainUnknownField, runQuery }] = await Promise.all([
      import("../query/document.ts"),
      import("../query/follow.ts"),
    ]);
    const where = { entity_name: args.entity, project_name: args.project };
    const { entity, project } = readProjectArgs(where, wandb, SHORT_NAMES);
    const prepared = prepareQuery(args.query, args.variables ?? {}, {
      entity,
      entityname: entity,
      project,
      projectname: project,
    });
    if (args.cursor !== undefined && prepared.follow === undefined) {
      throw badArgument("`query` has no connection that `cursor` could continue.");
    }
    const limits = {
      maxItems: args.max_items ?? args.limit,
      perPage: args.items_per_page,
      after: args.cursor,
    };
    try {
      return await runQuery(prepared, limits, session);
    } catch (error) {
      throw await explainUnknownField(error, session);
    }
  },
});
