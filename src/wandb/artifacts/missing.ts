import { Failure } from "../../core/failure.ts";
import * as z from "zod";
import { listFirst, nearest, oneOf } from "../../core/nearest.ts";
import type { WandbSession } from "../client.ts";
import { ignoreFailure, noProject, notFound, suggest } from "../missing.ts";
import { connectionShape } from "../shapes.ts";
import { type CollectionName, registryTitle, type VersionName } from "./names.ts";

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

const NAMED = connectionShape(z.looseObject({ name: z.string() }));
const VERSIONS = z.looseObject({
  project: z.looseObject({
    artifactCollection: z.looseObject({
      defaultArtifactType: z.looseObject({ name: z.string() }).nullish(),
      aliases: connectionShape(z.looseObject({ alias: z.string() })),
      artifacts: z.looseObject({
        edges: z.array(z.looseObject({ version: z.string().nullish() }).nullable()).nullish(),
      }).nullish(),
    }).nullish(),
    artifactCollections: NAMED,
  }).nullish(),
});
const REGISTRIES = z.looseObject({
  viewer: z.looseObject({
    organizations: z.array(
      z.looseObject({
        name: z.string(),
        orgEntity: z.looseObject({ name: z.string(), projects: NAMED }).nullish(),
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
      ? `There are ${listFirst(titles, 12)}.`
      : "list_registries_tool names the registries.",
  );
}

function namePlace(name: CollectionName, entity: string | undefined): string {
  return `${entity ?? name.entity ?? ""}/${name.project}`;
}
