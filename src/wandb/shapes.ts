/**
 * Parts that W&B's replies share. `JSONString` fields hold JSON in a string, possibly with bare NaN
 * and infinities; non-finite numbers become "NaN", "Infinity" or "-Infinity".
 *
 * @module
 */
import { createLookup } from "../core/values.ts";
import * as z from "zod";
import { isJsonObject, isRecord, type Json, type JsonObject, tryParseJson } from "../core/json.ts";

/** A `JSONString` or `JSON` field, parsed; undefined for null and for text that is not JSON. */
export const JSON_FIELD: z.ZodType<Json | undefined> = z.unknown().optional().transform((value) => {
  if (typeof value === "string") return tryParseJson(value);
  return value !== null && isJson(value) ? value : undefined;
});

/** A `JSONString` field that holds an object; anything else becomes an empty object. */
export const OBJECT_FIELD: z.ZodType<JsonObject> = JSON_FIELD.transform((value) =>
  isJsonObject(value) ? value : {}
);

export const PAGE_INFO: z.ZodType<PageInfo> = z.looseObject({
  endCursor: z.string().nullish(),
  hasNextPage: z.boolean().nullish().transform((value) => value === true),
}).nullish().transform((info) => info ?? { hasNextPage: false });

/** Where the next page of a connection starts. */
export interface PageInfo {
  readonly endCursor?: string | null | undefined;
  readonly hasNextPage: boolean;
}

/** A connection: its nodes without nulls, its page info and its total. */
export function connectionShape<T>(node: z.ZodType<T>): z.ZodType<Connection<T>> {
  return z.looseObject({
    edges: z.array(z.looseObject({ node: node.nullish() }).nullable()).nullish(),
    pageInfo: PAGE_INFO,
    totalCount: z.coerce.number().nullish().catch(undefined),
  }).nullish().transform((connection) => ({
    nodes: (connection?.edges ?? []).flatMap((edge) => {
      const one = edge?.node;
      return one === null || one === undefined ? [] : [one];
    }),
    page: connection?.pageInfo ?? { hasNextPage: false },
    total: connection?.totalCount ?? undefined,
  }));
}

/** See {@link connectionShape}. */
export interface Connection<T> {
  readonly nodes: T[];
  readonly page: PageInfo;
  /** The number of nodes on all pages, if the server gives it. */
  readonly total: number | undefined;
}

/** An `Int64`: a number, or a string of digits. */
export const INT64: z.ZodType<number | undefined> = z.union([z.number(), z.string()]).nullish()
  .transform((value) => {
    const number = value === null || value === undefined || value === "" ? NaN : Number(value);
    return Number.isFinite(number) ? number : undefined;
  });

/** A run's config as the user set it: `.value` unwrapped, W&B's own keys left out. */
export function readConfig(config: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => key !== "_wandb" && key !== "wandb_version")
      .map(([key, entry]) => [key, isJsonObject(entry) && "value" in entry ? entry.value : entry]),
  );
}

/** A run's summary without W&B's own keys (`_step`, `_wandb`, `wandb/…`). */
export function readSummary(summary: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(summary).filter(([key]) => !key.startsWith("_") && !key.startsWith("wandb/")),
  );
}

/** `historyKeys`: what a run has logged. */
export interface HistoryKeys {
  /** By key: how many rows have it, and which types its values have. */
  readonly keys: ReadonlyMap<string, { readonly count: number; readonly types: readonly string[] }>;
  /** Whether the server knows what the run has logged; if not, `keys` is empty. */
  readonly available: boolean;
  /** Last logged step; -1 if the server does not give it. */
  readonly lastStep: number;
}

const KEYS = z.looseObject({
  keys: z.record(
    z.string(),
    z.looseObject({
      typeCounts: z.array(z.looseObject({ type: z.string(), count: INT64 })).nullish().catch([]),
    }).nullish().catch(null),
  ).nullish().catch({}),
  lastStep: INT64,
});

/** Reads `historyKeys`. */
export const HISTORY_KEYS: z.ZodType<HistoryKeys> = JSON_FIELD.transform((value) => {
  const parsed = KEYS.safeParse(value ?? {});
  const keys = parsed.success ? parsed.data.keys ?? {} : {};
  return {
    available: value !== undefined && parsed.success,
    keys: new Map(
      Object.entries(keys).map(([key, info]) => {
        const counts = info?.typeCounts ?? [];
        const count = counts.reduce((sum, one) => sum + (one.count ?? 0), 0);
        return [key, { count, types: counts.map(({ type }) => type) }];
      }),
    ),
    lastStep: parsed.success ? parsed.data.lastStep ?? -1 : -1,
  };
});

/** Whether a value is JSON already, as in a reply that was parsed; a copy would cost more. */
function isJson(value: unknown): value is Json {
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (isRecord(value)) return Object.keys(value).every((key) => isJson(value[key]));
  return value === null || typeof value === "string" || typeof value === "boolean";
}

/** Drops null and undefined. */
export function dropNull(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** Drops null, undefined and empty strings; the rest becomes JSON. */
export function dropEmpty(values: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]): [string, Json][] => {
      if (value === undefined || value === null || value === "") return [];
      // A string must stay one, even if it looks like JSON.
      const json: Json | undefined = typeof value === "string" ? value : JSON_FIELD.parse(value);
      return json === undefined ? [] : [[key, json]];
    }),
  );
}

/** The fields of a project that {@link projectRow} reads. */
export const PROJECT_FIELDS = "name entityName description access createdAt updatedAt";

const TEXT = z.string().nullish();

/** The reply to {@link PROJECT_FIELDS}. */
export const PROJECT = z.looseObject({
  name: z.string(),
  entityName: TEXT,
  description: TEXT,
  access: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
});

const VISIBILITY: Readonly<Record<string, string>> = createLookup({
  PRIVATE: "private",
  ENTITY_READ: "team",
  ENTITY_WRITE: "team",
  RESTRICTED: "restricted",
  USER_READ: "public",
  USER_WRITE: "open",
});

/** A project as a row of a result. */
export function projectRow(project: z.output<typeof PROJECT>, entity: string) {
  const { access, description } = project;
  return {
    name: project.name,
    entity: project.entityName ?? entity,
    ...(description ? { description } : {}),
    ...(access ? { visibility: VISIBILITY[access] ?? access.toLowerCase() } : {}),
    ...(project.createdAt ? { created_at: project.createdAt } : {}),
    ...(project.updatedAt ? { updated_at: project.updatedAt } : {}),
  };
}

/** Where a run was forked or rewound, as W&B's client writes it to `_wandb.branch_point`. */
export interface BranchPoint {
  readonly run_id: string;
  /** The last step that the run took over. */
  readonly step: number;
}

/** `wandbConfig(keys: ["branch_point"])`; undefined for a run that is not a fork or rewind. */
export const BRANCH_POINT: z.ZodType<BranchPoint | undefined> = OBJECT_FIELD.transform((config) => {
  const { run_id, step } = OBJECT_FIELD.parse(config.branch_point);
  return typeof run_id === "string" && typeof step === "number" ? { run_id, step } : undefined;
});
