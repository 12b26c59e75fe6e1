import type { Trial } from "../../../analysis/evaluation.ts";
import { callUsage } from "../../../analysis/usage.ts";
import { type Call, costsOfCall, derived, opOf, usageOf } from "../call.ts";
import type { WeaveSession } from "../client.ts";
import { isRecord } from "../filters/condition.ts";
import type { ProjectRef } from "../../project.ts";
import { LIGHT_COLUMNS } from "../rows/columns.ts";
import { nameOfQuery } from "../rows/cursor.ts";
import { RefReader } from "../rows/expand.ts";
import { cut, shortException } from "../rows/shape.ts";
import { type EvalResults, TEXT } from "./results.ts";

/** The op of Weave's Python client, and that of its TypeScript client. */
const OPS = ["Evaluation.predict_and_score", "Evaluation.predictAndScore"];
/** Ids in one filter. */
const BATCH = 1000;
/** The service wants a limit; no evaluation has as many. */
const ALL = 1_000_000;

/** A prediction, before its scores are known. */
export interface Prediction extends Trial {
  readonly evaluation: string;
  readonly row?: unknown;
  readonly error?: string;
  /** The client that ran the evaluation; their summaries follow different rules. */
  readonly writer: "python" | "typescript";
}

/**
 * The predictions of evaluations, from their calls: how each went, what it took. A prediction has
 * failed when it, its model or a scorer raised; one whose model recovered from a failure below
 * itself has not.
 *
 * @param contents Reads answers and scores from the calls too.
 */
export async function readPredictions(
  session: WeaveSession,
  place: ProjectRef,
  evaluations: readonly string[],
  contents: boolean,
): Promise<Prediction[]> {
  const predictions: { call: Call; key: string }[] = [];
  const query = {
    filter: { parent_ids: evaluations },
    columns: [...LIGHT_COLUMNS, "exception", "inputs", ...(contents ? ["output"] : [])],
    include_costs: true,
    limit: ALL,
  };
  for await (const call of session.calls(place, query)) {
    if (!OPS.includes(opOf(call))) continue;
    const key = exampleKey(call.inputs?.["example"]) ?? call.id;
    predictions.push({ call: reduced(call), key });
  }
  const parts = await readParts(session, place, predictions.map(({ call }) => call.id));
  return predictions.map(({ call, key }) => prediction(call, key, parts.get(call.id) ?? []));
}

/** A prediction's call without what no result shows of it; what names its example is read before. */
function reduced(call: Call): Call {
  const { example, model } = call.inputs ?? {};
  return {
    ...call,
    inputs: { ...(example === undefined ? {} : { example: cut(example, TEXT) }), model },
    output: cut(call.output, TEXT),
  };
}

/** The calls directly below predictions, oldest first. */
async function readParts(
  session: WeaveSession,
  place: ProjectRef,
  ids: readonly string[],
): Promise<Map<string, Call[]>> {
  const parts = new Map<string, Call[]>();
  const batches = Array.from(
    { length: Math.ceil(ids.length / BATCH) },
    (_, index) => ids.slice(index * BATCH, (index + 1) * BATCH),
  );
  await Promise.all(batches.map(async (batch) => {
    const query = {
      filter: { parent_ids: batch },
      columns: [...LIGHT_COLUMNS, "exception"],
      include_costs: true,
      limit: ALL,
    };
    for await (const call of session.calls(place, query)) {
      const list = parts.get(call.parent_id ?? "") ?? [];
      parts.set(call.parent_id ?? "", list);
      list.push(call);
    }
  }));
  return parts;
}

function prediction(call: Call, key: string, parts: readonly Call[]): Prediction {
  const model = modelCall(call.inputs?.["model"], parts);
  const status = derived(call).status;
  const failed = [call, ...parts].find((one) => derived(one).status === "error");
  const output = isRecord(call.output) ? call.output : {};
  const answer = output["output"] === undefined ? output["model_output"] : output["output"];
  const example = call.inputs?.["example"];
  const latency = model === undefined ? undefined : derived(model).latency_ms;
  const tokens = tokensOf(call);
  const cost = costsOfCall(call)?.total_cost;
  const own = model === undefined ? undefined : tokensOf(model);
  const ownCost = model === undefined ? undefined : costsOfCall(model)?.total_cost;
  return {
    id: call.id,
    evaluation: call.parent_id ?? "",
    example: key,
    status: failed !== undefined ? "failed" : status === "running" ? "running" : "ok",
    scores: isRecord(output["scores"]) ? output["scores"] : {},
    ...(answer === undefined ? {} : { output: answer }),
    ...(example === undefined ? {} : { row: example }),
    ...(latency === undefined ? {} : { latency_s: latency / 1000 }),
    ...(tokens === 0 ? {} : { total_tokens: tokens }),
    ...(tokens === 0 || own === undefined ? {} : {
      model_tokens: own,
      ...(tokens > own ? { scorer_tokens: tokens - own } : {}),
    }),
    ...(cost === undefined ? {} : { cost }),
    ...(cost === undefined || model === undefined ? {} : {
      model_cost: ownCost ?? 0,
      ...(cost > (ownCost ?? 0) ? { scorer_cost: cost - (ownCost ?? 0) } : {}),
    }),
    writer: opOf(call) === OPS[1] ? "typescript" : "python",
    ...(failed?.exception ? { error: shortException(failed.exception) ?? "" } : {}),
  };
}

function tokensOf(call: Call): number {
  return callUsage({ id: call.id, trace_id: call.trace_id, usage: usageOf(call) }).total_tokens;
}

/**
 * The model's call among those below a prediction; before it may be one that prepares its input,
 * after it are scorers.
 *
 * @param ref The model, as the prediction's input: an object, or an op that is the model.
 */
function modelCall(ref: unknown, parts: readonly Call[]): Call | undefined {
  return parts.find((part) => part.op_name === ref) ??
    parts.find((part) => /(^|[._])(predict|infer|forward|invoke)$/i.test(opOf(part))) ??
    parts[0];
}

/** Longest example that stands for itself where it is compared with others. */
const KEY = 80;

/** What names an example in every evaluation of the same dataset. */
function exampleKey(example: unknown): string | undefined {
  if (example === undefined) return undefined;
  const text = typeof example === "string"
    ? /\/id\/([^/]+)$/.exec(example)?.[1] ?? example
    : JSON.stringify(example);
  return text.length > KEY ? nameOfQuery([text]) : text;
}

/** Predictions with examples, answers and scores as far as the results route has them. */
export function withResults(
  predictions: readonly Prediction[],
  results: EvalResults | undefined,
): Prediction[] {
  return predictions.map((one) => ({ ...one, ...results?.trials.get(one.id) }));
}

/**
 * The evaluations of which the results route told nothing: it passes over the predictions that
 * Weave's TypeScript client writes.
 */
export function withoutResults(
  predictions: readonly Prediction[],
  results: EvalResults | undefined,
): string[] {
  const told = new Set(results?.stats.keys());
  for (const { id, evaluation } of predictions) {
    if (results?.trials.has(id) === true) told.add(evaluation);
  }
  return [...new Set(predictions.map(({ evaluation }) => evaluation))]
    .filter((evaluation) => !told.has(evaluation));
}

/** Predictions with their examples and answers read, where these are references or hold some. */
export async function withExamples(
  session: WeaveSession,
  predictions: readonly Prediction[],
): Promise<Prediction[]> {
  const reader = new RefReader(session);
  const refs = predictions.flatMap(({ row, output }) => [
    ...(typeof row === "string" ? [row] : []),
    ...refsIn(output),
  ]);
  await reader.read(refs);
  return predictions.map((one) => {
    const found = typeof one.row === "string" ? reader.value(one.row) : undefined;
    return {
      ...one,
      ...(found === undefined ? {} : { row: found.value }),
      ...(one.output === undefined ? {} : { output: resolved(one.output, reader) }),
    };
  });
}

function refsIn(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("weave:///") ? [value] : [];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(refsIn);
}

function resolved(value: unknown, reader: RefReader): unknown {
  if (typeof value === "string") {
    const found = value.startsWith("weave:///") ? reader.value(value) : undefined;
    return found === undefined ? value : cut(found.value, TEXT);
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, reader));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolved(item, reader)]),
  );
}
