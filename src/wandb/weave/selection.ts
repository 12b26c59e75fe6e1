import * as z from "zod";
import { Failure } from "../../core/failure.ts";
import { path } from "../../http/request.ts";
import type { ProjectRef } from "../project.ts";
import type { CallsSelection, WeaveSession } from "./client.ts";
import { buildFilter, findNamedOps } from "./filters/build.ts";
import { baseName, buildOpCondition, fitsPattern, type PatternNames } from "./filters/ops.ts";
import { type Expression, field, literal, toExpression } from "./query.ts";

/** Filters; the query tool's description and error messages list the valid ones. */
export const FILTERS_ARGUMENT: z.ZodRecord<z.ZodString, z.ZodUnknown> = z.record(
  z.string(),
  z.unknown(),
);

/**
 * Builds the selection for a caller's filters; the same for rows, counts and totals.
 *
 * @param expanded Paths of references that filters and sort order may follow.
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export async function buildSelection(
  session: WeaveSession,
  place: ProjectRef,
  filters: Readonly<Record<string, unknown>>,
  expanded: readonly string[] = [],
  sortPath = "",
): Promise<CallsSelection> {
  const patterns = await resolvePatterns(session, place, filters);
  const { filter, query, paths } = buildFilter(filters, place, patterns);
  const through = expanded.filter((path) =>
    [...paths, sortPath].some((one) => one.startsWith(`${path}.`))
  );
  return {
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
    ...(query === undefined ? {} : { query }),
    ...(through.length === 0 ? {} : { expand_columns: through }),
  };
}

/** Adds a bound on when calls started, in Unix seconds. */
export function boundStart(
  selection: CallsSelection,
  operator: "$gte" | "$lte",
  seconds: number,
): CallsSelection {
  const sides = [field("started_at"), literal(seconds)] as const;
  const bound: Expression = operator === "$gte" ? { $gte: sides } : { $lte: sides };
  const own = selection.query?.$expr;
  return { ...selection, query: { $expr: own === undefined ? bound : { $and: [own, bound] } } };
}

const OBJECTS = z.looseObject({ objs: z.array(z.looseObject({ object_id: z.string() })) });
/** Maximum rounds for finding ops that are not published; each round finds at least one. */
const ROUNDS = 20;
const ROWS = 500;

/** Names of a project's published ops. */
export async function listOps(session: WeaveSession, place: ProjectRef): Promise<string[]> {
  const { objs } = await session.post(path`/objs/query`, {
    project_id: place.id,
    filter: { is_op: true, latest_only: true },
    metadata_only: true,
  }, OBJECTS);
  return [...new Set(objs.map((object) => object.object_id))].sort();
}

/**
 * Looks up the op names that the patterns in a filter match, among published ops and ops that only
 * calls mention. The service itself only matches substrings of an op's full URI, where the project
 * or version could match too.
 */
export async function resolvePatterns(
  session: WeaveSession,
  place: ProjectRef,
  filters: Readonly<Record<string, unknown>>,
): Promise<PatternNames> {
  const { ops } = findNamedOps(filters, place);
  const patterns = [
    ...new Set(ops.flatMap((one) => one.kind === "pattern" ? [one.pattern] : [])),
  ];
  if (patterns.length === 0) return new Map();
  const published = await listOps(session, place);
  const found = await Promise.all(
    patterns.map(async (pattern) =>
      [pattern, await findNames(session, place, pattern, published)] as const
    ),
  );
  return new Map(found);
}

async function findNames(
  session: WeaveSession,
  place: ProjectRef,
  pattern: string,
  published: readonly string[],
): Promise<string[]> {
  const piece = pattern.split("*").reduce((a, b) => b.length > a.length ? b : a, "");
  const matching = new Set(published.filter((name) => fitsPattern(name, pattern)));
  const known = new Set(
    piece === ""
      ? published
      : published.filter((name) => matching.has(name) || name.includes(piece)),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const others = await findUnlistedOps(session, place, piece, [...known]);
    if (others.length === 0) return [...matching];
    for (const name of others) {
      known.add(name);
      if (fitsPattern(name, pattern)) matching.add(name);
    }
  }
  throw new Failure("invalid_arguments", `Too many ops may match the pattern "${pattern}".`, {
    hint: "Name the ops, or use a more specific pattern.",
  });
}

/** Names of ops, other than the known ones, with `piece` in the op name or URI of a call. */
async function findUnlistedOps(
  session: WeaveSession,
  place: ProjectRef,
  piece: string,
  known: readonly string[],
): Promise<string[]> {
  const names = known.map((name) => ({ kind: "name" as const, name }));
  const conditions = [
    ...(piece === ""
      ? []
      : [{ test: { $contains: { input: field("op_name"), substr: literal(piece) } } }]),
    ...(names.length === 0 ? [] : [{ not: buildOpCondition(names, new Map()) }]),
  ];
  const found = new Set<string>();
  const query = {
    ...(conditions.length === 0 ? {} : { query: { $expr: toExpression({ all: conditions }) } }),
    columns: ["op_name"],
    limit: ROWS,
  };
  for await (const call of session.calls(place, query)) found.add(baseName(call.op_name));
  return [...found];
}
