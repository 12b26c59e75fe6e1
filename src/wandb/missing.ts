import * as z from "zod";
import { Failure, listFirst, nearest, oneOf } from "../core/failure.ts";
import { type CollectionName, registryTitle, type VersionName } from "./artifacts/names.ts";
import type { WandbSession } from "./client.ts";
import type { ProjectRef } from "./project.ts";
import { connectionShape } from "./shapes.ts";

type Place = Pick<ProjectRef, "entity" | "project">;

/** Finds names close to a project that does not exist. */
export const NEAR_PROJECTS = `query NearProjects($e: String!) {
  viewer { username entity teams(first: 200) { edges { node { name } } } }
  models(entityName: $e, first: 200) { edges { node { name } } pageInfo { hasNextPage } }
}`;

/** The user and the teams that a key can reach. */
export const ENTITIES = `query Entities {
  viewer {
    username
    entity
    teams(first: 200) { edges { node { name } } pageInfo { hasNextPage } }
  }
}`;

/** For a run that does not exist: runs with that display name, and the newest runs. */
export const NEAR_RUNS = `query NearRuns($e: String!, $p: String!, $f: JSONString) {
  project(entityName: $e, name: $p) {
    named: runs(filters: $f, first: 5) { edges { node { name displayName state } } }
    newest: runs(first: 50, order: "-created_at") { edges { node { name displayName } } }
  }
}`;

const NAMED = z.looseObject({ name: z.string() });
const VIEWER = z.looseObject({
  username: z.string().nullish(),
  entity: z.string().nullish(),
  teams: connectionShape(NAMED),
}).nullish();
const REACHABLE = z.looseObject({ viewer: VIEWER });
const PROJECTS = z.looseObject({ viewer: VIEWER, models: connectionShape(NAMED) });
const RUN = z.looseObject({ name: z.string(), displayName: z.string().nullish() });
const RUNS = z.looseObject({
  project: z.looseObject({ named: connectionShape(RUN), newest: connectionShape(RUN) }).nullish(),
});

/** Fails if the key cannot reach an entity without projects, whose name may be a typo. */
export async function checkEntity(session: WandbSession, entity: string): Promise<void> {
  const known = listReachable((await session.ask(ENTITIES, {}, REACHABLE)).data.viewer);
  if (known.includes(entity)) return;
  const near = nearest(entity, known);
  throw notFound(
    `Entity "${entity}" has no projects that this key can see.`,
    suggest(near, `This key can access ${known.slice(0, 10).join(", ") || "no entity"}.`),
  );
}

/** The names of a key's user and teams, each once: the user may be listed as a team, too. */
function listReachable(viewer: z.output<typeof VIEWER>): string[] {
  const names = [viewer?.username, viewer?.entity, ...viewer?.teams.nodes.map(getName) ?? []];
  return [...new Set(names.flatMap((name) => name ? [name] : []))];
}

/** The failure for a project that does not exist or is not visible, with the nearest names. */
export async function noProject(session: WandbSession, place: Place): Promise<Failure> {
  const what = `There is no project "${place.project}" of entity "${place.entity}", or this key ` +
    "cannot see it.";
  const found = await ignoreFailure(session.ask(NEAR_PROJECTS, { e: place.entity }, PROJECTS));
  const reachable = listReachable(found?.viewer);
  const projects = found?.models.nodes.map(getName) ?? [];
  if (projects.length > 0) {
    const near = nearest(place.project, projects, 5);
    return notFound(
      what,
      suggest(near, `Its projects: ${listFirst(projects, 10)}.`),
    );
  }
  const near = nearest(place.entity, reachable.filter((name) => name !== place.entity), 3);
  if (near.length > 0) return notFound(what, `Did you mean the entity ${oneOf(near)}?`);
  return notFound(
    what,
    reachable.length === 0
      ? "list_entities_tool and query_wandb_entity_projects list what exists."
      : `This key can access the entities ${reachable.slice(0, 10).join(", ")}; ` +
        "query_wandb_entity_projects lists their projects.",
  );
}

/** The failure for a run that does not exist; recognises a display name given as an id. */
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

/** A hint with the nearest names; `otherwise` if there are none. */
export function suggest(near: readonly string[], otherwise: string): string {
  return near.length > 0 ? `Did you mean ${oneOf(near)}?` : otherwise;
}

/** The failure for something that does not exist; the hint says what does, or where to look. */
function notFound(message: string, hint: string): Failure {
  return new Failure("not_found", message, { hint });
}

/** The data, or undefined: a failed look-up must not hide the failure that it explains. */
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

/** What there is where a collection or version was not found. */
export const NEAR_VERSIONS = `query NearVersions($e: String!, $p: String!, $k: String!) {
  project(entityName: $e, name: $p) {
    artifactCollection(name: $k) {
      defaultArtifactType { name }
      aliases(first: 100) { edges { node { alias } } }
      artifacts(first: 20) { edges { version } }
    }
    artifactCollections(first: 200) { edges { node { name } } }
  }
}`;

/** What there is where an organization or registry was not found. */
export const NEAR_REGISTRIES = `query NearRegistries($f: JSONString) {
  viewer {
    organizations {
      name
      orgEntity { name projects(filters: $f, first: 100) { edges { node { name } } } }
    }
  }
}`;

const NAMES = connectionShape(NAMED);
const VERSIONS = z.looseObject({
  project: z.looseObject({
    artifactCollection: z.looseObject({
      defaultArtifactType: z.looseObject({ name: z.string() }).nullish(),
      aliases: connectionShape(z.looseObject({ alias: z.string() })),
      artifacts: z.looseObject({
        edges: z.array(z.looseObject({ version: z.string().nullish() }).nullable()).nullish(),
      }).nullish(),
    }).nullish(),
    artifactCollections: NAMES,
  }).nullish(),
});
const REGISTRIES = z.looseObject({
  viewer: z.looseObject({
    organizations: z.array(
      z.looseObject({
        name: z.string(),
        orgEntity: z.looseObject({ name: z.string(), projects: NAMES }).nullish(),
      }).nullable(),
    ).nullish(),
  }).nullish(),
});

/** Only registries: projects of other names may belong to an organization's entity too. */
export const REGISTRY_FILTER = { name: { $regex: "^wandb-registry-" } } as const;

/**
 * The error for a version that is not there. `entity` is where its project was found; undefined
 * when the project itself is missing.
 */
export async function noVersion(
  session: WandbSession,
  name: VersionName,
  entity: string | undefined,
): Promise<Failure> {
  const near = await nearCollection(session, name, entity);
  if (near instanceof Failure) return near;
  const { aliases, versions } = near;
  const what = `Collection ${namePlace(name, entity)}/${name.collection} has no version ` +
    `"${name.alias}".`;
  const others = nearest(name.alias, [...aliases, ...versions]);
  const known = [...aliases, ...versions];
  return notFound(
    what,
    known.length === 0 ? "It has no versions." : suggest(others, `It has ${listFirst(known, 12)}.`),
  );
}

/** The error for a collection that is not there, or is of another type than `type`. */
export async function noCollection(
  session: WandbSession,
  name: CollectionName,
  entity: string | undefined,
  type: string | undefined,
): Promise<Failure> {
  const near = await nearCollection(session, name, entity);
  if (near instanceof Failure) return near;
  return notFound(
    `Collection ${namePlace(name, entity)}/${name.collection} is not of type "${type}".`,
    near.type === undefined ? "Leave `type_name` out." : `Its type is "${near.type}".`,
  );
}

async function nearCollection(
  session: WandbSession,
  name: CollectionName,
  entity: string | undefined,
) {
  if (entity === undefined) {
    return name.registry
      ? await noRegistry(session, name.entity, name.project)
      : await noProject(session, { entity: name.entity ?? "", project: name.project });
  }
  const variables = { e: entity, p: name.project, k: name.collection };
  const found = (await ignoreFailure(session.ask(NEAR_VERSIONS, variables, VERSIONS)))?.project;
  const collection = found?.artifactCollection;
  if (collection) {
    return {
      type: collection.defaultArtifactType?.name,
      aliases: collection.aliases.nodes.map(({ alias }) => alias),
      versions: (collection.artifacts?.edges ?? []).flatMap((edge) => edge?.version ?? []),
    };
  }
  const names = found?.artifactCollections.nodes.map((one) => one.name) ?? [];
  const near = nearest(name.collection, names, 5);
  return notFound(
    `There is no artifact collection "${name.collection}" in ${
      namePlace(name, entity)
    }, or this key ` +
      "cannot see it.",
    near.length > 0
      ? `Did you mean ${oneOf(near)}?`
      : names.length > 0
      ? `It has ${listFirst(names, 12)}.`
      : name.registry
      ? "list_registry_collections_tool names a registry's collections."
      : "query_wandb_tool with resource=artifacts lists a project's collections.",
  );
}

/** The error for a registry, or its organization, that is not there. */
export async function noRegistry(
  session: WandbSession,
  organization: string | undefined,
  project: string | undefined,
): Promise<Failure> {
  const variables = { f: JSON.stringify(REGISTRY_FILTER) };
  const found = await ignoreFailure(session.ask(NEAR_REGISTRIES, variables, REGISTRIES));
  const all = (found?.viewer?.organizations ?? []).flatMap((one) => one ?? []);
  const named = all.filter((one) => [one.name, one.orgEntity?.name].includes(organization));
  const title = registryTitle(project ?? "");
  const names = all.map(({ name }) => name);
  if (project === undefined || (organization !== undefined && named.length === 0)) {
    const registry = project === undefined ? "" : ` with a registry "${title}"`;
    const near = nearest(organization ?? "", names);
    return notFound(
      organization === undefined
        ? "This key belongs to no organization, so there are no registries to list."
        : `There is no organization "${organization}"${registry} that this key can see.`,
      near.length > 0
        ? `Did you mean ${oneOf(near)}?`
        : names.length > 0
        ? `This key belongs to ${names.slice(0, 10).join(", ")}.`
        : "Give `organization`, or use a key of a member of it.",
    );
  }
  const within = named.length > 0 ? named : all;
  const titles = within.flatMap((one) =>
    one.orgEntity?.projects.nodes.map(({ name }) => registryTitle(name)) ?? []
  );
  const near = nearest(title, titles, 5);
  const where = organization ?? (names.length > 0 ? oneOf(names.slice(0, 5)) : "any organization");
  return notFound(
    `There is no registry "${title}" in ${where}, or this key cannot see it.`,
    near.length > 0
      ? `Did you mean ${oneOf(near)}?`
      : titles.length > 0
      ? `Registries: ${listFirst(titles, 12)}.`
      : "list_registries_tool lists the registries.",
  );
}

function namePlace(name: CollectionName, entity: string | undefined): string {
  return `${entity ?? name.entity ?? ""}/${name.project}`;
}
