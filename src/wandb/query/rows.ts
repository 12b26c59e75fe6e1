/** Turns what the server lists into rows of a result. */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { Links } from "../account.ts";
import { createFormFailure } from "../failure.ts";
import { valueAt } from "../history/series.ts";
import type { ProjectRef } from "../project.ts";
import {
  BRANCH_POINT,
  connectionShape,
  dropEmpty,
  HISTORY_KEYS,
  INT64,
  JSON_FIELD,
  OBJECT_FIELD,
  readConfig,
} from "../shapes.ts";
import type { Keys, RunProjection } from "./fields.ts";
import type { Listed } from "./resources.ts";

const TEXT = z.string().nullish();
const RAW = z.unknown().optional();
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
  wandbConfig: BRANCH_POINT,
  user: z.looseObject({ username: TEXT }).nullish(),
  computeSeconds: z.number().nullish().catch(undefined),
  runInfo: JSON_FIELD,
  systemMetrics: OBJECT_FIELD,
  historyKeys: HISTORY_KEYS,
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
});

/** A run as a row. */
export function runRow(
  node: unknown,
  projection: RunProjection,
  place: ProjectRef,
  links: Links,
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
    forked_from: run.wandbConfig,
    user: run.user?.username,
    duration: run.computeSeconds,
    environment: isJsonObject(run.runInfo) ? unlessEmpty(dropEmpty(run.runInfo)) : undefined,
    system_metrics: unlessEmpty(run.systemMetrics),
    history_keys: [...run.historyKeys.keys.keys()],
    url: links.run(place.entity, place.project, run.name),
  };
  const plain = Object.entries(values).filter(([key]) => projection.fields.has(key));
  return dropEmpty({
    ...Object.fromEntries(plain),
    config: unlessEmpty(selectKeys(readConfig(run.config), projection.config)),
    summary: selectKeys(run.summaryMetrics, projection.summary),
  });
}

function readNode<T>(shape: z.ZodType<T>, node: unknown): T {
  const parsed = shape.safeParse(node);
  if (parsed.success) return parsed.data;
  throw createFormFailure(["node", ...parsed.error.issues[0]?.path ?? []]);
}

function selectKeys(
  values: JsonObject,
  keys: Keys,
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

const NAMES = connectionShape(z.looseObject({ name: TEXT, alias: TEXT })).transform((list) => ({
  names: list.nodes.flatMap(({ alias, name }) => alias ?? name ?? []),
  cut: list.page.hasNextPage,
}));
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
  spec: JSON_FIELD,
  __typename: TEXT,
});

/** A sweep, report, artifact collection or file as a row. */
export function otherRow(
  resource: Exclude<Listed, "runs">,
  node: unknown,
  place: ProjectRef,
  links: Links,
): JsonObject {
  const one = readNode(OTHER, node);
  const dates = { created_at: one.createdAt, updated_at: one.updatedAt };
  const { entity, project } = place;
  switch (resource) {
    case "sweeps":
      return dropEmpty({
        id: one.name,
        name: one.displayName,
        state: one.state,
        method: one.method,
        best_loss: one.bestLoss,
        run_count: one.runCount,
        expected_runs: one.runCountExpected,
        created_at: one.createdAt,
        config: unlessEmpty(one.config),
        url: links.sweep(entity, project, one.name ?? ""),
      });
    case "reports":
      return dropEmpty({
        id: one.id,
        title: one.displayName,
        description: one.description,
        user: one.user?.username,
        ...dates,
        spec: one.spec,
        url: links.report(entity, project, one.displayName ?? "report", one.id ?? ""),
      });
    case "artifacts":
      return dropEmpty({
        name: one.name,
        type: one.defaultArtifactType?.name,
        description: one.description,
        aliases: one.aliases.names,
        aliases_truncated: one.aliases.cut || undefined,
        tags: one.tags.names.length > 0 ? one.tags.names : undefined,
        tags_truncated: one.tags.cut || undefined,
        is_sequence: one.__typename === "ArtifactSequence",
        ...dates,
      });
    case "files":
      return dropEmpty({
        name: one.name,
        size: one.sizeBytes,
        mimetype: one.mimetype,
        updated_at: one.updatedAt,
        md5: one.md5,
      });
  }
}

/** Leaves out an empty config, which tells the reader nothing. */
function unlessEmpty(config: unknown): unknown {
  return isJsonObject(config) && Object.keys(config).length === 0 ? undefined : config;
}
