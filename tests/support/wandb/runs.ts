/** Runs: reading and listing. */
import { z } from "zod";
import { userNode } from "./accounts.ts";
import { runArtifactFields } from "./artifacts.ts";
import type { Sim } from "./context.ts";
import { runFileFields } from "./files.ts";
import { runHistoryFields } from "./run-history.ts";
import { bareNonFinite, type JsonObject, lookup, parseObject } from "./json.ts";
import type { Project, Run, User } from "./model.ts";
import { SimError } from "./errors.ts";
import { choose, parseFilter } from "./mongo.ts";
import { connection } from "./paging.ts";
import { projectNode } from "./projects.ts";
import { runGetter, stateOf } from "./run-query.ts";
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
  const numeric = /"(created|updated|heartbeat)_?[aA]t":\s*(\{"\$\w+":\s*)?-?\d/.test(
    filters ?? "",
  );
  if (numeric && sim.behaviour.numericTimes === "error") {
    throw new SimError(500, "internal server error");
  }
  const get = (run: Run) => runGetter(sim, run);
  const { missingFields } = sim.behaviour;
  const chosen = choose(runs, filters, order || "-created_at", get, missingFields);
  return connection(chosen, raw, (run) => runNode(sim, caller, run));
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
  const shown = (time: string) => sim.behaviour.zonedTimes ? time : time.replace(/Z$/, "");
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
    createdAt: shown(run.createdAt),
    updatedAt: shown(run.updatedAt),
    heartbeatAt: shown(run.heartbeatAt),
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
