import { Failure } from "../../core/failure.ts";
import * as z from "zod";
import { oneOf } from "../../core/nearest.ts";
import type { WandbSession } from "../client.ts";
import { optional } from "../present.ts";
import { connectionOf } from "../shapes.ts";
import { noRegistry } from "./missing.ts";
import { registryTitle } from "./names.ts";
import { type Page, PAGE_FIELDS, pageOf } from "./page.ts";
import { type Found, inOrganizations, SCOPE_VARIABLES } from "./scope.ts";

/** An organization's registries, or those of all of the caller's. */
export const REGISTRIES = `query Registries(${SCOPE_VARIABLES}, $f: JSONString, $n: Int!,
  $c: String) {
  ${inOrganizations("...Registries")}
}
fragment Registries on Entity {
  name
  projects(filters: $f, first: $n, after: $c) {
    edges {
      cursor
      node {
        name
        description
        access
        createdAt
        updatedAt
        allowAllArtifactTypesInRegistry # optional
        artifactTypes(includeAll: true) { edges { node { name } } }
      }
    }
    ${PAGE_FIELDS}
  }
}`;

const TEXT = z.string().nullish();
const REGISTRY = z.looseObject({
  name: z.string(),
  description: TEXT,
  access: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
  allowAllArtifactTypesInRegistry: z.boolean().nullish(),
  artifactTypes: connectionOf(z.looseObject({ name: z.string() })),
});

/** What the server says of a registry. */
export type Registry = z.output<typeof REGISTRY>;

/** An organization's entity in {@link REGISTRIES}. */
export const WITH_REGISTRIES: z.ZodType<{
  readonly name: string;
  readonly projects: Page<Registry>;
}> = z.looseObject({ name: z.string(), projects: pageOf(REGISTRY, (node) => node) });

/** A registry as a row. */
export function registryRow(
  registry: Registry,
  where: Found<{ readonly name: string }>,
): Record<string, unknown> & { name: string } {
  const { access, allowAllArtifactTypesInRegistry: any } = registry;
  return {
    name: registryTitle(registry.name),
    full_name: registry.name,
    organization: where.organization,
    entity: where.entity.name,
    ...(registry.description ? { description: registry.description } : {}),
    // Registries from before visibilities have a project's access, which all members share.
    visibility: access === "RESTRICTED" ? "restricted" : "organization",
    artifact_types: registry.artifactTypes.nodes.map(({ name }) => name),
    ...(typeof any === "boolean" ? { accepts_any_type: any } : {}),
    ...optional({ created_at: registry.createdAt, updated_at: registry.updatedAt }),
  };
}

/**
 * The one organization that has the registry.
 *
 * @throws {Failure} `not_found` when none has it, `invalid_arguments` when several have.
 */
export async function oneWithRegistry<
  T extends { readonly name: string; readonly project?: object | null | undefined },
>(
  session: WandbSession,
  found: readonly Found<T>[],
  organization: string | undefined,
  project: string,
): Promise<Found<T>> {
  const having = found.filter(({ entity }) => entity.project);
  const [first] = having;
  if (first === undefined) throw await noRegistry(session, organization, project);
  if (having.length > 1) {
    const names = having.map((one) => one.organization);
    throw new Failure(
      "invalid_arguments",
      `Several organizations have a registry "${registryTitle(project)}": ${names.join(", ")}.`,
      { hint: `Say which with \`organization\`: ${oneOf(names)}.` },
    );
  }
  return first;
}
