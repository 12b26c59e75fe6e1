import * as z from "zod";
import type { Suggest, Suggestion } from "../mcp/workflow.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import type { WandbSession } from "./client.ts";
import { type Defaults, readProjectArgs } from "./project.ts";
import { connectionShape } from "./shapes.ts";

/** The entities that the key reaches. */
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

/** Look-ups for `entity`, `project` and `run_id`; what is left out is taken from the defaults. */
export function wandbLookUps(
  defaults: Defaults,
  open: (call: UpstreamCall) => WandbSession,
): Readonly<Record<"entity" | "project" | "run_id", Suggest>> {
  const viewer = async (call: UpstreamCall) =>
    (await open(call).ask(SUGGEST_ENTITIES, {}, ENTITIES)).data.viewer;
  const whereOf = ({ entity, project }: Readonly<Record<string, string>>) =>
    readProjectArgs(
      { entity_name: entity || undefined, project_name: project || undefined },
      defaults,
    );
  const entityOf = async (given: Readonly<Record<string, string>>, call: UpstreamCall) => {
    const { entity: known } = whereOf(given);
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
      const entity = await entityOf(given, call);
      if (entity === undefined) return [];
      const { data } = await open(call).ask(SUGGEST_PROJECTS, { e: entity }, PROJECTS);
      return data.models.nodes.map(({ name }) => ({ value: name }));
    },
    run_id: async (_typed, given, call) => {
      const entity = await entityOf(given, call);
      const { project } = whereOf(given);
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
