/** Sweeps: how they read, and how agents are given runs. */
import { z } from "zod";
import { userNode } from "./accounts.ts";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { lookup, parseObject } from "./json.ts";
import type { Agent, Project, Run, Sweep, User } from "./model.ts";
import { choose } from "./mongo.ts";
import { connection } from "./paging.ts";
import { ensureProject, projectNode } from "./projects.ts";
import { newRunName, upsertRun } from "./run-mutations.ts";
import { runList } from "./runs.ts";
import { planSize, readPlan, suggestion } from "./sweep-plan.ts";

const Lists = z.looseObject({ filters: z.string().nullish(), order: z.string().nullish() });

/** The sweep fields of a project. */
export function projectSweepFields(
  sim: Sim,
  caller: User,
  project: Project,
): Record<string, unknown> {
  return {
    totalSweeps: () => sim.db.sweeps.count({ project: project.id }),
    sweep: (raw: unknown) => {
      const { sweepName } = z.looseObject({ sweepName: z.string() }).parse(raw);
      const found = sim.db.sweeps.first({ project: project.id, name: sweepName }) ??
        sim.db.sweeps.get(sweepName);
      return found ? sweepNode(sim, caller, found) : null;
    },
    sweeps: (raw: unknown) => {
      const { filters, order } = Lists.parse(raw);
      const chosen = choose(
        sim.db.sweeps.find({ project: project.id }).reverse(),
        filters,
        order,
        (one) => sweepGetter(one),
      );
      return connection(chosen, raw, (one) => sweepNode(sim, caller, one));
    },
  };
}

function sweepGetter(sweep: Sweep): (field: string) => unknown {
  const fields: Record<string, unknown> = {
    id: sweep.id,
    name: sweep.name,
    displayName: sweep.displayName,
    state: sweep.state,
    createdAt: sweep.createdAt,
    created_at: sweep.createdAt,
    updatedAt: sweep.updatedAt,
  };
  return (field) => {
    if (!Object.hasOwn(fields, field)) throw new SimError(400, `invalid filter field: ${field}`);
    return fields[field];
  };
}

/** A `Sweep`. */
export function sweepNode(sim: Sim, caller: User, sweep: Sweep): unknown {
  const plan = readPlan(sweep.config);
  const runs = () => sim.db.runs.find({ sweep: sweep.id });
  const project = sim.db.projects.get(sweep.project);
  const agents = () => sim.db.agents.find({ sweep: sweep.id });
  return {
    __typename: "Sweep",
    ...sweep,
    method: plan.method,
    bestLoss: () => bestOf(runs(), plan.metric, plan.goal),
    controllerRunName: null,
    earlyStopJobRunning: false,
    runCount: () => runs().length,
    runCountExpected: planSize(plan) ?? null,
    project: () => project ? projectNode(sim, caller, project) : null,
    user: () => {
      const user = sim.db.users.first({ username: sweep.username });
      return user ? userNode(sim, caller, user) : null;
    },
    runs: (raw: unknown) => runList(sim, caller, runs(), raw),
    agents: (raw: unknown) => connection(agents(), raw, (one) => agentNode(sim, caller, one)),
    agent: (raw: unknown) => {
      const { agentName } = z.looseObject({ agentName: z.string() }).parse(raw);
      const found = agents().find((one) => one.id === agentName);
      return found ? agentNode(sim, caller, found) : null;
    },
  };
}

function bestOf(runs: readonly Run[], metric: string | undefined, goal: string): number | null {
  const values = runs.map((run) => lookup(parseObject(run.summary), metric ?? ""))
    .filter((value) => typeof value === "number");
  if (values.length === 0) return null;
  return goal === "maximize" ? Math.max(...values) : Math.min(...values);
}

function agentNode(sim: Sim, caller: User, agent: Agent): unknown {
  const runs = () => sim.db.runs.find({ agent: agent.id });
  return {
    __typename: "Agent",
    id: agent.id,
    name: agent.id,
    host: agent.host,
    state: "RUNNING",
    totalRuns: () => runs().length,
    createdAt: agent.createdAt,
    heartbeatAt: agent.heartbeatAt,
    runs: (raw: unknown) => runList(sim, caller, runs(), raw),
  };
}

const Upsert = z.looseObject({
  input: z.looseObject({
    id: z.string().nullish(),
    config: z.string().nullish(),
    description: z.string().nullish(),
    displayName: z.string().nullish(),
    entityName: z.string().nullish(),
    projectName: z.string().nullish(),
    controller: z.string().nullish(),
    scheduler: z.string().nullish(),
    state: z.string().nullish(),
  }),
});

/** The sweep fields of the mutation root. */
export function sweepMutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    upsertSweep: (raw: unknown) => {
      const { input } = Upsert.parse(raw);
      const known = input.id ? sim.db.sweeps.get(input.id) : undefined;
      const project = known
        ? sim.db.projects.get(known.project)
        : ensureProject(sim, caller, input.entityName, input.projectName);
      if (!project) throw new SimError(404, "project not found");
      mustWrite(sim, caller, project.entity);
      const now = sim.now();
      const config = input.config ?? known?.config ?? "";
      const sweep = sim.db.sweeps.put({
        id: known?.id ?? sim.db.newId("Sweep"),
        name: known?.name ?? newRunName(),
        project: project.id,
        displayName: input.displayName ?? known?.displayName ?? readPlan(config).name ?? null,
        description: input.description ?? known?.description ?? null,
        state: input.state ?? known?.state ?? "PENDING",
        config,
        controller: input.controller ?? known?.controller ?? null,
        scheduler: input.scheduler ?? known?.scheduler ?? null,
        username: known?.username ?? caller.username,
        createdAt: known?.createdAt ?? now,
        updatedAt: now,
        heartbeatAt: known?.heartbeatAt ?? null,
        handedOut: known?.handedOut ?? 0,
      });
      return { sweep: sweepNode(sim, caller, sweep), configValidationWarnings: [] };
    },
    createAgent: (raw: unknown) => {
      const { input } = z.looseObject({
        input: z.looseObject({
          host: z.string(),
          entityName: z.string().nullish(),
          projectName: z.string().nullish(),
          sweep: z.string(),
        }),
      }).parse(raw);
      const project = needProject(sim, caller, input.entityName, input.projectName);
      const sweep = sim.db.sweeps.first({ project: project.id, name: input.sweep });
      if (!sweep) throw new SimError(404, "sweep not found");
      const now = sim.now();
      const agent = sim.db.agents.put({
        id: sim.db.newId("Agent"),
        sweep: sweep.id,
        host: input.host,
        createdAt: now,
        heartbeatAt: now,
      });
      return { agent: agentNode(sim, caller, agent) };
    },
    agentHeartbeat: (raw: unknown) => {
      const { input } = z.looseObject({
        input: z.looseObject({ id: z.string(), runState: z.string().nullish() }),
      }).parse(raw);
      const known = sim.db.agents.get(input.id);
      const sweep = known && sim.db.sweeps.get(known.sweep);
      if (!known || !sweep) throw new SimError(404, "sweep not found");
      const agent = sim.db.agents.put({ ...known, heartbeatAt: sim.now() });
      const busy = Object.keys(parseObject(input.runState)).length > 0;
      const commands = busy ? [] : [nextCommand(sim, caller, sweep, agent)];
      return { agent: agentNode(sim, caller, agent), commands: JSON.stringify(commands) };
    },
  };
}

/** A run with the plan's next parameters, or the end. */
function nextCommand(sim: Sim, caller: User, sweep: Sweep, agent: Agent): unknown {
  const parameters = suggestion(readPlan(sweep.config), sweep.handedOut);
  const project = sim.db.projects.get(sweep.project);
  if (!parameters || !project) {
    sim.db.sweeps.put({ ...sweep, state: "FINISHED", updatedAt: sim.now() });
    return { type: "exit" };
  }
  const args = Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, { value }]),
  );
  const { run } = upsertRun(sim, caller, {
    entityName: project.entity,
    modelName: project.name,
    name: newRunName(),
    config: JSON.stringify(args),
    sweep: sweep.name,
    state: "pending",
  });
  sim.db.runs.put({ ...run, agent: agent.id });
  sim.db.sweeps.put({
    ...sweep,
    state: "RUNNING",
    handedOut: sweep.handedOut + 1,
    heartbeatAt: sim.now(),
  });
  return { type: "run", run_id: run.name, program: null, args };
}
