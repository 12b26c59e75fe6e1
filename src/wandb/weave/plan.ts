import { sha256 } from "../../core/values.ts";
import * as z from "zod";
import { badArgument } from "../../core/failure.ts";
import type { ProjectRef } from "../project.ts";
import type { CallsQuery } from "./client.ts";
import { isRecord } from "../../core/json.ts";
import { parseMoment } from "../../core/time.ts";
import {
  checkColumns,
  checkExpanded,
  chooseServiceColumns,
  type Detail,
  LIGHT_COLUMNS,
} from "./rows/columns.ts";
import type { Shaping } from "./rows/shape.ts";

/** The arguments of a listing. */
export interface ListingArguments {
  readonly filters?: Record<string, unknown> | undefined;
  readonly sort_by: string;
  readonly sort_direction: "asc" | "desc";
  readonly limit: number;
  readonly offset?: number | undefined;
  /** Continues where an earlier result ended. */
  readonly cursor?: string | undefined;
  readonly detail_level: Detail;
  /** Only these columns. */
  readonly columns?: readonly string[] | undefined;
  /** Paths whose references are to be resolved. */
  readonly expand_columns?: readonly string[] | undefined;
  /** Whether to include costs. */
  readonly include_costs: boolean;
  /** Whether to include feedback. */
  readonly include_feedback: boolean;
  readonly truncate_length: number;
  /** Whether to return only metadata about the calls. */
  readonly metadata_only: boolean;
  /** The same as `detail_level` "full". */
  readonly return_full_data: boolean;
}

/** A listing that is ready to run. */
export interface Plan {
  /** The request, without selection and sort order. */
  readonly query: CallsQuery;
  readonly shaping: Shaping;
  /** Paths whose references are resolved, parents first. */
  readonly expanded: readonly string[];
  readonly cursor: Cursor;
  /** The filters, with relative times resolved. */
  readonly filters: Record<string, unknown>;
  readonly name: string;
}

/**
 * Plans a listing as far as that needs no request.
 *
 * @throws {Failure} `invalid_arguments` for arguments that are invalid or do not go together.
 */
export function planListing(args: ListingArguments, place: ProjectRef): Plan {
  if (args.columns !== undefined) checkColumns(args.columns);
  const columns = args.columns?.length === 0 ? undefined : args.columns;
  const detail: Detail = args.return_full_data ? "full" : args.detail_level;
  const name = nameQuery([place.id, args.filters ?? {}, args.sort_by, args.sort_direction]);
  // Clients often send an empty cursor for the first page.
  const text = args.cursor?.trim() || undefined;
  if (text !== undefined && args.offset !== undefined) {
    throw badArgument("Give either `cursor` or `offset`, not both.");
  }
  const given = text === undefined ? { offset: args.offset ?? 0 } : readCursor(text, name);
  const now = given.now ?? Date.now();
  const filters = resolveMoments(args.filters ?? {}, now);
  const relative = JSON.stringify(filters) !== JSON.stringify(args.filters ?? {});
  const cursor: Cursor = { ...given, ...(relative ? { now } : {}) };
  const light = args.metadata_only;
  const wanted = light ? [...LIGHT_COLUMNS] : chooseServiceColumns(detail, columns);
  const bare = detail === "schema" && columns === undefined;
  // A column that is named explicitly is returned whatever the include flags say.
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

const CURSOR = z.object({
  o: z.int().min(0),
  t: z.number().optional(),
  n: z.number().optional(),
  q: z.string(),
});

/** Where a listing continues. */
interface Cursor {
  readonly offset: number;
  /** Leaves out calls that started later (Unix seconds), which are newer than the first page. */
  readonly until?: number | undefined;
  /** When the first page was requested (Unix milliseconds); ages such as `7d` count from here. */
  readonly now?: number | undefined;
}

/** Encodes a cursor; `query` identifies the query that it belongs to. */
export function writeCursor({ offset, until, now }: Cursor, query: string): string {
  const text = JSON.stringify({
    o: offset,
    ...(until === undefined ? {} : { t: until }),
    ...(now === undefined ? {} : { n: now }),
    q: query,
  });
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Reads a cursor.
 *
 * @throws {Failure} `invalid_arguments` if it is not a cursor or belongs to another query.
 */
export function readCursor(text: string, query: string): Cursor {
  let parsed: z.output<typeof CURSOR>;
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    parsed = CURSOR.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw badArgument(
      "This is not a cursor.",
      "Pass a result's `next_cursor` back unchanged.",
    );
  }
  if (parsed.q !== query) {
    throw badArgument(
      "The cursor belongs to a query with another project, filters or order.",
      "Repeat the first call's arguments with its cursor, or leave the cursor out.",
    );
  }
  return { offset: parsed.o, until: parsed.t, now: parsed.n };
}

/** A short hash that identifies a query. */
export function nameQuery(parts: readonly unknown[]): string {
  return sha256(JSON.stringify(parts), "base64url").slice(0, 12);
}

const TIMES = ["time_range", "started_at", "ended_at"];
const BOUNDS = ["start", "end", "$gt", "$gte", "$lt", "$lte"];
const NESTED = ["$and", "$or", "$not", "$in"];

/**
 * Converts times in filters to Unix seconds, with ages counted back from `now` (Unix milliseconds),
 * so that all pages of a listing and its total cover the same time. Other filters stay unchanged.
 */
export function resolveMoments(
  filters: Readonly<Record<string, unknown>>,
  now: number,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filters).map(([key, value]) => {
      if (TIMES.includes(key)) return [key, resolveBounds(value, now)];
      return [key, NESTED.includes(key) ? resolveWithin(value, now) : value];
    }),
  );
}

function resolveWithin(value: unknown, now: number): unknown {
  if (Array.isArray(value)) return value.map((one) => resolveWithin(one, now));
  return isRecord(value) ? resolveMoments(value, now) : value;
}

function resolveBounds(value: unknown, now: number): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (typeof one !== "string" || !BOUNDS.includes(key)) return [key, resolveBounds(one, now)];
      const moment = parseMoment(one, now);
      return [key, moment === undefined ? one : moment.millis / 1000];
    }),
  );
}
