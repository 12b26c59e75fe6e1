import { Failure } from "../core/failure.ts";
import * as z from "zod";
import { listFirst, nearest, oneOf } from "../core/nearest.ts";
import type { WandbSession } from "./client.ts";
import type { ProjectRef } from "./project.ts";
import { connectionShape } from "./shapes.ts";

/** A project; its `id` is not needed here. */
type Place = Pick<ProjectRef, "entity" | "project">;

/** Suggestions for a project that was not found. */
export const NEAR_PROJECTS = `query NearProjects($e: String!) {
  viewer { username entity teams(first: 200) { edges { node { name } } } }
  models(entityName: $e, first: 200) { edges { node { name } } pageInfo { hasNextPage } }
}`;

/** Suggestions for a run that was not found: runs with that display name, and the newest. */
export const NEAR_RUNS = `query NearRuns($e: String!, $p: String!, $f: JSONString) {
  project(entityName: $e, name: $p) {
    named: runs(filters: $f, first: 5) { edges { node { name displayName state } } }
    newest: runs(first: 50, order: "-created_at") { edges { node { name displayName } } }
  }
}`;

const NAMED = z.looseObject({ name: z.string() });
const PROJECTS = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    teams: connectionShape(NAMED),
  }).nullish(),
  models: connectionShape(NAMED),
});
const RUN = z.looseObject({ name: z.string(), displayName: z.string().nullish() });
const RUNS = z.looseObject({
  project: z.looseObject({ named: connectionShape(RUN), newest: connectionShape(RUN) }).nullish(),
});

/** The error for a project that is not there or not visible, with the nearest names. */
export async function noProject(session: WandbSession, place: Place): Promise<Failure> {
  const what = `There is no project "${place.project}" of entity "${place.entity}", or this key ` +
    "cannot see it.";
  const found = await ignoreFailure(session.ask(NEAR_PROJECTS, { e: place.entity }, PROJECTS));
  const viewer = found?.viewer;
  const entities = [viewer?.username, viewer?.entity, ...viewer?.teams.nodes.map(getName) ?? []]
    .filter((name) => typeof name === "string");
  const projects = found?.models.nodes.map(getName) ?? [];
  if (projects.length > 0) {
    const near = nearest(place.project, projects, 5);
    return notFound(
      what,
      suggest(near, `Its projects: ${listFirst(projects, 10)}.`),
    );
  }
  const near = nearest(place.entity, entities.filter((name) => name !== place.entity), 3);
  if (near.length > 0) return notFound(what, `Did you mean the entity ${oneOf(near)}?`);
  const reachable = [...new Set(entities)];
  return notFound(
    what,
    reachable.length === 0
      ? "list_entities_tool and query_wandb_entity_projects name what there is."
      : `This key reaches the entities ${reachable.slice(0, 10).join(", ")}; ` +
        "query_wandb_entity_projects lists their projects.",
  );
}

/** The error for runs that are not there; a display name given for an id is recognised. */
export async function noRun(
  session: WandbSession,
  place: Place,
  run: string,
): Promise<Failure> {
  const filters = JSON.stringify({ display_name: run });
  const variables = { e: place.entity, p: place.project, f: filters };
  const found = await ignoreFailure(session.ask(NEAR_RUNS, variables, RUNS));
  const what = `There is no run "${run}" in ${place.entity}/${place.project}.`;
  const named = (found?.project?.named.nodes ?? []).filter((one) => one.displayName === run);
  if (named.length > 0) {
    return notFound(
      `${what} "${run}" is a display name; run_id takes the short id.`,
      `Use ${oneOf(named.map(getName))}.`,
    );
  }
  const newest = found?.project?.newest.nodes ?? [];
  const near = nearest(run, newest.flatMap((one) => [one.name, one.displayName ?? one.name]), 3);
  const ids = newest.filter((one) =>
    near.includes(one.name) || near.includes(one.displayName ?? "")
  )
    .map((one) => one.displayName ? `${one.name} (${one.displayName})` : one.name);
  return notFound(
    what,
    ids.length > 0
      ? `Did you mean ${oneOf(ids.slice(0, 3))}?`
      : "query_wandb_tool with resource=runs lists the runs and their ids.",
  );
}

function getName({ name }: { readonly name: string }): string {
  return name;
}

/** A hint: the nearest names, or else what to do without them. */
export function suggest(near: readonly string[], otherwise: string): string {
  return near.length > 0 ? `Did you mean ${oneOf(near)}?` : otherwise;
}

/** The failure for something that does not exist, with a hint of what does or where to look. */
export function notFound(message: string, hint: string): Failure {
  return new Failure("not_found", message, { hint });
}

/** The data, or undefined: a failed look-up must not hide what was missing. */
export async function ignoreFailure<T>(
  answer: Promise<{ readonly data: T }>,
): Promise<T | undefined> {
  try {
    return (await answer).data;
  } catch (error) {
    if (error instanceof Failure && error.code !== "cancelled") return undefined;
    throw error;
  }
}
