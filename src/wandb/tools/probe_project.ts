import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { defined } from "../../core/values.ts";
import { matchKeys } from "../history/choose.ts";
import { noProject } from "../missing.ts";
import { connectionShape, HISTORY_KEYS, OBJECT_FIELD, readConfig, readSummary } from "../shapes.ts";
import { PROJECT_ARGS, resolveProject } from "../project.ts";
import { reportProblems, type WandbServices, wandbTool } from "../tool.ts";

/** A project's newest runs, and the number of runs in each state, which the server counts. */
export const PROBE = `query Probe($e: String!, $p: String!, $n: Int!, $running: JSONString,
  $finished: JSONString, $failed: JSONString, $crashed: JSONString, $killed: JSONString,
  $artifacts: Boolean!) {
  project(entityName: $e, name: $p) {
    name
    runCount
    running: runCount(filters: $running)
    finished: runCount(filters: $finished)
    failed: runCount(filters: $failed)
    crashed: runCount(filters: $crashed)
    killed: runCount(filters: $killed)
    totalSweeps # optional
    artifactCollections(first: 100) @include(if: $artifacts) {
      edges { node { name defaultArtifactType { name } } }
      pageInfo { hasNextPage }
    }
    runs(first: $n, order: "-created_at") {
      edges { node { name state tags group jobType config summaryMetrics historyKeys } }
    }
  }
}`;

const STATES = ["running", "finished", "failed", "crashed", "killed"] as const;

const RUN = z.looseObject({
  name: z.string(),
  state: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  group: z.string().nullish(),
  jobType: z.string().nullish(),
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
  historyKeys: HISTORY_KEYS,
});
const COUNT = z.number().nullish();
const SHAPE = z.looseObject({
  project: z.looseObject({
    name: z.string(),
    runCount: COUNT,
    running: COUNT,
    finished: COUNT,
    failed: COUNT,
    crashed: COUNT,
    killed: COUNT,
    totalSweeps: COUNT,
    runs: connectionShape(RUN),
    artifactCollections: connectionShape(z.looseObject({
      name: z.string(),
      defaultArtifactType: z.looseObject({ name: z.string() }).nullish(),
    })),
  }).nullish(),
});

/** Describes what a project's runs log. */
export const probeProject: Tool<WandbServices> = wandbTool({
  name: "probe_project_tool",
  title: "Probe W&B project",
  toolset: "wandb.discovery",
  effect: "read",
  description:
    "Overview of an unfamiliar W&B project: which metrics, config keys and tags its newest " +
    "runs log, run counts by state, groups, typical length. Call it before writing a query.",
  input: z.object({
    ...PROJECT_ARGS,
    sample_runs: z.int().min(1).max(50).default(5),
    field_pattern: z.string().optional().describe("Only keys that match; * stands for any text."),
    include_artifacts: z.boolean().default(false).describe("Also artifact collections."),
  }),
  output: z.looseObject({
    run_count: z.int(),
    sampled_runs: z.int(),
    run_states: z.record(z.string(), z.int()),
    metric_keys: z.record(z.string(), z.string()),
    metric_count: z.int(),
    config_keys: z.looseObject({}),
    config_count: z.int(),
    has_history: z.boolean(),
    typical_steps: z.number(),
    tags: z.array(z.string()),
    groups: z.array(z.string()),
    recommendations: z.array(z.string()),
  }),
  run: async (args, { wandb, signal }) => {
    const place = resolveProject(args, wandb);
    const session = wandb.open(signal);
    const filters = STATES.map((state) => [state, JSON.stringify({ state })] as const);
    const { data, problems } = await session.ask(PROBE, {
      e: place.entity,
      p: place.project,
      n: args.sample_runs,
      artifacts: args.include_artifacts,
      ...Object.fromEntries(filters),
    }, SHAPE);
    const { project } = data;
    if (!project) throw await noProject(session, place);
    const runs = project.runs.nodes;
    const matching = <T>(values: Record<string, T>): Record<string, T> => {
      if (args.field_pattern === undefined) return values;
      const { found } = matchKeys([args.field_pattern], Object.keys(values));
      return Object.fromEntries(Object.entries(values).filter(([key]) => found.includes(key)));
    };
    const metrics = matching(metricTypes(runs));
    const config = matching(firstValues(runs.map((run) => readConfig(run.config))));
    const steps = runs.map((run) => run.historyKeys.lastStep).filter((step) => step >= 0);
    const typical = steps.length === 0
      ? 0
      : Math.round(steps.reduce((sum, step) => sum + step, 0) / steps.length);
    const tags = sortDistinct(runs.flatMap((run) => run.tags ?? []));
    const groups = sortDistinct(runs.flatMap(({ group }) => group ? [group] : []));
    const jobTypes = sortDistinct(runs.flatMap(({ jobType }) => jobType ? [jobType] : []));
    const counted = STATES.reduce((sum, state) => sum + (project[state] ?? 0), 0);
    const other = Math.max(0, (project.runCount ?? 0) - counted);
    const known = {
      run_count: project.runCount ?? runs.length,
      metric_count: Object.keys(metrics).length,
      typical_steps: typical,
      tags: tags.slice(0, 20),
      ...(tags.length > 20 ? { tags_truncated: true } : {}),
      groups: groups.slice(0, 10),
      ...(groups.length > 10 ? { groups_truncated: true } : {}),
    };
    return {
      data: {
        ...known,
        sampled_runs: runs.length,
        run_states: Object.fromEntries([
          ...STATES.flatMap((state): [string, number][] => {
            const count = project[state];
            return count ? [[state, count]] : [];
          }),
          ...(other > 0 ? [["other", other] as const] : []),
        ]),
        ...(project.totalSweeps ? { sweep_count: project.totalSweeps } : {}),
        metric_keys: metrics,
        config_keys: config,
        config_count: Object.keys(config).length,
        has_history: runs.some((run) => run.historyKeys.keys.size > 0),
        job_types: jobTypes.slice(0, 10),
        ...(jobTypes.length > 10 ? { job_types_truncated: true } : {}),
        ...(args.include_artifacts
          ? {
            artifacts: project.artifactCollections.nodes.map((one) => ({
              name: one.name,
              ...defined({ type: one.defaultArtifactType?.name }),
            })),
            ...(project.artifactCollections.page.hasNextPage ? { artifacts_truncated: true } : {}),
          }
          : {}),
        recommendations: recommendations(known),
        url: wandb.links.project(place.entity, place.project),
        ...reportProblems(problems),
      },
    };
  },
});

/** The type of each metric, from the history if it is there and from the summary otherwise. */
function metricTypes(runs: readonly z.output<typeof RUN>[]): Record<string, string> {
  const types = new Map<string, string>();
  for (const run of runs) {
    for (const [key, info] of run.historyKeys.keys) {
      if (!key.startsWith("_")) types.set(key, info.types[0] ?? "number");
    }
  }
  for (const run of runs) {
    for (const [key, value] of Object.entries(readSummary(run.summaryMetrics))) {
      if (!types.has(key)) types.set(key, `${typeName(value)} (summary only)`);
    }
  }
  return Object.fromEntries([...types].sort(([a], [b]) => a < b ? -1 : 1));
}

function typeName(value: Json): string {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return typeof value._type === "string" ? value._type : "object";
  }
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return "number";
  return Array.isArray(value) ? "list" : typeof value;
}

/** The first value of each key, shortened. */
function firstValues(configs: readonly JsonObject[]): Record<string, Json> {
  const values = new Map<string, Json>();
  for (const config of configs) {
    for (const [key, value] of Object.entries(config)) {
      if (!values.has(key)) values.set(key, shortenSample(value));
    }
  }
  return Object.fromEntries([...values].sort(([a], [b]) => a < b ? -1 : 1));
}

function shortenSample(value: Json): Json {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= 80 ? value : `${text.slice(0, 79).toWellFormed()}…`;
}

function sortDistinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

function recommendations(
  known: {
    run_count: number;
    metric_count: number;
    typical_steps: number;
    tags: readonly string[];
    groups: readonly string[];
  },
): string[] {
  const advice: [boolean, string][] = [
    [known.run_count > 100, `${known.run_count} runs: filter and order in query_wandb_tool.`],
    [known.typical_steps > 10_000, "Long histories: use get_run_history_tool with few keys."],
    [known.metric_count > 20, `${known.metric_count} metrics: name the keys that you need.`],
    [known.tags.length > 0, `Filter by tag: {"tags":{"$in":[${JSON.stringify(known.tags[0])}]}}.`],
    [known.groups.length > 0, `Filter by group: {"group":${JSON.stringify(known.groups[0])}}.`],
  ];
  return advice.flatMap(([applies, text]) => applies ? [text] : []);
}
