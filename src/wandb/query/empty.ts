/**
 * Explains why a filter matches no run or an order sorts nothing, by comparing it with the
 * project's newest runs. W&B itself just returns nothing.
 *
 * @module
 */
import { createLookup } from "../../core/values.ts";
import * as z from "zod";
import { didYouMean, listFirst, nearest, shortenName } from "../../core/failure.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";
import type { WandbSession } from "../client.ts";
import { valueAt } from "../history/series.ts";
import { ignoreFailure } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { connectionShape, HISTORY_KEYS, OBJECT_FIELD, readConfig, readSummary } from "../shapes.ts";
import { type Condition, keyIn, listOperands, STATES } from "./filter.ts";

/** The names, configs and metrics of a project's newest runs. */
export const KNOWN_RUNS = `query KnownRuns($e: String!, $p: String!, $sweeps: Boolean!) {
  project(entityName: $e, name: $p) {
    runs(first: 20, order: "-created_at") {
      edges { node {
        name displayName tags group jobType createdAt host
        user { username }
        sweepName # optional
        config summaryMetrics historyKeys
      } }
    }
    sweeps(first: 100) @include(if: $sweeps) { edges { node { name displayName } } }
  }
}`;

const TEXT = z.string().nullish();
const RUN = z.looseObject({
  name: TEXT,
  displayName: TEXT,
  tags: z.array(z.string()).nullish(),
  group: TEXT,
  jobType: TEXT,
  createdAt: TEXT,
  host: TEXT,
  user: z.looseObject({ username: TEXT }).nullish(),
  sweepName: TEXT,
  config: OBJECT_FIELD,
  summaryMetrics: OBJECT_FIELD,
  historyKeys: HISTORY_KEYS,
});
type Run = z.output<typeof RUN>;
const SHAPE = z.looseObject({
  project: z.looseObject({
    runs: connectionShape(RUN),
    sweeps: connectionShape(z.looseObject({ name: z.string(), displayName: TEXT })),
  }).nullish(),
});

/** Reads the values of fields that hold a text or a list of texts. */
const VALUES: Readonly<Record<string, (run: Run) => readonly (string | null | undefined)[]>> =
  createLookup({
    name: (run) => [run.name, run.displayName],
    display_name: (run) => [run.displayName, run.name],
    tags: (run) => run.tags ?? [],
    group: (run) => [run.group],
    job_type: (run) => [run.jobType],
    jobType: (run) => [run.jobType],
    host: (run) => [run.host],
    username: (run) => [run.user?.username],
    sweep: (run) => [run.sweepName],
  });

/**
 * Sentences about conditions that cannot match and orders that do not sort. With `all`, about every
 * condition; otherwise only about config keys and metrics that no run has.
 */
export async function explainEmpty(
  session: WandbSession,
  { entity, project }: ProjectRef,
  conditions: readonly Condition[],
  all: boolean,
): Promise<string[]> {
  const sweeps = all && conditions.some(({ field }) => field === "sweep");
  const found = await ignoreFailure(
    session.ask(KNOWN_RUNS, { e: entity, p: project, sweeps }, SHAPE),
  );
  const runs = found?.project?.runs.nodes ?? [];
  if (runs.length === 0) return [];
  const sentences = conditions.flatMap((condition): (string | undefined)[] => {
    if (keyIn(condition.field) !== undefined) return [explainKey(condition, runs, all)];
    if (!all) return [];
    if (condition.field === "sweep") {
      return [
        explainSweep(condition, found?.project?.sweeps.nodes ?? []) ?? explainText(condition, runs),
      ];
    }
    return [
      /^(created|updated|heartbeat)_?at$/i.test(condition.field)
        ? explainTime(runs)
        : explainText(condition, runs),
    ];
  });
  return [...new Set(sentences.filter((sentence) => sentence !== undefined))];
}

function explainKey({ field, operand, sorts }: Condition, runs: readonly Run[], all: boolean) {
  const { part, key } = keyIn(field) ?? { part: "config" as const, key: field };
  const isConfig = part === "config";
  const objects = runs.map((run) => isConfig ? readConfig(run.config) : run.summaryMetrics);
  const values = objects.map((one) => valueAt(one, key)).filter((value) => value !== undefined);
  const logged = isConfig ? [] : runs.flatMap((run) => [...run.historyKeys.keys.keys()]);
  const name = `${part}.${key}`;
  const dotted = key.includes(".") && objects.some((one) => Object.hasOwn(one, key));
  if (isConfig && dotted) {
    return `${name} has a dot in its name, which W&B's filters and orders read as a path, so they ` +
      `cannot find it. List the runs with fields=["${name}"] and choose from those.`;
  }
  if (values.length === 0) {
    if (logged.includes(key)) {
      return all
        ? `${name}: the newest runs log "${key}", but their summary does not have it.`
        : undefined;
    }
    const own = isConfig ? objects : runs.map((run) => readSummary(run.summaryMetrics));
    const known = [...own.flatMap(Object.keys), ...logged];
    const guess = didYouMean(key, known, (one) => `${part}.${one}`);
    return `No run among the newest ${runs.length} has ${name}` +
      (guess === "." ? "; probe_project_tool lists the keys." : guess);
  }
  return all || sorts === true ? explainValues(name, operand, values, runs.length) : undefined;
}

/** Compares a condition with the values that runs have: their shape, type and range. */
function explainValues(
  name: string,
  operand: unknown,
  values: readonly Json[],
  seen: number,
): string | undefined {
  const inner = values.find(isJsonObject);
  const asked = listOperands(operand).filter((value) => value !== null);
  if (inner !== undefined && values.every(isJsonObject)) {
    const keys = Object.keys(inner);
    return `In ${nameSeen(seen)} ${name} is ${quoteJson(inner)}, not a plain value: ask for ` +
      `${keys.slice(0, 5).map((key) => `${name}.${key}`).join(" or ")}.`;
  }
  const kinds = new Set(values.map(nameKind));
  const other = asked.find((value) => !kinds.has(nameKind(value)));
  const sample = values.find((value) => nameKind(value) !== nameKind(other)) ?? null;
  if (other !== undefined) {
    const number = kinds.has("number") && typeof other === "string" ? Number(other) : NaN;
    return `In ${nameSeen(seen)} ${name} holds ${
      [...kinds].map((kind) => `${kind}s`).join(" and ")
    } such as ` +
      `${quoteJson(sample)}, not ${nameKind(other)}s` +
      (Number.isFinite(number) ? `: compare it with ${number}.` : ` such as ${quoteJson(other)}.`);
  }
  const numbers = values.filter((value) => typeof value === "number");
  if (asked.length > 0 && numbers.length > 0) {
    return `In ${nameSeen(seen)} ${name} is between ${Math.min(...numbers)} and ` +
      `${Math.max(...numbers)}.`;
  }
  const texts = values.filter((value) => typeof value === "string");
  const [text] = asked.filter((value) => typeof value === "string");
  if (text === undefined || texts.length === 0 || texts.includes(text)) return undefined;
  const guess = didYouMean(text, texts);
  return `In ${nameSeen(seen)} ${name} is ${listFirst([...new Set(texts)], 5)}` +
    (guess === "." ? "." : guess);
}

function explainSweep(
  { operand }: Condition,
  sweeps: readonly { readonly name: string; readonly displayName?: string | null | undefined }[],
): string | undefined {
  for (const asked of listOperands(operand)) {
    const ids = sweeps.filter(({ displayName }) => displayName === asked).map(({ name }) => name);
    if (ids.length > 0) {
      return `"${asked}" is a sweep's display name; its id is ${ids.join(" or ")}: ` +
        `{"sweep":"${ids[0]}"}.`;
    }
  }
  return undefined;
}

/** Compares a condition on a text field with the values that runs have. */
function explainText({ field, operand }: Condition, runs: readonly Run[]): string | undefined {
  const read = VALUES[field];
  const values = read === undefined
    ? []
    : [...new Set(runs.flatMap(read).filter((value) => typeof value === "string"))];
  const unknown = listOperands(operand).find((value) =>
    typeof value === "string" && !values.includes(value)
  );
  if (field === "state" || typeof unknown !== "string") return undefined;
  if (values.length === 0) {
    return read === undefined
      ? undefined
      : `No run among the newest ${runs.length} has a ${field}.`;
  }
  const near = nearest(unknown, values).length > 0;
  return near
    ? `No run among the newest ${runs.length} has the ${field} "${shortenName(unknown)}"${
      didYouMean(unknown, values)
    }`
    : `In ${nameSeen(runs.length)} ${field} is ${listFirst(values, 5)}.`;
}

function explainTime(runs: readonly Run[]): string | undefined {
  const newest = runs[0]?.createdAt;
  return newest ? `The project's newest run was created at ${newest}.` : undefined;
}

/** Explains states in a filter that no run can have; undefined if there are none. */
export function explainStates(conditions: readonly Condition[]): string | undefined {
  const asked = conditions.filter(({ field }) => field === "state")
    .flatMap(({ operand }) => listOperands(operand));
  const unknown = [...new Set(asked)].filter((state) =>
    typeof state === "string" && !STATES.includes(state)
  );
  if (unknown.length === 0) return undefined;
  return `No run can have the state ${
    unknown.map((state) => JSON.stringify(state)).join(" or ")
  }: ` +
    `the states are ${STATES.join(", ")}.`;
}

/** Names the runs that were read, so that no claim is made about others. */
function nameSeen(count: number): string {
  return `the newest ${count === 1 ? "run" : `${count} runs`}`;
}

function nameKind(value: unknown): string {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : "object";
}

function quoteJson(value: unknown): string {
  return shortenName(JSON.stringify(value));
}

/** Whether a run's row has the metric or config key; for sorting, with a plain value. */
export function holdsKey(row: JsonObject, { field, sorts }: Condition): boolean {
  const { part, key } = keyIn(field) ?? { part: undefined, key: field };
  const values = part === "config" ? row.config : row.summary;
  if (!isJsonObject(values) || !Object.hasOwn(values, key)) return false;
  return sorts !== true || !isJsonObject(values[key]);
}
