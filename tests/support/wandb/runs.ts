/** Runs: reading, listing, and the mutations that write them. */
import { z } from "zod";
import { userNode } from "./accounts.ts";
import { runArtifactFields } from "./artifacts.ts";
import { findProject, mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { runFileFields } from "./files.ts";
import { runHistoryFields } from "./run-history.ts";
import { bareNonFinite, JsonObject, lookup, parseObject, quoteNonFinite } from "./json.ts";
import type { Project, Run, User } from "./model.ts";
import { choose, type Getter, parseFilter } from "./mongo.ts";
import { connection } from "./paging.ts";
import { ensureProject, projectNode } from "./projects.ts";
import { sweepNode } from "./sweeps.ts";

const RunsArgs = z.looseObject({
  filters: z.string().nullish(),
  order: z.string().nullish(),
  name: z.string().nullish(),
});
const Keys = z.looseObject({ keys: z.array(z.string()).nullish() });

/** The run fields of a project. */
export function projectRunFields(
  sim: Sim,
  caller: User,
  project: Project,
): Record<string, unknown> {
  const byName = (raw: unknown) => {
    const run = sim.db.runs.first({ project: project.id, name: RunsArgs.parse(raw).name ?? "" });
    return run ? runNode(sim, caller, run) : null;
  };
  const list = (raw: unknown) =>
    runList(sim, caller, sim.db.runs.find({ project: project.id }), raw);
  return {
    run: byName,
    bucket: byName,
    runs: list,
    buckets: list,
    runCount: (raw: unknown) => {
      const { filters } = RunsArgs.parse(raw);
      if (!filters || filters === "{}") return sim.db.runs.count({ project: project.id });
      const filter = parseFilter(filters);
      return sim.db.runs.find({ project: project.id })
        .filter((run) => filter(runGetter(sim, run))).length;
    },
  };
}

/** A connection over runs, by default the newest first. */
export function runList(sim: Sim, caller: User, runs: readonly Run[], raw: unknown): unknown {
  const { filters, order } = RunsArgs.parse(raw);
  const chosen = choose(runs, filters, order || "-created_at", (run) => runGetter(sim, run));
  return connection(chosen, raw, (run) => runNode(sim, caller, run));
}

/** The state as it reads: a silent run has crashed. */
export function stateOf(sim: Sim, run: Run): string {
  if (run.state !== "running" || run.generated !== null) return run.state;
  const silent = (Date.parse(sim.now()) - Date.parse(run.heartbeatAt)) / 1000;
  return silent > sim.behaviour.crashAfterSeconds ? "crashed" : "running";
}

/** Reads a run's fields for filters and orders. */
export function runGetter(sim: Sim, run: Run): Getter {
  let config: JsonObject | undefined;
  let summary: JsonObject | undefined;
  return (field) => {
    if (field.startsWith("config.")) {
      config ??= parseObject(run.config);
      return configValue(config, field.slice("config.".length));
    }
    const metric = /^(?:summary_metrics|summaryMetrics|summary)\.(.+)$/.exec(field)?.[1];
    if (metric !== undefined) {
      summary ??= parseObject(run.summary);
      return lookup(summary, metric);
    }
    if (field.startsWith("keys_info.keys.")) {
      return lookup(sim.history(run).keys(), field.slice("keys_info.".length));
    }
    return runField(sim, run, field);
  };
}

/** `lr`, `lr.value`, `model.value.depth` and `model.depth` all reach into a configuration. */
function configValue(config: JsonObject, path: string): unknown {
  const unwrapped = Object.fromEntries(
    Object.entries(config).map(([key, entry]) => {
      const object = JsonObject.safeParse(entry);
      return [key, object.success && "value" in object.data ? object.data["value"] : entry];
    }),
  );
  return lookup(unwrapped, path) ?? lookup(config, path);
}

function runField(sim: Sim, run: Run, field: string): unknown {
  switch (field) {
    case "id":
      return run.id;
    case "name":
      return run.name;
    case "displayName":
    case "display_name":
      return run.displayName;
    case "state":
      return stateOf(sim, run);
    case "tags":
      return run.tags;
    case "group":
      return run.group;
    case "jobType":
    case "job_type":
      return run.jobType;
    case "createdAt":
    case "created_at":
      return run.createdAt;
    case "updatedAt":
    case "updated_at":
      return run.updatedAt;
    case "heartbeatAt":
    case "heartbeat_at":
      return run.heartbeatAt;
    case "username":
    case "user.username":
      return run.username;
    case "sweep":
      return run.sweep === null ? null : sim.db.sweeps.get(run.sweep)?.name;
    case "host":
      return run.host;
    case "notes":
      return run.notes;
    case "description":
      return run.description;
    case "commit":
      return run.commit;
    case "duration":
      return (Date.parse(run.heartbeatAt) - Date.parse(run.createdAt)) / 1000;
    default:
      throw new SimError(400, `invalid filter field: ${field}`);
  }
}

/** A `Run`. */
export function runNode(sim: Sim, caller: User, run: Run): unknown {
  const project = () => {
    const found = sim.db.projects.get(run.project);
    return found ? projectNode(sim, caller, found) : null;
  };
  const sweep = () => run.sweep === null ? undefined : sim.db.sweeps.get(run.sweep);
  const narrowed = (text: string) => (raw: unknown) => {
    const { keys } = Keys.parse(raw);
    const wanted = keys ? narrow(text, keys) : text;
    return sim.behaviour.nonFinite === "bare" ? bareNonFinite(wanted) : wanted;
  };
  const state = stateOf(sim, run);
  return {
    __typename: "Run",
    id: run.id,
    name: run.name,
    displayName: run.displayName,
    projectId: () => sim.db.projects.get(run.project)?.internalId,
    project,
    description: run.description,
    notes: run.notes,
    state,
    group: run.group,
    jobType: run.jobType,
    tags: run.tags,
    commit: run.commit,
    host: run.host,
    readOnly: caller.readOnly,
    createdAt: run.createdAt,
    updatedAt: run.updatedAt,
    heartbeatAt: run.heartbeatAt,
    computeSeconds: () => (Date.parse(run.heartbeatAt) - Date.parse(run.createdAt)) / 1000,
    exitcode: run.exitcode,
    failed: state === "failed" || state === "crashed",
    running: state === "running",
    stopped: run.stopped,
    shouldStop: run.stopped,
    user: () => {
      const user = sim.db.users.first({ username: run.username });
      return user ? userNode(sim, caller, user) : null;
    },
    sweep: () => {
      const found = sweep();
      return found ? sweepNode(sim, caller, found) : null;
    },
    sweepName: () => sweep()?.name ?? null,
    runInfo: { program: run.program, args: [], codeSaved: false },
    config: narrowed(run.config),
    wandbConfig: (raw: unknown) => {
      const inner = lookup(parseObject(run.config), "_wandb.value");
      const text = JSON.stringify(inner ?? {});
      const { keys } = Keys.parse(raw);
      return keys ? narrow(text, keys) : text;
    },
    summaryMetrics: narrowed(run.summary),
    ...runHistoryFields(sim, run),
    ...runFileFields(sim, run),
    ...runArtifactFields(sim, caller, run),
  };
}

function narrow(text: string, keys: readonly string[]): string {
  const all = parseObject(text);
  const chosen: JsonObject = {};
  for (const key of keys) {
    const value = lookup(all, key);
    if (value !== undefined) chosen[key] = value;
  }
  return JSON.stringify(chosen);
}

const BucketInput = z.looseObject({
  id: z.string().nullish(),
  name: z.string().nullish(),
  displayName: z.string().nullish(),
  entityName: z.string().nullish(),
  modelName: z.string().nullish(),
  groupName: z.string().nullish(),
  description: z.string().nullish(),
  notes: z.string().nullish(),
  config: z.string().nullish(),
  summaryMetrics: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  state: z.string().nullish(),
  jobType: z.string().nullish(),
  jobProgram: z.string().nullish(),
  jobRepo: z.string().nullish(),
  commit: z.string().nullish(),
  host: z.string().nullish(),
  sweep: z.string().nullish(),
});
type BucketInput = z.infer<typeof BucketInput>;

/** Creates a run, or changes the fields that are given. */
export function upsertRun(
  sim: Sim,
  caller: User,
  input: BucketInput,
): { run: Run; inserted: boolean } {
  const byId = input.id ? sim.db.runs.get(input.id) : undefined;
  if (input.id && !byId) throw new SimError(404, "run not found");
  const project = byId
    ? sim.db.projects.get(byId.project)
    : ensureProject(sim, caller, input.entityName, input.modelName);
  if (!project) throw new SimError(404, "project not found");
  mustWrite(sim, caller, project.entity);
  const name = input.name || newRunName();
  const known = byId ?? sim.db.runs.first({ project: project.id, name });
  const now = sim.now();
  const base = known ?? newRun(sim, caller, project, name, now);
  const sweep = input.sweep
    ? sim.db.sweeps.first({ project: project.id, name: input.sweep })?.id ?? base.sweep
    : base.sweep;
  const run: Run = {
    ...base,
    displayName: input.displayName || base.displayName,
    group: input.groupName ?? base.group,
    description: input.description ?? base.description,
    notes: input.notes ?? base.notes,
    config: input.config ? jsonText(input.config) : base.config,
    summary: input.summaryMetrics ? jsonText(input.summaryMetrics) : base.summary,
    tags: input.tags ?? base.tags,
    state: input.state ?? (known && known.state !== "pending" ? base.state : "running"),
    jobType: input.jobType ?? base.jobType,
    program: input.jobProgram ?? base.program,
    repo: input.jobRepo ?? base.repo,
    commit: input.commit ?? base.commit,
    host: input.host ?? base.host,
    sweep,
    updatedAt: now,
    heartbeatAt: byId ? base.heartbeatAt : now,
  };
  sim.db.runs.put(run);
  return { run, inserted: known === undefined };
}

function newRun(sim: Sim, caller: User, project: Project, name: string, now: string): Run {
  const seq = sim.db.counters.next(`Run ${project.id}`);
  return {
    id: btoa(`Run:v1:${name}:${project.name}:${project.entity}`),
    seq,
    name,
    project: project.id,
    displayName: `calm-river-${seq}`,
    description: null,
    notes: null,
    state: "running",
    group: null,
    jobType: null,
    tags: [],
    commit: null,
    host: null,
    program: null,
    repo: null,
    config: "{}",
    summary: "{}",
    sweep: null,
    agent: null,
    username: caller.username,
    createdAt: now,
    updatedAt: now,
    heartbeatAt: now,
    exitcode: null,
    stopped: false,
    generated: null,
  };
}

/** Eight characters, as clients make them. */
export function newRunName(): string {
  return Array.from(
    crypto.getRandomValues(new Uint8Array(8)),
    (byte) => (byte % 36).toString(36),
  ).join("");
}

function jsonText(text: string): string {
  try {
    return JSON.stringify(JSON.parse(quoteNonFinite(text)));
  } catch {
    throw new SimError(400, "not JSON");
  }
}

const InputId = z.looseObject({ input: z.looseObject({ id: z.string() }) });
const Ok = () => ({ success: true });

/** The run fields of the mutation root. */
export function runMutations(sim: Sim, caller: User): Record<string, unknown> {
  const owned = (id: string): Run => {
    const run = sim.db.runs.get(id);
    const project = run && sim.db.projects.get(run.project);
    if (!run || !project) throw new SimError(404, "run not found");
    mustWrite(sim, caller, project.entity);
    return run;
  };
  return {
    upsertBucket: (raw: unknown) => {
      const { input } = z.looseObject({ input: BucketInput }).parse(raw);
      const { run, inserted } = upsertRun(sim, caller, input);
      return { bucket: runNode(sim, caller, run), inserted };
    },
    updateRunState: (raw: unknown) => {
      const { input } = z.looseObject({
        input: z.looseObject({ id: z.string(), state: z.string() }),
      }).parse(raw);
      sim.db.runs.put({ ...owned(input.id), state: input.state });
      return Ok();
    },
    deleteRun: (raw: unknown) => {
      const run = owned(InputId.parse(raw).input.id);
      sim.db.runs.delete(run.id);
      sim.db.lines.clear(run.id);
      return { clientMutationId: null };
    },
    stopRun: (raw: unknown) => {
      sim.db.runs.put({ ...owned(InputId.parse(raw).input.id), stopped: true });
      return Ok();
    },
    notifyScriptableRunAlert: (raw: unknown) => {
      const { input } = z.looseObject({
        input: z.looseObject({ entityName: z.string(), projectName: z.string() }),
      }).parse(raw);
      needProject(sim, caller, input.entityName, input.projectName);
      return Ok();
    },
    createCustomChart: () => ({ chart: { id: sim.db.newId("CustomChart") } }),
  };
}

/** The run that a path names. */
export function findRun(
  sim: Sim,
  caller: User,
  entity: string,
  project: string,
  name: string,
): Run | undefined {
  const found = findProject(sim, caller, entity, project);
  return found && sim.db.runs.first({ project: found.id, name });
}
