/**
 * Parses names of artifacts, collections and registries in all the forms that W&B and its users
 * write:
 *
 * - `entity/project/collection:alias`, with `vN`, an alias or a digest after the colon. Parts at
 *   the start may be left out if defaults are configured.
 * - `org/wandb-registry-X/collection:alias`
 * - a `wandb-artifact://` URI
 * - the address of the web page
 *
 * @module
 */
import { badArgument } from "../../core/failure.ts";
import { decodePercent } from "../../core/values.ts";
import type { Wandb } from "../client.ts";

/** The project name of every registry starts with this. */
export const REGISTRY_PREFIX = "wandb-registry-";

/** A collection, and where it is. */
export interface CollectionName {
  /**
   * The entity. For a registry, the organization or its entity, or undefined for the caller's
   * organizations.
   */
  readonly entity: string | undefined;
  /** The project. For a registry, this includes the prefix. */
  readonly project: string;
  readonly collection: string;
  /** Whether the project is a registry. */
  readonly registry: boolean;
}

/** A version of a collection. */
export interface VersionName extends CollectionName {
  /** `vN`, an alias or a digest. */
  readonly alias: string;
}

/** The parts that a name contains. */
export interface NameParts {
  readonly entity: string | undefined;
  readonly project: string | undefined;
  /** The last part, up to the colon. */
  readonly collection: string;
  /** The text after the colon. */
  readonly alias: string | undefined;
}

const FORMS =
  "Write entity/project/collection:alias or org/wandb-registry-NAME/collection:alias; " +
  "the alias is vN, an alias or a digest.";

/**
 * Splits a name into its parts.
 *
 * @throws {Failure} `invalid_arguments` if the text cannot be a name.
 */
export function splitName(text: string, argument: string): NameParts {
  const name = requireName(text, argument);
  const fromUrl = /^https?:\/\//i.test(name) ? splitUrl(name) : undefined;
  if (fromUrl !== undefined) return fromUrl;
  const plain = name.replace(/^wandb-artifact:\/+/i, "");
  const colon = plain.indexOf(":");
  const path = colon < 0 ? plain : plain.slice(0, colon);
  const alias = colon < 0 ? undefined : plain.slice(colon + 1).trim();
  const parts = path.split("/").map((part) => part.trim());
  const [collection, project, entity] = parts.toReversed();
  if (
    collection === undefined || parts.length > 3 || parts.includes("") || alias === "" ||
    /^https?:/i.test(name)
  ) {
    throw badArgument(`\`${argument}\` is not an artifact name: ${quoteName(name)}.`, FORMS);
  }
  return { entity, project, collection, alias };
}

/**
 * The version that a name refers to. Without a suffix, that is the latest.
 *
 * @throws {Failure} `invalid_arguments` if neither the name nor the configuration gives the project
 * or the entity.
 */
export function versionName(text: string, argument: string, wandb: Wandb): VersionName {
  const parts = splitName(text, argument);
  return { ...completeName(parts, argument, wandb), alias: parts.alias ?? "latest" };
}

/** Fills in missing parts of a name from the configuration. */
export function completeName(parts: NameParts, argument: string, wandb: Wandb): CollectionName {
  const project = parts.project ?? wandb.project;
  const registry = project?.startsWith(REGISTRY_PREFIX) === true;
  const entity = parts.entity ?? (registry ? undefined : wandb.entity);
  if (project === undefined || (entity === undefined && !registry)) {
    const lacking = project === undefined ? "project" : "entity";
    throw badArgument(
      `\`${argument}\` names no ${lacking} and none is configured: ${quoteName(parts.collection)}.`,
      `${FORMS} WANDB_ENTITY and WANDB_PROJECT set defaults.`,
    );
  }
  return { entity, project, collection: parts.collection, registry };
}

/**
 * A registry's project name, and its organization if the text includes it. The text may be `model`,
 * `wandb-registry-model`, `org/model` or the address of the web page.
 *
 * @throws {Failure} `invalid_arguments` if the text cannot be a name.
 */
export function readRegistryName(
  text: string,
  argument: string,
): { readonly organization: string | undefined; readonly project: string } {
  const name = requireName(text, argument);
  const url = /^https?:\/\//i.test(name) ? URL.parse(name) : null;
  const page = url === null ? [] : decodeParts(url);
  const [organization, registry] = page[0] === "orgs" && page[2] === "registry"
    ? [page[1], page[3]]
    : name.includes("/")
    ? name.split("/", 2).map((part) => part.trim())
    : [undefined, name];
  if (!registry || organization === "" || (url === null && name.split("/").length > 2)) {
    throw badArgument(
      `\`${argument}\` is not a registry name: ${quoteName(name)}.`,
      "list_registries_tool lists the registries.",
    );
  }
  const project = registry.startsWith(REGISTRY_PREFIX) ? registry : REGISTRY_PREFIX + registry;
  return { organization, project };
}

/** A registry's name without the prefix, as users see it. */
export function registryTitle(project: string): string {
  return project.startsWith(REGISTRY_PREFIX) ? project.slice(REGISTRY_PREFIX.length) : project;
}

/**
 * Trims a name and checks it.
 *
 * @throws {Failure} `invalid_arguments` if the name is empty or too long, or has control characters
 * or broken Unicode.
 */
export function requireName(text: string, argument: string): string {
  const name = text.trim();
  // deno-lint-ignore no-control-regex
  const broken = /[\u0000-\u001F\u007F-\u009F]/.test(name) || !name.isWellFormed();
  if (name === "" || broken || name.length > 1024) {
    const why = name === "" ? "is empty" : broken ? "holds control characters" : "is too long";
    throw badArgument(`\`${argument}\` ${why}.`, FORMS);
  }
  return name;
}

function splitUrl(name: string): NameParts | undefined {
  const url = URL.parse(name);
  if (url === null) return undefined;
  const selection = url.searchParams.get("selectionPath");
  const [entity, project, collection] = selection === null ? [] : selection.split("/");
  if (entity && project && collection) {
    return { entity, project, collection, alias: url.searchParams.get("version") ?? undefined };
  }
  const page = decodeParts(url);
  if (page[2] !== "artifacts" || page[4] === undefined) return undefined;
  return { entity: page[0], project: page[1], collection: page[4], alias: page[5] };
}

function decodeParts(url: URL): string[] {
  return url.pathname.split("/").filter((part) => part !== "").map(decodePercent);
}

function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79).toWellFormed()}…` : name);
}
