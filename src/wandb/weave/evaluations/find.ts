import * as z from "zod";
import type { Evaluation } from "../../../analysis/evaluation.ts";
import { isRecord } from "../../../core/json.ts";
import type { ProjectRef } from "../../project.ts";
import { type Call, readOp } from "../call.ts";
import type { CallsSelection, Weave, WeaveSession } from "../client.ts";
import { type EvalResults, needsPredictions, pickScores, readRoute, TEXT } from "./results.ts";
import {
  addResults,
  countPredictions,
  findUncovered,
  type Prediction,
  readPredictions,
} from "./trials.ts";
import { type Expression, field, literal } from "../query.ts";
import { LIGHT_COLUMNS } from "../rows/columns.ts";
import { cutTexts } from "../rows/shape.ts";

/** How many evaluations to search for a partial match when none has the exact name. */
const LOOKED_THROUGH = 500;
const OP = "Evaluation.evaluate";
/** How Weave's `EvaluationLogger` marks its calls. */
const LOGGED = z.looseObject({ _weave_eval_meta: z.looseObject({ imperative: z.literal(true) }) });

/** A call of `Evaluation.evaluate`, with what is known before its results are read. */
export interface EvaluationCall {
  readonly call: Call;
  /** The name to show: the call's display name, or else the evaluation's. */
  readonly name: string;
  readonly evaluation: string | undefined;
  readonly model: string | undefined;
  /** The summary that the evaluation recorded, if it has recorded one. */
  readonly recorded: Readonly<Record<string, unknown>> | undefined;
  /** Whether it was logged step by step rather than run by `evaluate()`. */
  readonly logged: boolean;
}

/** Which evaluations to find. */
interface Wanted {
  /** Ids of Evaluation.evaluate calls. */
  readonly ids: readonly string[];
  /** An id, or the name of a call, evaluation or model. */
  readonly name: string | undefined;
  readonly limit: number;
  readonly offset?: number;
}

/** The evaluations found, and how many there are in all. */
export interface Found {
  readonly evaluations: readonly EvaluationCall[];
  readonly total: number;
  readonly missing: readonly string[];
  /** How many of the newest evaluations were searched, if there may be older ones. */
  readonly newest?: number;
}

/**
 * Finds evaluations by id or name, newest first. An exact match on id, display name or evaluation
 * name wins; otherwise any evaluation whose names or model name contain the text matches. An
 * evaluation's reference or address works like its id; ids of other calls find nothing.
 */
export async function findEvaluations(
  session: WeaveSession,
  place: ProjectRef,
  wanted: Wanted,
): Promise<Found> {
  const { limit, offset = 0 } = wanted;
  const ids = [...new Set(wanted.ids.map((id) => findId(id) ?? id))];
  const name = wanted.name && (findId(wanted.name) ?? wanted.name);
  const base = { op_names: [`weave:///${place.id}/op/${OP}:*`, OP] };
  if (ids.length > 0) {
    const filter = { ...base, call_ids: ids };
    const found = await readEvaluations(session, place, { filter }, ids.length, 0);
    const order = new Map(ids.map((id, index) => [id, index]));
    found.sort((a, b) => (order.get(a.call.id) ?? 0) - (order.get(b.call.id) ?? 0));
    return {
      evaluations: found.slice(offset),
      total: found.length,
      missing: ids.filter((id) => !found.some(({ call }) => call.id === id)),
    };
  }
  const named = name === undefined ? {} : { query: { $expr: matchName(name) } };
  const selection = { filter: base, ...named };
  const found = await readEvaluations(session, place, selection, limit, offset);
  const total = found.length < limit && (found.length > 0 || offset === 0)
    ? offset + found.length
    : await session.count(place, selection);
  if (total > 0 || name === undefined) return { evaluations: found, total, missing: [] };
  const all = await readEvaluations(session, place, { filter: base }, LOOKED_THROUGH, 0);
  const fitting = all.filter((one) =>
    [one.call.display_name, one.evaluation, one.model].some((text) => isAlike(text ?? "", name))
  );
  return {
    evaluations: fitting.slice(offset, offset + limit),
    total: fitting.length,
    missing: [],
    ...(all.length === LOOKED_THROUGH ? { newest: LOOKED_THROUGH } : {}),
  };
}

/** Whether a name contains a text, ignoring punctuation: Weave stores `My eval` as `My-eval`. */
function isAlike(name: string, text: string): boolean {
  const [own, wanted] = [name, text].map((one) => one.toLowerCase());
  const letters = (one = "") => one.replaceAll(/[^\p{L}\p{N}]/gu, "");
  return own?.includes(wanted ?? "") === true ||
    (letters(wanted) !== "" && letters(own).includes(letters(wanted)));
}

/** The id in a call's reference, resource URI or web address. */
function findId(text: string): string | undefined {
  return /^(?:weave|https?):\/\/.+\/(?:calls?|evaluations)\/([^/?#]+)$/.exec(text)?.[1];
}

/** The names of the newest evaluations, for suggestions. */
export async function listNames(session: WeaveSession, place: ProjectRef): Promise<string[]> {
  const base = { op_names: [`weave:///${place.id}/op/${OP}:*`, OP] };
  const found = await readEvaluations(session, place, { filter: base }, 100, 0);
  return [...new Set(found.flatMap((one) => [one.name, one.evaluation ?? one.name]))].slice(0, 30);
}

function matchName(name: string): Expression {
  // A reference means one version of the evaluation; a name means all of them.
  const own = literal(name.startsWith("weave:///") ? name : `/object/${name}:`);
  return {
    $or: [
      { $eq: [field("id"), literal(name)] },
      { $eq: [field("display_name"), literal(name)] },
      { $contains: { input: field("inputs.self"), substr: own } },
      { $contains: { input: field("inputs.this"), substr: own } },
    ],
  };
}

async function readEvaluations(
  session: WeaveSession,
  place: ProjectRef,
  selection: CallsSelection,
  limit: number,
  offset: number,
): Promise<EvaluationCall[]> {
  const query = {
    ...selection,
    sort_by: [{ field: "started_at", direction: "desc" as const }],
    columns: [...LIGHT_COLUMNS, "exception", "attributes", "inputs", "output"],
    include_costs: true,
    limit,
    offset,
  };
  const found: EvaluationCall[] = [];
  for await (const call of session.calls(place, query)) {
    const evaluation = readObjectName(call.inputs?.["self"] ?? call.inputs?.["this"]);
    found.push({
      call,
      evaluation,
      name: call.display_name ?? evaluation ?? readOp(call),
      model: readObjectName(call.inputs?.["model"]),
      logged: LOGGED.safeParse(call.attributes).success,
      recorded: isRecord(call.output) && Object.keys(call.output).length > 0
        ? z.record(z.string(), z.unknown()).parse(cutTexts(call.output, TEXT))
        : undefined,
    });
  }
  return found;
}

/** The name in a reference to an object or op, or of an inline object. */
export function readObjectName(value: unknown): string | undefined {
  if (typeof value === "string") {
    return /^weave:\/\/\/[^/]+\/[^/]+\/(?:object|op)\/([^:]+):/.exec(value)?.[1];
  }
  return isRecord(value) && typeof value["name"] === "string" ? value["name"] : undefined;
}

/** What is known about evaluations beyond their own calls. */
interface EvaluationResults {
  readonly predictions: readonly Prediction[];
  /** What the results route returned; undefined if the instance lacks it. */
  readonly results: EvalResults | undefined;
  /** Evaluations whose scores were read from the calls, because the route does not cover them. */
  readonly fromCalls: readonly string[];
  /** How many predictions each evaluation has, if there are too many to hold in memory. */
  readonly totals: ReadonlyMap<string, number> | undefined;
}

/**
 * Reads the predictions of evaluations.
 *
 * @param contents Whether individual scores and answers are needed; otherwise the results route's
 * statistics are enough where it has them.
 */
export async function readResults(
  weave: Weave,
  session: WeaveSession,
  place: ProjectRef,
  { found, contents }: { readonly found: readonly EvaluationCall[]; readonly contents: boolean },
): Promise<EvaluationResults> {
  const calls = found.map(({ call }) => call.id);
  const older = weave.lacks.has("eval_results");
  const [results, bare] = await Promise.all([
    readRoute(weave, session, place, calls, contents),
    readPredictions(session, place, calls, older),
  ]);
  // If the route does not cover an evaluation, its scores are in the calls.
  const unclear = found.filter((one) => {
    const ended = bare.list.filter(({ evaluation, status }) =>
      evaluation === one.call.id && status !== "running"
    );
    // A partial list of predictions says nothing about the rest.
    const errors = bare.cut ? 0 : ended.filter(({ status }) => status === "failed").length;
    return !contents && needsPredictions(results, one, { predictions: ended.length, errors });
  }).map(({ call }) => call.id);
  const fromCalls = older ? [] : [...new Set([...findUncovered(bare.list, results), ...unclear])];
  const again = fromCalls.length === 0
    ? { list: [], cut: false }
    : await readPredictions(session, place, fromCalls, true);
  const covered = bare.list.filter(({ evaluation }) => !fromCalls.includes(evaluation));
  const predictions = [...addResults(covered, results), ...again.list];
  if (!bare.cut && !again.cut && results?.cut !== true) {
    return { predictions, results, fromCalls, totals: undefined };
  }
  const counts = calls.map(async (id) => [id, await countPredictions(session, place, id)] as const);
  return { predictions, results, fromCalls, totals: new Map(await Promise.all(counts)) };
}

/** Converts an evaluation to the form used for analysis. */
export function toEvaluation(
  found: EvaluationCall,
  predictions: readonly Prediction[],
): Evaluation {
  const own = predictions.filter(({ evaluation }) => evaluation === found.call.id);
  const finished = (found.call.ended_at ?? null) !== null;
  const countsNone = own.some(({ writer }) => writer === "typescript");
  return {
    id: found.call.id,
    name: found.name,
    model: found.model,
    finished,
    trials: own,
    recorded: pickScores(found.recorded),
    countsNone,
    // What it would have recorded if it had finished successfully.
    ...((finished && (found.call.exception ?? null) === null) || countsNone
      ? {}
      : { leavesFailedOut: found.logged ? "all" : "fields" }),
  };
}
