/**
 * What a search's result does not say by itself: why it is empty, and what was not searched.
 *
 * @module
 */
import { badArgument, Failure, listFirst, nearest } from "../core/failure.ts";
import { isRecord } from "../core/json.ts";
import { failWithoutExperiment } from "./experiment.ts";
import { matchExactly } from "./filter/json_text.ts";
import {
  type Clause,
  type Entity,
  looksIntoSpans,
  printClause,
  printKey,
} from "./filter/clause.ts";
import { isOlderThan } from "./query.ts";
import type { ReadServices } from "./services.ts";
import { SPANS_LOCATION } from "./span_place.ts";
import type { TraceQuery, TraceReader } from "./store.ts";
import { shapeInfo } from "./trace.ts";

/**
 * Explains why nothing was found, and what to try; for an experiment or run that does not exist, an
 * empty result is an error, not an answer.
 */
export async function explainEmpty(
  args: { readonly run_id?: string | undefined; readonly page_token?: string | undefined },
  query: TraceQuery,
  services: ReadServices,
): Promise<string> {
  const { mlflow } = services;
  const [experimentId = ""] = query.experimentIds;
  const experiment = await mlflow.experimentById(experimentId) ??
    await failWithoutExperiment(services, experimentId);
  if (args.run_id !== undefined) {
    const owner = await mlflow.experimentOfRun(args.run_id) ?? failWithoutRun(args.run_id);
    if (owner !== experimentId) {
      throw badArgument(
        `Run ${args.run_id} belongs to experiment ${owner}, not ${experimentId}.`,
        `Call again with experiment_id=${owner}, or without it.`,
      );
    }
  }
  const place = `experiment ${experimentId} (${experiment.name})`;
  if (args.page_token !== undefined) return `Nothing follows page_token in ${place}.`;
  const clauses = query.filter?.clauses ?? [];
  if (clauses.length === 0) return `There are no traces in ${place}.`;
  const [all, alternatives, unused] = await Promise.all([
    mlflow.count({ experimentIds: [experimentId] }),
    findAlternatives(clauses, query, mlflow),
    findUnusedNames(clauses, query, mlflow),
  ]);
  const others = [...unused, ...alternatives];
  return `No trace of ${place} matches` +
    (all === undefined ? "" : `; without the filter there are ${all}`) +
    (others.length > 0
      ? `. ${others.join(" ")}`
      : ". Leave out one comparison at a time to see which excludes them.");
}

export function failWithoutRun(runId: string): never {
  throw new Failure("not_found", `There is no run ${JSON.stringify(runId.slice(0, 80))}.`, {
    hint: "Use the run's id, a 32-digit hex number, not its name.",
  });
}

/**
 * How many traces of a search's range have nothing in the server's database that its comparisons of
 * spans look at; undefined where that cannot be told.
 */
export async function countUnseen(
  { experimentIds, filter }: Pick<TraceQuery, "experimentIds" | "filter">,
  mlflow: TraceReader,
): Promise<number | undefined> {
  const clauses = filter?.clauses ?? [];
  const rest = clauses.filter((clause) => !looksIntoSpans(clause));
  if (rest.length === clauses.length) return 0;
  // Before spans were kept in the database, the server compared what it noted of them in tags.
  if (await isOlderThan("3.6", mlflow)) return 0;
  const count = async (clause?: Clause) => {
    const list = clause === undefined ? rest : [...rest, clause];
    return await mlflow.count({ experimentIds, filter: { clauses: list, notes: [] } });
  };
  const markedAs = (value: string): Clause => ({
    entity: "tag",
    key: SPANS_LOCATION,
    op: "=",
    value,
  });
  const [all, stored] = await Promise.all([count(), count(markedAs("TRACKING_STORE"))]);
  if (all === undefined || stored === undefined) return undefined;
  if (stored >= all) return 0;
  // Traces of older releases have no mark. Archived ones keep the rows of their spans, without text.
  const needsText = clauses.some((clause) => looksIntoSpans(clause) && clause.entity !== "span");
  const [withRows, archived] = await Promise.all([
    count({ entity: "span", key: "name", op: "LIKE", value: "%" }),
    needsText ? count(markedAs("ARCHIVE_REPO")) : 0,
  ]);
  if (withRows === undefined || archived === undefined) return undefined;
  return Math.max(0, all - withRows + archived);
}

/** What a result says of traces that {@link countUnseen} counts. */
export function describeUnseen(count: number | undefined): string {
  if (count === undefined) {
    return "Traces of this range whose spans are not in the database (kept in files, archived, or " +
      "none) were not looked at; how many there are is unknown.";
  }
  return `${count} traces of this range were not looked at: their spans are not in the database ` +
    "(kept in files, archived, or none), where span.* and trace.text search. Without these " +
    "comparisons they are found.";
}

/** Comparisons probed for an empty result. */
const PROBES = 3;

/** Newest traces whose names of tags and assessments are read for an empty result. */
const SAMPLE = 50;

/** Compared names of tags, metadata and assessments that no recent trace has, and those there are. */
async function findUnusedNames(
  clauses: readonly Clause[],
  { experimentIds }: TraceQuery,
  mlflow: TraceReader,
): Promise<string[]> {
  const named = clauses.filter(({ entity, op }) => NAMED.includes(entity) && op !== "IS NULL");
  if (named.length === 0) return [];
  const page = await mlflow.search({ experimentIds, orderBy: [], limit: SAMPLE }).catch(() => {});
  const infos = (page?.infos ?? []).map(shapeInfo);
  if (infos.length === 0) return [];
  return named.flatMap(({ entity, key }) => {
    const there = [...new Set(infos.flatMap((info) => listNames(info, entity)))];
    if (there.includes(key)) return [];
    const near = nearest(key, there);
    const own = there.filter((name) => !name.startsWith("mlflow."));
    const known = (near.length > 0 ? near : own).map((name) => printKey({ entity, key: name }));
    return [
      `No trace among the newest ${infos.length} has ${printKey({ entity, key })}` +
      (known.length === 0 ? "." : `; they have ${listFirst(known, 8)}.`),
    ];
  });
}

const NAMED: readonly Entity[] = ["tag", "metadata", "feedback", "expectation"];

function listNames(info: ReturnType<typeof shapeInfo>, entity: Entity): string[] {
  if (entity === "tag") return Object.keys(info.tags);
  if (entity === "metadata") return Object.keys(info.trace_metadata);
  return info.assessments.flatMap((one) =>
    isRecord(one) && isRecord(one[entity]) && typeof one["assessment_name"] === "string"
      ? [one["assessment_name"]]
      : []
  );
}

/** Finds similar comparisons that would match, and the reason why those given do not. */
async function findAlternatives(
  clauses: readonly Clause[],
  { experimentIds }: TraceQuery,
  mlflow: TraceReader,
): Promise<string[]> {
  const others = clauses.flatMap((clause) =>
    listAlternatives(clause).map((other) => ({ clause, ...other }))
  ).slice(0, PROBES);
  const suggestions = await Promise.all(others.map(async ({ clause, instead, why }) => {
    const filter = { clauses: clauses.map((one) => one === clause ? instead : one), notes: [] };
    const count = await mlflow.count({ experimentIds, filter });
    if (count === undefined || count === 0) return [];
    return [
      `With ${printClause(instead)} in place of ${printClause(clause)} ${count} match: ${why}.`,
    ];
  }));
  return suggestions.flat();
}

/** Comparisons that may have been meant, if the data are not in the form that they seem to have. */
function listAlternatives(clause: Clause): { instead: Clause; why: string }[] {
  const { entity, key, op, value } = clause;
  if (typeof value !== "string") return [];
  const attribute = (name: string, text: string): Clause => ({
    entity: "spanAttribute",
    key: name,
    op: "LIKE",
    value: text,
  });
  if (entity === "spanAttribute") {
    const text = /^: "_"(-?\d+(?:\.\d+)?|true|false)_""$/.exec(value)?.[1];
    const bare = /^: "(-?\d+(?:\.\d+)?|true|false)"$/.exec(value)?.[1];
    if (text !== undefined) {
      return [{
        instead: attribute(key, `: "${text}"`),
        why: "the value is not text; write it without quotes",
      }];
    }
    if (bare !== undefined) {
      return [{
        instead: attribute(key, matchExactly(bare)),
        why: "the value is text; write it in quotes",
      }];
    }
  }
  if (entity === "span" && key === "type" && op === "=") {
    return [{
      instead: attribute("mlflow.spanType", matchExactly(value)),
      why: "traces that arrived through OpenTelemetry have their type among the attributes only",
    }];
  }
  if (entity === "trace" && key === "name") {
    return [{
      instead: { ...clause, entity: "span" },
      why: "spans have that name; a trace that arrived through OpenTelemetry has its root span's",
    }];
  }
  if (entity === "metadata" && key === "mlflow.trace.session" && op === "=") {
    return [{
      instead: attribute("session.id", matchExactly(value)),
      why: "a trace's session is that of its root span, and this one is a nested span's",
    }];
  }
  const escaped = value.replace(
    /[^\x20-\x7e]/g,
    (sign) => `%u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return looksIntoSpans(clause) && /LIKE$/.test(op) && escaped !== value
    ? [{
      instead: { ...clause, value: escaped },
      why: "the text was recorded with its non-ASCII characters escaped",
    }]
    : [];
}
