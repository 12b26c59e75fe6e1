/** The mutations that write runs. */
import { z } from "zod";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { parseObject, quoteNonFinite } from "./json.ts";
import type { Project, Run, User } from "./model.ts";
import { ensureProject } from "./projects.ts";
import { runNode } from "./runs.ts";

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
const RewindInput = z.looseObject({
  runName: z.string(),
  entityName: z.string().nullish(),
  projectName: z.string().nullish(),
  metricName: z.string(),
  metricValue: z.number(),
});

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
    rewindRun: (raw: unknown) => {
      const { input } = z.looseObject({ input: RewindInput }).parse(raw);
      const project = needProject(sim, caller, input.entityName, input.projectName);
      mustWrite(sim, caller, project.entity);
      const run = sim.db.runs.first({ project: project.id, name: input.runName });
      if (!run || input.metricName !== "_step") throw new SimError(404, "run not found");
      const kept = sim.db.lines.all(run.id, "history").map(({ text }) => text)
        .filter((text) => Number(parseObject(text)["_step"]) <= input.metricValue);
      sim.db.lines.clear(run.id);
      sim.db.lines.write(run.id, "history", 0, kept);
      return { rewoundRun: runNode(sim, caller, run) };
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
