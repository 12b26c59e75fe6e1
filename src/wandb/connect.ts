import * as z from "zod";
import type { Settings } from "../config/settings.ts";
import { Failure, isFailure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { defined } from "../core/values.ts";
import { openSession } from "../http/client.ts";
import { path } from "../http/request.ts";
import { watchClock } from "../http/transport.ts";
import type { Health } from "../mcp/backend.ts";
import { perCaller } from "../mcp/define.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import type { Suggest, Suggestion } from "../mcp/workflow.ts";
import { type Account, accountsFor } from "./account.ts";
import { createWandb, type UnknownField, type Wandb, type WandbSession } from "./client.ts";
import { checkEntity, noProject } from "./missing.ts";
import { type Defaults, readProjectArgs, resolveProject } from "./project.ts";
import { connectionShape } from "./shapes.ts";
import {
  createWeave,
  NO_WEAVE,
  readFailure,
  type Weave,
  type WeaveSession,
} from "./weave/client.ts";
import { findEvaluations, listNames } from "./weave/evaluations/find.ts";

type Call = Omit<UpstreamCall, "signal">;

/** W&B's API and Weave's trace server, for any caller; loaded on first use. */
export function connectWandb(settings: Settings, baseUrl: URL, log: Log) {
  const accounts = accountsFor(settings, baseUrl, log);
  const account = accounts.own;
  const missingFields = perCaller((): UnknownField[] => []);
  const open = (call: Call): Wandb =>
    createWandb(accounts.forCall(call), missingFields(call.caller));
  return {
    open,
    lookUps: wandbLookUps(account, (call) => open(call).open(call.signal)),
    check: (signal: AbortSignal) => checkWandb(account, signal),
    checkDefaults: (signal: AbortSignal) => checkDefaults(createWandb(account), signal),
    connectWeave: (traceUrl: URL) => {
      const unsupported = perCaller(() => new Set<string>());
      const open = (call: Call): Weave =>
        createWeave(accounts.forCall(call), traceUrl, unsupported(call.caller));
      return {
        open,
        lookUps: weaveLookUps(account, (call) => open(call).open(call.signal)),
        check: (signal: AbortSignal) => checkWeave(account, traceUrl, signal),
      };
    },
  };
}

/** The key's owner, and the version of a self-managed server. */
export const WHO = `query Who {
  viewer { username entity }
  serverInfo { latestLocalVersionInfo { versionOnThisInstanceString } } # optional
}`;

const WHO_SHAPE = z.looseObject({
  viewer: z.looseObject({ username: z.string().nullish(), entity: z.string().nullish() }).nullish(),
  serverInfo: z.looseObject({
    latestLocalVersionInfo: z.looseObject({ versionOnThisInstanceString: z.string().nullish() })
      .nullish(),
  }).nullish(),
});

const INFO = z.looseObject({ trace_server_version: z.string().nullish() });

/** Checks that W&B's API can be reached, and whose key it is. */
export async function checkWandb(account: Account, signal: AbortSignal): Promise<Health> {
  const { watched, skew } = watchAccount(account);
  const { data: { viewer, serverInfo } } = await createWandb(watched).open(signal)
    .ask(WHO, {}, WHO_SHAPE).catch((error) => {
      if (!isFailure(error, "invalid_arguments")) throw error;
      throw new Failure("upstream_error", "The server does not know W&B's queries.", {
        hint: "Check that WANDB_BASE_URL is the address of a W&B server.",
        cause: error,
      });
    });
  if (!viewer) {
    throw new Failure("unauthorized", "W&B does not know whose key this is.", {
      hint: `Make a new one at ${account.appUrl.origin}/authorize.`,
    });
  }
  return defined({
    user: viewer.username ?? viewer.entity ?? undefined,
    version: serverInfo?.latestLocalVersionInfo?.versionOnThisInstanceString ?? undefined,
    skew: skew(),
  });
}

/** Whether a project exists. */
export const PROJECT_EXISTS = `query ProjectExists($e: String!, $p: String!) {
  project(entityName: $e, name: $p) { name }
}`;

const EXISTS = z.looseObject({ project: z.looseObject({ name: z.string() }).nullish() });

/** Makes sure that the default project, or else the default entity, can be reached with the key. */
export async function checkDefaults(wandb: Wandb, signal: AbortSignal): Promise<void> {
  const { entity, project } = wandb;
  if (entity === undefined) return;
  const session = wandb.open(signal);
  const ask = <T>(answer: Promise<{ readonly data: T }>): Promise<T | undefined> =>
    answer.then(({ data }) => data, (error) => {
      if (isFailure(error, "not_found")) return undefined;
      throw error;
    });
  try {
    if (project === undefined) {
      const found = await ask(session.ask(SUGGEST_PROJECTS, { e: entity }, PROJECTS));
      if ((found?.models.nodes ?? []).length === 0) await checkEntity(session, entity);
    } else {
      const found = await ask(session.ask(PROJECT_EXISTS, { e: entity, p: project }, EXISTS));
      if (!found?.project) throw await noProject(session, { entity, project });
    }
  } catch (error) {
    if (!isFailure(error, "not_found")) throw error;
    const names = project === undefined ? "WANDB_ENTITY" : "WANDB_ENTITY and WANDB_PROJECT";
    throw new Failure("not_found", `${names}: ${error.message}`, { hint: error.hint });
  }
}

/** Checks that Weave's trace server can be reached; it shares W&B's key. */
export async function checkWeave(
  account: Account,
  baseUrl: URL,
  signal: AbortSignal,
): Promise<Health> {
  const { watched, skew } = watchAccount(account);
  const upstream = watched.connect({
    service: "Weave",
    setting: "WF_TRACE_SERVER_URL",
    baseUrl,
    readError: (status, body, headers) => readFailure(status, body, headers, account.ifRefused),
  });
  const http = openSession(upstream, signal);
  const info = await watched.authorized(
    http,
    (authorization) =>
      http.json({ method: "GET", path: path`/server_info`, headers: { authorization } }),
  ).catch(async (error) => {
    if (!isFailure(error, "not_found")) throw error;
    // An older service lacks only this route; it refuses a question without a project.
    await watched.authorized(http, (authorization) =>
      http.json({
        method: "POST",
        path: path`/calls/query_stats`,
        json: {},
        headers: { authorization },
        repeatable: true,
      })).catch((error) => {
        if (!isFailure(error) || ![404, 405].includes(error.status ?? 0)) return;
        throw new Failure("unsupported", "No Weave trace server answers at this address.", {
          hint: NO_WEAVE,
        });
      });
    return {};
  });
  const version = INFO.safeParse(info).data?.trace_server_version ?? undefined;
  return defined({ version, skew: skew() });
}

function watchAccount(account: Account) {
  let clock: ReturnType<typeof watchClock> | undefined;
  const connect: Account["connect"] = (server) => {
    const options = account.connect(server);
    clock = watchClock(options.transport);
    return { ...options, transport: clock.transport };
  };
  return { watched: { ...account, connect }, skew: () => clock?.skew() };
}

/** The entities that the key can access. */
export const SUGGEST_ENTITIES = `query SuggestEntities {
  viewer { username entity teams(first: 200) { edges { node { name } } } }
}`;

/** An entity's projects. */
export const SUGGEST_PROJECTS = `query SuggestProjects($e: String!) {
  models(entityName: $e, first: 200) { edges { node { name } } }
}`;

/** A project's newest runs. */
export const SUGGEST_RUNS = `query SuggestRuns($e: String!, $p: String!) {
  project(entityName: $e, name: $p) {
    runs(first: 100, order: "-created_at") { edges { node { name displayName } } }
  }
}`;

const NAMED = connectionShape(z.looseObject({ name: z.string() }));
const ENTITIES = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    teams: NAMED,
  }).nullish(),
});
const PROJECTS = z.looseObject({ models: NAMED });
const RUN = z.looseObject({ name: z.string(), displayName: z.string().nullish() });
const RUNS = z.looseObject({ project: z.looseObject({ runs: connectionShape(RUN) }).nullish() });

/** Look-ups for `entity`, `project` and `run_id`; defaults fill in what is left out. */
export function wandbLookUps(
  defaults: Defaults,
  open: (call: UpstreamCall) => WandbSession,
): Readonly<Record<"entity" | "project" | "run_id", Suggest>> {
  const viewer = async (call: UpstreamCall) =>
    (await open(call).ask(SUGGEST_ENTITIES, {}, ENTITIES)).data.viewer;
  const readPlace = ({ entity, project }: Readonly<Record<string, string>>) =>
    readProjectArgs(
      { entity_name: entity || undefined, project_name: project || undefined },
      defaults,
    );
  const resolveEntity = async (given: Readonly<Record<string, string>>, call: UpstreamCall) => {
    const { entity: known } = readPlace(given);
    if (known !== undefined) return known;
    const own = await viewer(call);
    return own?.entity ?? own?.username ?? undefined;
  };
  return {
    entity: async (_typed, _given, call) => {
      const own = await viewer(call);
      const teams = own?.teams.nodes.map(({ name }) => name) ?? [];
      return [own?.username, own?.entity, ...teams].flatMap((name) =>
        name ? [{ value: name }] : []
      );
    },
    project: async (_typed, given, call) => {
      const entity = await resolveEntity(given, call);
      if (entity === undefined) return [];
      const { data } = await open(call).ask(SUGGEST_PROJECTS, { e: entity }, PROJECTS);
      return data.models.nodes.map(({ name }) => ({ value: name }));
    },
    run_id: async (_typed, given, call) => {
      const entity = await resolveEntity(given, call);
      const { project } = readPlace(given);
      if (entity === undefined || project === undefined) return [];
      const variables = { e: entity, p: project };
      const { data } = await open(call).ask(SUGGEST_RUNS, variables, RUNS);
      return data.project?.runs.nodes.map(({ name, displayName }): Suggestion => ({
        value: name,
        ...(displayName ? { label: displayName } : {}),
      })) ?? [];
    },
  };
}

/** Maximum number of evaluations to suggest by id. */
const EVALUATIONS = 50;

/** Look-ups for `evaluation` (names) and `evaluation_id`. */
export function weaveLookUps(
  defaults: Defaults,
  open: (call: UpstreamCall) => WeaveSession,
): Readonly<Record<"evaluation" | "evaluation_id", Suggest>> {
  const at = (given: Readonly<Record<string, string>>) =>
    resolveProject({
      ...(given.entity ? { entity_name: given.entity } : {}),
      ...(given.project ? { project_name: given.project } : {}),
    }, defaults);
  return {
    evaluation: async (_typed, given, call) =>
      (await listNames(open(call), at(given))).map((name) => ({ value: name })),
    evaluation_id: async (_typed, given, call) => {
      const wanted = { ids: [], name: undefined, limit: EVALUATIONS };
      const { evaluations } = await findEvaluations(open(call), at(given), wanted);
      return evaluations.map(({ call, name }) => ({ value: call.id, label: name }));
    },
  };
}
