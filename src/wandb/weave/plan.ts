import { badArgument } from "../../core/failure.ts";
import type { CallsQuery } from "./client.ts";
import { withMoments } from "./filters/moments.ts";
import type { ProjectRef } from "../project.ts";
import {
  checkColumns,
  checkExpanded,
  type Detail,
  LIGHT_COLUMNS,
  serviceColumns,
} from "./rows/columns.ts";
import { type Cursor, nameOfQuery, readCursor } from "./rows/cursor.ts";
import type { Shaping } from "./rows/shape.ts";

/** What a caller asks for. */
export interface ListingArguments {
  readonly filters?: Record<string, unknown> | undefined;
  readonly sort_by: string;
  readonly sort_direction: "asc" | "desc";
  readonly limit: number;
  readonly offset?: number | undefined;
  /** Goes on where another result ended. */
  readonly cursor?: string | undefined;
  readonly detail_level: Detail;
  /** Only these columns. */
  readonly columns?: readonly string[] | undefined;
  /** Paths whose references to resolve. */
  readonly expand_columns?: readonly string[] | undefined;
  /** Whether costs are wanted. */
  readonly include_costs: boolean;
  /** Whether feedback is wanted. */
  readonly include_feedback: boolean;
  readonly truncate_length: number;
  /** Facts about the calls, without the calls. */
  readonly metadata_only: boolean;
  /** The same as detail `full`. */
  readonly return_full_data: boolean;
}

/** A listing, ready to be carried out. */
export interface Plan {
  /** The request, without selection and order. */
  readonly query: CallsQuery;
  readonly shaping: Shaping;
  /** Paths whose references are resolved, parents first. */
  readonly expanded: readonly string[];
  readonly cursor: Cursor;
  /** The filters, with times that were relative to now as moments. */
  readonly filters: Record<string, unknown>;
  readonly name: string;
}

/**
 * Everything about a listing that needs no request.
 *
 * @throws {Failure} `invalid_arguments` for what cannot be done.
 */
export function planOf(args: ListingArguments, place: ProjectRef): Plan {
  if (args.columns !== undefined) checkColumns(args.columns);
  const columns = args.columns?.length === 0 ? undefined : args.columns;
  const detail: Detail = args.return_full_data ? "full" : args.detail_level;
  const name = nameOfQuery([place.id, args.filters ?? {}, args.sort_by, args.sort_direction]);
  // A first page is often asked for with an empty cursor.
  const text = args.cursor?.trim() || undefined;
  if (text !== undefined && args.offset !== undefined) {
    throw badArgument("`cursor` and `offset` exclude each other.");
  }
  const given = text === undefined ? { offset: args.offset ?? 0 } : readCursor(text, name);
  const now = given.now ?? Date.now();
  const filters = withMoments(args.filters ?? {}, now);
  const relative = JSON.stringify(filters) !== JSON.stringify(args.filters ?? {});
  const cursor: Cursor = { ...given, ...(relative ? { now } : {}) };
  const light = args.metadata_only;
  const wanted = light ? [...LIGHT_COLUMNS] : serviceColumns(detail, columns);
  const bare = detail === "schema" && columns === undefined;
  // What is asked for by name comes, whatever the switches say.
  const asked = (column: string, wanted: boolean) =>
    columns === undefined ? wanted && !bare : columns.includes(column);
  return {
    query: {
      limit: args.limit,
      offset: cursor.offset,
      ...(wanted === undefined ? {} : { columns: wanted }),
      ...((light ? args.include_costs : asked("costs", args.include_costs))
        ? { include_costs: true }
        : {}),
      ...(!light && asked("feedback", args.include_feedback) ? { include_feedback: true } : {}),
      ...(columns?.includes("storage_size_bytes") ? { include_storage_size: true } : {}),
    },
    shaping: {
      detail,
      columns,
      textLength: detail === "full" ? Infinity : args.truncate_length,
    },
    expanded: checkExpanded(args.expand_columns ?? []),
    cursor,
    filters,
    name,
  };
}
