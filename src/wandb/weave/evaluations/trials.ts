import type { Trial } from "../../../analysis/evaluation.ts";
import { sumCallUsage } from "../../../analysis/usage.ts";
import { inParallel } from "../../../core/async.ts";
import { isRecord } from "../../../core/json.ts";
import type { ProjectRef } from "../../project.ts";
import { type Call, readDerived, readOp, readUsage, sumCosts } from "../call.ts";
import type { WeaveSession } from "../client.ts";
import { nameQuery } from "../plan.ts";
import { field, literal } from "../query.ts";
import { Holder } from "../rows/collect.ts";
import { LIGHT_COLUMNS } from "../rows/columns.ts";
import { cutTexts, shortenException } from "../rows/shape.ts";
import { type EvalResults, TEXT } from "./results.ts";

/** The op names used by Weave's Python client and by its TypeScript client. */
const OPS = ["Evaluation.predict_and_score", "Evaluation.predictAndScore"];
/** Predictions per request for child calls, parallel requests, and child calls per request. */
const BATCH = 1000;
const PARALLEL = 4;
const PARTS = 50_000;
/** The service needs a limit; the memory limit stops reading long before this one. */
const ALL = 1_000_000;

/** A prediction; its scores may still have to come from the results route. */
export interface Prediction extends Trial {
  readonly evaluation: string;
  readonly row?: unknown;
  readonly error?: string;
  /** The client that ran the evaluation; the two clients summarize by different rules. */
  readonly writer: "python" | "typescript";
  /** Set if it is unclear which child call is the model's. */
  readonly model_call?: "unknown";
}

/** The predictions read from evaluations. */
interface Predictions {
  readonly list: readonly Prediction[];
  /** Whether there are too many to hold in memory. */
  readonly cut: boolean;
}

/** The parts of a call that are needed; the call itself is not kept. */
interface Outcome {
  readonly id: string;
  readonly op: string;
  readonly opName: string;
  readonly status: string | undefined;
  readonly exception: string | undefined;
  readonly latency: number | undefined;
  readonly tokens: number;
  readonly cost: number | undefined;
}

/** A prediction whose child calls have not been read yet. */
interface Begun extends Outcome {
  readonly evaluation: string;
  readonly example: string;
  readonly model: unknown;
  readonly contents: Pick<Prediction, "scores" | "output" | "row">;
}

/**
 * Reads the predictions of evaluations from their calls, oldest first: status, latency, usage and
 * cost. A prediction has failed if it, its model or a scorer raised; it has not failed if its model
 * recovered from a failure further down.
 *
 * @param contents Whether to read examples, answers and scores from the calls too.
 */
export async function readPredictions(
  session: WeaveSession,
  place: ProjectRef,
  evaluations: readonly string[],
  contents: boolean,
): Promise<Predictions> {
  const begun: Begun[] = [];
  const hold = new Holder();
  const query = {
    filter: { parent_ids: evaluations },
    columns: [...LIGHT_COLUMNS, "exception", "inputs", ...(contents ? ["output"] : [])],
    include_costs: true,
    limit: ALL,
  };
  for await (const call of session.calls(place, query)) {
    const one = begin(call, contents);
    if (!hold.fits(one)) break;
    if (OPS.includes(one.op)) begun.push(one);
  }
  const found: Prediction[][] = [];
  const jobs = Array.from({ length: Math.ceil(begun.length / BATCH) }, (_, index) => async () => {
    const batch = begun.slice(index * BATCH, (index + 1) * BATCH);
    const parts = await readParts(session, place, batch.map(({ id }) => id));
    const unclear = batch.filter((one) => isUnclear(one.model, parts.get(one.id) ?? []));
    const methods = await readMethods(session, place, unclear);
    found[index] = batch.map((one) => complete(one, parts.get(one.id) ?? [], methods));
  });
  await inParallel(jobs, PARALLEL);
  return { list: found.flat(), cut: hold.full };
}

/** Counts all predictions of an evaluation, including those not read. */
export function countPredictions(
  session: WeaveSession,
  place: ProjectRef,
  evaluation: string,
): Promise<number> {
  const names = OPS.flatMap((op) => [`weave:///${place.id}/op/${op}:*`, op]);
  return session.count(place, { filter: { parent_ids: [evaluation], op_names: names } });
}

function readOutcome(call: Call): Outcome {
  const { status, latency_ms: latency } = readDerived(call);
  return {
    ...{ id: call.id, op: readOp(call), opName: call.op_name, status, latency },
    exception: shortenException(call.exception),
    tokens:
      sumCallUsage({ id: call.id, trace_id: call.trace_id, usage: readUsage(call) }).total_tokens,
    cost: sumCosts(call)?.total_cost,
  };
}

function begin(call: Call, contents: boolean): Begun {
  const { example, model } = call.inputs ?? {};
  const output = isRecord(call.output) ? call.output : {};
  const answer = output["output"] === undefined ? output["model_output"] : output["output"];
  const scores = cutTexts(output["scores"], TEXT);
  return {
    ...readOutcome(call),
    ...{ evaluation: call.parent_id ?? "", model: cutTexts(model, TEXT) },
    example: nameExample(example) ?? call.id,
    contents: {
      scores: isRecord(scores) ? scores : {},
      ...(answer === undefined ? {} : { output: cutTexts(answer, TEXT) }),
      ...(example === undefined || !contents ? {} : { row: cutTexts(example, TEXT) }),
    },
  };
}

/** Outcomes of the predictions' child calls, oldest first; splits a batch with too many. */
async function readParts(
  session: WeaveSession,
  place: ProjectRef,
  ids: readonly string[],
): Promise<Map<string, Outcome[]>> {
  const parts = new Map<string, Outcome[]>();
  let number = 0;
  const query = {
    filter: { parent_ids: ids },
    columns: [...LIGHT_COLUMNS, "exception"],
    include_costs: true,
    limit: PARTS,
  };
  for await (const call of session.calls(place, query)) {
    number++;
    const list = parts.get(call.parent_id ?? "") ?? [];
    parts.set(call.parent_id ?? "", list);
    list.push(readOutcome(call));
  }
  if (number < PARTS || ids.length < 2) return parts;
  parts.clear();
  const middle = ids.length >> 1;
  const first = await readParts(session, place, ids.slice(0, middle));
  return new Map([...first, ...await readParts(session, place, ids.slice(middle))]);
}

function complete(
  begun: Begun,
  parts: readonly Outcome[],
  methods: ReadonlySet<string>,
): Prediction {
  const { tokens, cost, status } = begun;
  const model = findModel(begun.model, parts, methods);
  const failed = [begun, ...parts].find((one) => one.status === "error");
  const latency = model?.latency;
  const ownCost = model?.cost ?? 0;
  return {
    id: begun.id,
    evaluation: begun.evaluation,
    example: begun.example,
    status: failed !== undefined ? "failed" : status === "running" ? "running" : "ok",
    ...begun.contents,
    ...(latency === undefined ? {} : { latency_s: latency / 1000 }),
    ...(tokens === 0 ? {} : { total_tokens: tokens }),
    ...(tokens === 0 || model === undefined ? {} : {
      model_tokens: model.tokens,
      ...(tokens > model.tokens ? { scorer_tokens: tokens - model.tokens } : {}),
    }),
    ...(cost === undefined ? {} : { cost }),
    ...(cost === undefined || model === undefined ? {} : {
      model_cost: ownCost,
      ...(cost > ownCost ? { scorer_cost: cost - ownCost } : {}),
    }),
    writer: begun.op === OPS[1] ? "typescript" : "python",
    ...(model === undefined && parts.length > 0 ? { model_call: "unknown" as const } : {}),
    ...(failed?.exception ? { error: failed.exception } : {}),
  };
}

/**
 * Finds the model's call among a prediction's child calls. A call that prepares the input may come
 * before it; scorers come after it.
 *
 * @param ref The prediction's `model` input: an object, or an op that is the model itself.
 * @param methods Ids of calls that are known to be methods of the model.
 */
function findModel(
  ref: unknown,
  parts: readonly Outcome[],
  methods: ReadonlySet<string>,
): Outcome | undefined {
  const [named, ...others] = parts.filter(isNamedAsModel);
  return parts.find((part) => part.opName === ref) ??
    parts.find(({ id }) => methods.has(id)) ??
    (others.length === 0 ? named : undefined);
}

/** Whether an op has the default name of a method that Weave's Python client calls on a model. */
function isNamedAsModel({ op }: Outcome): boolean {
  return /(^|[._])(predict|infer|forward|invoke)$/i.test(op);
}

/** Whether no call has the model as its op. Names are not enough: scorers can have the same. */
function isUnclear(ref: unknown, parts: readonly Outcome[]): boolean {
  return parts.length > 0 && parts.every((part) => part.opName !== ref);
}

/** Ids of the child calls that are methods of the models; the service compares references. */
async function readMethods(
  session: WeaveSession,
  place: ProjectRef,
  predictions: readonly Begun[],
): Promise<Set<string>> {
  const refs = new Set(predictions.flatMap(({ model }) => typeof model === "string" ? model : []));
  const methods = new Set<string>();
  if (refs.size === 0) return methods;
  const same = { $in: [field("inputs.self"), [...refs].map(literal)] } as const;
  const query = {
    filter: { parent_ids: predictions.map(({ id }) => id) },
    query: { $expr: same },
    columns: ["id"],
    limit: PARTS,
  };
  for await (const call of session.calls(place, query)) methods.add(call.id);
  return methods;
}

/** Maximum length of an example that serves as its own key; longer ones are hashed. */
const KEY = 80;

/** A key that identifies an example across evaluations of the same dataset. */
function nameExample(example: unknown): string | undefined {
  if (example === undefined) return undefined;
  const text = typeof example === "string"
    ? /\/id\/([^/]+)$/.exec(example)?.[1] ?? example
    : JSON.stringify(example);
  return text.length > KEY ? nameQuery([text]) : text;
}

/**
 * Adds the examples, answers and scores that the results route has. If its results were cut off,
 * drops the predictions that are not among them.
 */
export function addResults(
  predictions: readonly Prediction[],
  results: EvalResults | undefined,
): Prediction[] {
  return predictions
    .filter(({ id }) => results?.cut !== true || results.trials.has(id))
    .map((one) => ({ ...one, ...results?.trials.get(one.id) }));
}

/**
 * The evaluations that the results route does not cover: it skips predictions written by Weave's
 * TypeScript client.
 */
export function findUncovered(
  predictions: readonly Prediction[],
  results: EvalResults | undefined,
): string[] {
  const covered = new Set(results?.stats.keys());
  for (const { id, evaluation } of predictions) {
    if (results?.trials.has(id) === true) covered.add(evaluation);
  }
  return [...new Set(predictions.map(({ evaluation }) => evaluation))]
    .filter((evaluation) => !covered.has(evaluation));
}
