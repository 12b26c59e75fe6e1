import { createLookup } from "../../core/values.ts";
import * as z from "zod";
import { Failure, nearest, oneOf } from "../../core/failure.ts";
import { isJsonObject, type Json, type JsonObject, tryParseJson } from "../../core/json.ts";
import type { Reply } from "../../mcp/tool.ts";
import { findUnknownFields, type WandbSession } from "../client.ts";
import { GraphqlFailure } from "../failure.ts";
import { writeNote } from "../tool.ts";
import { AFTER, FIRST, type PreparedQuery } from "./document.ts";
import { type Collected, collectPages } from "./pages.ts";

/** How far a connection is followed. */
export interface FollowLimits {
  /** How many items to read; undefined if the caller did not say. */
  readonly maxItems: number | undefined;
  /** The page size, unless the query sets one. */
  readonly perPage: number;
  /** Where to continue; undefined leaves it to the query. */
  readonly after?: string | undefined;
}

/** How many items to read if neither the call nor the query says so. */
const DEFAULT_ITEMS = 100;

/** How far the connection was followed. */
interface Progress {
  connection: string;
  items: number;
  pages: number;
  has_next_page: boolean;
  end_cursor?: string;
}

/**
 * Sends a caller's query and follows its connection up to the limit. The result is the query's data
 * with the edges of all pages; `pageInfo` is that of the last page, so `hasNextPage` stays true to
 * what was read.
 */
export async function runQuery(
  query: PreparedQuery,
  limits: FollowLimits,
  session: WandbSession,
): Promise<Reply<Record<string, unknown>>> {
  const { follow, variables } = query;
  if (follow === undefined) {
    const { data, problems } = await session.query(query.text, variables);
    const root = asObject(quoteNonFinite(data));
    return { data: { ...root, ...reportRest(query, root, problems) } };
  }
  // If the query aliases another field as `id`, it may not identify items.
  const idsAreReal = !/[{\s,]id\s*:\s*[A-Za-z_]/.test(query.text);
  const once = limits.maxItems === undefined && !follow.wantsPages && follow.first !== undefined;
  const problems: string[] = [];
  const roots: JsonObject[] = [];
  const connections: JsonObject[] = [];
  const paging = {
    what: follow.path.at(-1) ?? "items",
    limit: limits.maxItems ?? (once ? follow.first ?? DEFAULT_ITEMS : DEFAULT_ITEMS),
    pageSize: follow.first ?? limits.perPage,
    cursor: limits.after ?? follow.after,
    cursorName: "end_cursor",
    once,
  };
  const collected = await collectPages(paging, async (size, cursor) => {
    const sent = { ...variables, [FIRST]: size, [AFTER]: cursor ?? null };
    const page = await session.query(query.text, sent);
    problems.push(...page.problems);
    const data = asObject(quoteNonFinite(page.data));
    roots.push(data);
    const connection = at(data, follow.path);
    if (!isJsonObject(connection)) return undefined;
    connections.push(connection);
    const { edges, totalCount } = connection;
    const info = asObject(connection.pageInfo);
    return {
      items: (Array.isArray(edges) ? edges : []).map((edge) => {
        const id = isJsonObject(edge) && isJsonObject(edge.node) ? edge.node.id : undefined;
        return { id: idsAreReal && typeof id === "string" ? id : undefined, item: edge };
      }),
      total: typeof totalCount === "number" ? totalCount : undefined,
      hasNext: info.hasNextPage === true,
      cursor: typeof info.endCursor === "string" ? info.endCursor : undefined,
    };
  });
  const [root = {}] = roots;
  const last = connections.at(-1);
  if (last !== undefined) {
    return mergePages(query, root, asObject(last.pageInfo), collected, problems);
  }
  // Each member of a list has its own connection, of which only one page was read.
  const own = isInList(root, follow.path) ? [follow.path.join(".")] : [];
  const alone = { ...query, others: [...own, ...query.others] };
  return { data: { ...root, ...reportRest(alone, root, problems) } };
}

function mergePages(
  query: PreparedQuery,
  root: JsonObject,
  info: JsonObject,
  { items: edges, pages, notes }: Collected<Json>,
  problems: readonly string[],
): Reply<Record<string, unknown>> {
  const path = query.follow?.path ?? [];
  const withEdges = (kept: readonly Json[], pageInfo: JsonObject) =>
    replaceAt(root, path, (connection) => ({ ...connection, edges: [...kept], pageInfo }));
  const progress = (items: number, more: boolean, cursor: Json | undefined): Progress => ({
    connection: path.join("."),
    items,
    pages,
    has_next_page: more,
    ...(more && typeof cursor === "string" ? { end_cursor: cursor } : {}),
  });
  return {
    data: {
      ...withEdges(edges, info),
      pagination: progress(edges.length, info.hasNextPage === true, info.endCursor),
      ...reportRest(query, root, problems, notes),
    },
    rows: [{
      path: [...path, "edges"].join("."),
      resume: (kept) => {
        const last = edges[kept - 1];
        const cursor = isJsonObject(last) && typeof last.cursor === "string" ? last.cursor : null;
        const cut = { hasNextPage: true, endCursor: cursor };
        return {
          ...withEdges(edges.slice(0, kept), cut),
          pagination: progress(kept, true, cursor),
        };
      },
      hint: "Select fewer fields or lower max_items, then continue after end_cursor; select " +
        "`edges { cursor }` to get one when a page is cut.",
    }],
  };
}

/** What the result reports besides the data. */
function reportRest(
  query: PreparedQuery,
  data: JsonObject,
  problems: readonly string[],
  notes: readonly string[] = [],
) {
  const errors = [...new Set(problems)].map((message) => ({ message }));
  return {
    ...(errors.length === 0 ? {} : { errors }),
    ...(query.others.length === 0 ? {} : { not_followed: query.others }),
    ...writeNote(problems.length > 0 ? undefined : explainMissing(query, data), ...notes),
  };
}

/** Explains look-ups that W&B answers with null and no reason. */
function explainMissing({ lookUps }: PreparedQuery, data: JsonObject): string | undefined {
  const missing = lookUps.filter((path) => at(data, path) === null);
  if (missing.length === 0) return undefined;
  const names = missing.map((path) => `\`${path.join(".")}\``).join(", ");
  return `${names} is null: nothing of that name exists, or this key cannot see it. ` +
    "list_entities_tool and query_wandb_entity_projects list entities and projects; the " +
    "structured form (resource) suggests the nearest names.";
}

/**
 * W&B puts JSON into strings, and Python's bare NaN and infinities into that JSON. They become
 * "NaN", "Infinity" and "-Infinity", so that the reader can parse the string.
 */
function quoteNonFinite(value: Json): Json {
  if (typeof value === "string") {
    if (!/^\s*[[{]/.test(value) || !/NaN|Infinity/.test(value)) return value;
    const parsed = tryParseJson(value);
    return parsed === undefined ? value : JSON.stringify(parsed);
  }
  if (Array.isArray(value)) return value.map(quoteNonFinite);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, quoteNonFinite(item)]),
  );
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function at(data: JsonObject, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (node, key) => isJsonObject(node) && Object.hasOwn(node, key) ? node[key] : undefined,
    data,
  );
}

function isInList(data: JsonObject, path: readonly string[]): boolean {
  return path.some((_, depth) => Array.isArray(at(data, path.slice(0, depth))));
}

function replaceAt(
  node: JsonObject,
  path: readonly string[],
  change: (connection: JsonObject) => JsonObject,
): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return change(node);
  const child = node[key];
  return { ...node, [key]: isJsonObject(child) ? replaceAt(child, rest, change) : child ?? null };
}

/** A type's fields, if the server permits introspection. */
export const TYPE_FIELDS = `query TypeFields($t: String!) {
  __type(name: $t) { fields { name } }
}`;

const SHAPE = z.looseObject({
  __type: z.looseObject({ fields: z.array(z.looseObject({ name: z.string() })).nullish() })
    .nullish(),
});

/** The most used fields, for servers that forbid introspection. */
const FIELDS: Readonly<Record<string, string>> = createLookup({
  Query: "viewer entity organization project models artifact view",
  Project: "id internalId name entityName description access createdAt updatedAt runCount run " +
    "runs sweep sweeps totalSweeps allViews artifact artifactType artifactTypes " +
    "artifactCollection artifactCollections",
  Run: "id name displayName description notes state group jobType tags commit host createdAt " +
    "updatedAt heartbeatAt computeSeconds user sweep sweepName runInfo config " +
    "summaryMetrics systemMetrics historyKeys historyLineCount history events " +
    "sampledHistory logLines fileCount files inputArtifacts outputArtifacts",
  RunConnection: "edges pageInfo totalCount",
  Sweep: "id name displayName description state method config bestLoss createdAt runCount " +
    "runCountExpected runs agents",
  Artifact: "id artifactType artifactSequence aliases versionIndex description metadata tags " +
    "digest state size fileCount createdAt createdBy usedBy files",
  User: "id name username email entity teams organizations projects",
});

/** Adds the nearest valid fields as a hint to the failure of a query with an unknown field. */
export async function explainUnknownField(error: unknown, session: WandbSession): Promise<unknown> {
  if (!(error instanceof GraphqlFailure)) return error;
  const [unknown] = findUnknownFields(error.messages);
  if (unknown === undefined) return error;
  // For an argument, the server itself suggests the nearest.
  if (error.messages.some((message) => message.startsWith("Unknown argument"))) return error;
  const known = await listFields(unknown.type, session);
  const near = nearest(unknown.field, known, 5);
  return new Failure("invalid_arguments", error.message, {
    hint: near.length > 0
      ? `${unknown.type} has no "${unknown.field}"; did you mean ${oneOf(near)}?`
      : known.length > 0
      ? `Fields of ${unknown.type}: ${known.slice(0, 40).join(", ")}.`
      : "Use the structured form: resource, filters, order, fields.",
    cause: error,
  });
}

async function listFields(type: string, session: WandbSession): Promise<readonly string[]> {
  try {
    const { data } = await session.ask(TYPE_FIELDS, { t: type }, SHAPE);
    const names = data.__type?.fields?.map(({ name }) => name) ?? [];
    if (names.length > 0) return names;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  return FIELDS[type]?.split(" ") ?? [];
}
