import { z } from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../upstream/json.ts";
import { unexpectedForm } from "../failure.ts";
import { configOf, HISTORY_KEYS, INT64, JSON_FIELD, OBJECT_FIELD, PAGE_INFO } from "../shapes.ts";
import { valueAt } from "../history/series.ts";
import type { WandbLinks } from "../links.ts";
import type { Place } from "../tool.ts";
import type { RunProjection } from "./run_fields.ts";

/** Runs, with only what is asked for. */
export const LIST_RUNS = `query ListRuns($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String, $config: Boolean!, $ck: [String!], $summary: Boolean!,
  $sk: [String!], $keys: Boolean!, $more: Boolean!) {
  project(entityName: $e, name: $p) {
    list: runs(filters: $f, order: $o, first: $n, after: $c) {
      totalCount
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state createdAt tags group
        jobType @include(if: $more)
        heartbeatAt @include(if: $more)
        updatedAt @include(if: $more) # optional
        host @include(if: $more)
        commit @include(if: $more)
        notes @include(if: $more)
        sweepName @include(if: $more) # optional
        user @include(if: $more) { username }
        historyKeys @include(if: $keys)
        config(keys: $ck) @include(if: $config)
        summaryMetrics(keys: $sk) @include(if: $summary)
      } }
    }
  }
}`;

/** Sweeps. */
export const LIST_SWEEPS = `query ListSweeps($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: sweeps(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state method bestLoss runCount createdAt
        runCountExpected # optional
        config
      } }
    }
  }
}`;

/** Saved reports. */
export const LIST_REPORTS = `query ListReports($e: String!, $p: String!, $n: Int!, $c: String) {
  project(entityName: $e, name: $p) {
    list: allViews(viewType: "runs", first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node { id displayName description createdAt updatedAt user { username } } }
    }
  }
}`;

/** Artifact collections of every type. */
export const LIST_ARTIFACTS = `query ListArtifacts($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: artifactCollections(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        __typename name description createdAt updatedAt
        defaultArtifactType { name }
        aliases(first: 100) { edges { node { alias } } }
        tags { edges { node { name } } }
      } }
    }
  }
}`;

/** A run's files. */
export const LIST_FILES = `query ListFiles($e: String!, $p: String!, $r: String!, $n: Int!,
  $c: String) {
  project(entityName: $e, name: $p) {
    run(name: $r) {
      list: files(first: $n, after: $c) {
        pageInfo { endCursor hasNextPage }
        edges { cursor node { name sizeBytes mimetype updatedAt md5 } }
      }
    }
  }
}`;

/** What the structured form can list. */
export const RESOURCES = ["runs", "sweeps", "reports", "artifacts", "files"] as const;

/** One of {@link RESOURCES}. */
export type Resource = (typeof RESOURCES)[number];

const TEXT = z.string().nullish();
const RAW = z.unknown().optional();
/** A page of any resource as the server gives it. */
export const PAGE = z.looseObject({
  totalCount: z.number().nullish(),
  pageInfo: PAGE_INFO,
  edges: z.array(z.looseObject({ cursor: TEXT, node: z.looseObject({}).nullish() }).nullable())
    .nullish(),
});

/** A page of any resource. */
export type ListPage = z.output<typeof PAGE>;

/** The reply to each of the listing documents; `run` is there for files. */
export const LIST_SHAPE: z.ZodType<{
  readonly project?:
    | {
      readonly list?: ListPage | null | undefined;
      readonly run?: { readonly list?: ListPage | null | undefined } | null | undefined;
    }
    | null
    | undefined;
}> = z.looseObject({
  project: z.looseObject({
    list: PAGE.nullish(),
    run: z.looseObject({ list: PAGE.nullish() }).nullish(),
  }).nullish(),
});

const RUN = z.looseObject({
  name: z.string().catch(""),
  displayName: TEXT,
  state: TEXT,
  createdAt: TEXT,
  heartbeatAt: TEXT,
  updatedAt: TEXT,
  tags: z.array(z.string()).nullish(),
  group: TEXT,
  jobType: TEXT,
  host: TEXT,
  commit: TEXT,
  notes: TEXT,
  sweepName: TEXT,
  user: z.looseObject({ username: TEXT }).nullish(),
  historyKeys: HISTORY_KEYS,
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
});

/** A run as a row. */
export function runRow(
  node: unknown,
  projection: RunProjection,
  place: Place,
  links: WandbLinks,
): JsonObject {
  const run = readNode(RUN, node);
  const values: Record<string, unknown> = {
    id: run.name,
    name: run.displayName,
    state: run.state,
    created_at: run.createdAt,
    heartbeat_at: run.heartbeatAt,
    updated_at: run.updatedAt,
    tags: run.tags?.length ? run.tags : undefined,
    group: run.group,
    job_type: run.jobType,
    host: run.host,
    commit: run.commit,
    notes: run.notes,
    sweep: run.sweepName,
    user: run.user?.username,
    history_keys: [...run.historyKeys.keys.keys()],
    url: links.run(place.entity, place.project, run.name),
  };
  const plain = Object.entries(values).filter(([key]) => projection.fields.has(key));
  return present({
    ...Object.fromEntries(plain),
    config: chosen(configOf(run.config), projection.config),
    summary: chosen(run.summaryMetrics, projection.summary),
  });
}

function readNode<T>(shape: z.ZodType<T>, node: unknown): T {
  const parsed = shape.safeParse(node);
  if (parsed.success) return parsed.data;
  throw unexpectedForm(["node", ...parsed.error.issues[0]?.path ?? []]);
}

function chosen(
  values: JsonObject,
  keys: "none" | "all" | readonly string[],
): JsonObject | undefined {
  if (keys === "none") return undefined;
  if (keys === "all") return values;
  return Object.fromEntries(
    keys.flatMap((key): [string, Json][] => {
      const value = valueAt(values, key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

const NAMES = z.looseObject({
  edges: z.array(z.looseObject({ node: z.looseObject({ name: TEXT, alias: TEXT }).nullish() })),
}).nullish().transform((list) =>
  (list?.edges ?? []).flatMap(({ node }) => node?.alias ?? node?.name ?? [])
);
const OTHER = z.looseObject({
  id: TEXT,
  name: TEXT,
  displayName: TEXT,
  description: TEXT,
  state: TEXT,
  method: TEXT,
  bestLoss: JSON_FIELD,
  runCount: INT64,
  runCountExpected: INT64,
  config: RAW,
  createdAt: TEXT,
  updatedAt: TEXT,
  user: z.looseObject({ username: TEXT }).nullish(),
  defaultArtifactType: z.looseObject({ name: TEXT }).nullish(),
  aliases: NAMES,
  tags: NAMES,
  sizeBytes: INT64,
  mimetype: TEXT,
  md5: TEXT,
  __typename: TEXT,
});

/** A sweep, report, artifact collection or file as a row. */
export function otherRow(
  resource: Exclude<Resource, "runs">,
  node: unknown,
  place: Place,
  links: WandbLinks,
): JsonObject {
  const one = readNode(OTHER, node);
  const dates = { created_at: one.createdAt, updated_at: one.updatedAt };
  const { entity, project } = place;
  switch (resource) {
    case "sweeps":
      return present({
        id: one.name,
        name: one.displayName,
        state: one.state,
        method: one.method,
        best_loss: one.bestLoss,
        run_count: one.runCount,
        expected_runs: one.runCountExpected,
        created_at: one.createdAt,
        config: one.config,
        url: links.sweep(entity, project, one.name ?? ""),
      });
    case "reports":
      return present({
        id: one.id,
        title: one.displayName,
        description: one.description,
        user: one.user?.username,
        ...dates,
        url: links.report(entity, project, one.displayName ?? "report", one.id ?? ""),
      });
    case "artifacts":
      return present({
        name: one.name,
        type: one.defaultArtifactType?.name,
        description: one.description,
        aliases: one.aliases,
        tags: one.tags.length > 0 ? one.tags : undefined,
        is_sequence: one.__typename === "ArtifactSequence",
        ...dates,
      });
    case "files":
      return present({
        name: one.name,
        size: one.sizeBytes,
        mimetype: one.mimetype,
        updated_at: one.updatedAt,
        md5: one.md5,
      });
  }
}

function present(values: Record<string, unknown>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]): [string, Json][] => {
      if (value === undefined || value === null || value === "") return [];
      // Plain text stays text; structures come from parsed JSON.
      const json: Json | undefined = typeof value === "string" ? value : JSON_FIELD.parse(value);
      const empty = isJsonObject(json) && Object.keys(json).length === 0 && key === "config";
      return json === undefined || empty ? [] : [[key, json]];
    }),
  );
}
