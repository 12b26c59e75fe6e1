/**
 * Registries belong to the entity of an organization. Callers may name the organization, that
 * entity, one of the organization's teams, or nothing. One request covers all of these cases.
 *
 * @module
 */
import { isFailure } from "../../core/failure.ts";
import * as z from "zod";
import type { Answer, Wandb, WandbSession } from "../client.ts";

/** The organizations that a request covers, as the variables of {@link inOrganizations}. */
export interface Scope {
  readonly o: string;
  /** Whether to ask for the organization or entity named `o`. */
  readonly named: boolean;
  /** Whether to ask for all of the caller's organizations. */
  readonly mine: boolean;
  /** Whether to ask which organization the configured entity belongs to. */
  readonly home: boolean;
}

/** Declares the variables of {@link inOrganizations}. */
export const SCOPE_VARIABLES = "$o: String!, $named: Boolean!, $mine: Boolean!, $home: Boolean!";

/** Skips all of {@link inOrganizations}. The query may still use `o` for something else. */
export function noScope(o: string): Scope {
  return { o, named: false, mine: false, home: false };
}

/** Looks in the named organization, or in all of the caller's if none is named. */
export function chooseScope(organization: string | undefined, wandb: Wandb): Scope {
  if (organization !== undefined) return { o: organization, named: true, mine: false, home: false };
  return { o: wandb.entity ?? "", named: false, mine: true, home: wandb.entity !== undefined };
}

/** Query fields that apply a selection on `Entity`. The selection must include `name`. */
export function inOrganizations(selection: string, suffix = ""): string {
  const variable = (name: string) => `$${name}${suffix}`;
  const field = (name: string, of = name) => `${name}${suffix}: ${of}`;
  return `
  ${field("organization")}(name: ${variable("o")}) @include(if: ${variable("named")}) {
    name
    orgEntity { ${selection} }
  }
  ${field("entity")}(name: ${variable("o")}) @include(if: ${variable("named")}) {
    organization { name orgEntity { name } }
    ${selection}
  }
  ${field("viewer")} @include(if: ${variable("mine")}) {
    organizations { name orgEntity { ${selection} } }
  }
  ${field("home", "entity")}(name: ${variable("o")}) @include(if: ${variable("home")}) {
    organization { name orgEntity { name } }
  }`;
}

/** One organization that was found. */
export interface Found<T> {
  readonly organization: string;
  readonly entity: T;
}

/** The organizations that were found. */
export interface Candidates<T> {
  readonly found: readonly Found<T>[];
  /** The organization of the named team. It takes another request. */
  readonly elsewhere: string | undefined;
  readonly incomplete: boolean;
  /** The caller's other organizations, skipped because the configured entity's takes priority. */
  readonly besides: readonly string[];
}

const ORGANIZATION = z.looseObject({
  name: z.string(),
  orgEntity: z.looseObject({ name: z.string() }).nullish(),
}).nullish();

/** The reply to {@link inOrganizations}. */
export function candidatesShape<T extends { readonly name: string }>(
  entity: z.ZodType<T>,
): z.ZodType<Candidates<T>> {
  const full = z.looseObject({ name: z.string(), orgEntity: entity.nullish() });
  const member = z.looseObject({ organization: ORGANIZATION }).nullish();
  return z.looseObject({
    organization: full.nullish(),
    entity: z.intersection(z.object({ organization: ORGANIZATION }), entity).nullish(),
    viewer: z.looseObject({ organizations: z.array(full.nullable()).nullish() }).nullish(),
    home: member,
  }).transform((reply): Candidates<T> => {
    const home = reply.home?.organization?.name;
    const all = [reply.organization, ...reply.viewer?.organizations ?? []].flatMap((one) =>
      one?.orgEntity ? [{ organization: one.name, entity: one.orgEntity }] : []
    );
    const own = all.filter(({ organization }) => organization === home);
    const found = new Map((own.length > 0 ? own : all).map((one) => [one.entity.name, one]));
    const { entity: named } = reply;
    const parent = named?.organization;
    const team = named && parent?.orgEntity && parent.orgEntity.name !== named.name;
    if (named && !team && !found.has(named.name)) {
      found.set(named.name, { organization: parent?.name ?? named.name, entity: named });
    }
    return {
      found: [...found.values()],
      elsewhere: team && found.size === 0 ? parent.name : undefined,
      incomplete: !reply.organization || !named,
      besides: own.length > 0
        ? all.map(({ organization }) => organization).filter((name) => name !== home)
        : [],
    };
  });
}

/**
 * Sends a query for a scope, and a second one if the name is a team's. Returns undefined for an
 * unknown name instead of failing.
 */
async function askScope<T, R extends { readonly candidates: Candidates<T> }>(
  ask: (scope: Scope) => Promise<Answer<R>>,
  scope: Scope,
): Promise<Answer<R> | undefined> {
  const answer = await unlessMissing(ask(scope));
  const next = answer?.data.candidates.elsewhere;
  if (answer === undefined) return undefined;
  if (next !== undefined) {
    return await unlessMissing(ask({ o: next, named: true, mine: false, home: false }));
  }
  return { data: answer.data, problems: keepRelevant(answer.problems, answer.data.candidates) };
}

/**
 * Drops the problems that come from looking up a name both as an organization and as an entity, as
 * long as one of the two was found.
 */
export function keepRelevant(
  problems: readonly string[],
  candidates: Candidates<unknown>,
): readonly string[] {
  if (!candidates.incomplete || candidates.found.length === 0) return problems;
  return problems.filter((text) => !/organi[sz]ation|entity/i.test(text));
}

/** Returns undefined if the server replies that there is no such thing. */
export async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isFailure(error, "not_found")) return undefined;
    throw error;
  }
}

/** Sends a query whose reply is only {@link Candidates}. */
export async function askOrganizations<T extends { readonly name: string }>(
  session: WandbSession,
  document: string,
  variables: Readonly<Record<string, unknown>>,
  entity: z.ZodType<T>,
  scope: Scope,
): Promise<Answer<{ candidates: Candidates<T> }> | undefined> {
  const shape = candidatesShape(entity).transform((candidates) => ({ candidates }));
  return await askScope<T, { candidates: Candidates<T> }>(
    (where) => session.ask(document, { ...variables, ...where }, shape),
    scope,
  );
}
