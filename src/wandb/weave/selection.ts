import type { CallsSelection, WeaveSession } from "./client.ts";
import { buildFilter } from "./filters/build.ts";
import { resolvePatterns } from "./ops.ts";
import type { ProjectRef } from "../project.ts";
import { type Expression, field, literal } from "./query.ts";

/**
 * Which calls a caller's filters select: one and the same for rows, counts and totals.
 *
 * @param expanded Paths of references through which filters and order may read.
 * @throws {Failure} `invalid_arguments`, naming what is valid.
 */
export async function selectionFor(
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

/** The same without calls that started after a moment, in Unix seconds. */
export function until(selection: CallsSelection, seconds: number | undefined): CallsSelection {
  if (seconds === undefined) return selection;
  const bound: Expression = { $lte: [field("started_at"), literal(seconds)] };
  const own = selection.query?.$expr;
  return { ...selection, query: { $expr: own === undefined ? bound : { $and: [own, bound] } } };
}
