import type { Evaluation } from "../../../analysis/evaluation.ts";
import { compareEvaluations } from "../../../analysis/evaluation_comparison.ts";
import { isRecord } from "../../../core/json.ts";
import { cutText } from "../../../core/values.ts";
import { estimateTokens } from "../../../mcp/fit.ts";
import type { WeaveSession } from "../client.ts";
import { RefReader } from "../rows/expand.ts";
import { cutTexts } from "../rows/shape.ts";
import { TEXT as KEPT } from "./results.ts";
import type { Prediction } from "./trials.ts";

const ALONE =
  "This is the only evaluation: to compare, choose several by evaluation_ids, or by an " +
  "eval_name that they share.";

const APART =
  "No example occurs in all of these evaluations, so their scores are about different " +
  "data: choose evaluations of one dataset by eval_name or evaluation_ids.";

/** Differences between evaluations; examples include the dataset's row if it was read. */
export function describeComparison(
  evaluations: readonly Evaluation[],
  predictions: readonly Prediction[],
): Record<string, unknown> {
  const compared = compareEvaluations(evaluations);
  const { scorers, recorded, shared_examples, differing_examples, examples } = compared;
  const rows = new Map(predictions.map(({ example, row }) => [example, row]));
  return {
    baseline: evaluations[0]?.id,
    ...(evaluations.length < 2 ? { note: ALONE } : shared_examples === 0 ? { note: APART } : {}),
    scorers,
    ...(Object.keys(recorded).length === 0 ? {} : { recorded }),
    shared_examples,
    differing_examples,
    examples: examples.map((one) => ({ ...one, row: rows.get(one.example) })),
  };
}

/** Maximum length of an error text, and how many different ones to report. */
const LENGTH = 300;
const REASONS = 5;

/** Cuts an error text to a length that suits a summary. */
export function shortenReason(text: string): string {
  return cutText(text, LENGTH);
}

/** The most common reasons why an evaluation's predictions failed, with their counts. */
export function countReasons(
  evaluation: string,
  predictions: readonly Prediction[],
): Record<string, number> {
  const counts = new Map<string, number>();
  for (const one of predictions) {
    if (one.evaluation !== evaluation || one.error === undefined) continue;
    const text = shortenReason(one.error);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]).slice(0, REASONS));
}

/** Maximum length of a text in a listed prediction. */
const TEXT = 500;

/** Predictions to list, by evaluation. */
interface Tasks {
  /** For each evaluation, its predictions and how many there are in all. */
  readonly fields: { per_task: Record<string, unknown>[]; per_task_total: number }[];
  /** The offset to continue from, if some were left out. */
  readonly next: number | undefined;
}

/**
 * The predictions of evaluations, starting at an offset. All evaluations get the same range, as
 * large as fits into the answer, so that the same examples stay side by side.
 */
export function listTasks(
  evaluations: readonly string[],
  predictions: readonly Prediction[],
  offset: number,
  maxTokens: number,
): Tasks {
  const lists = evaluations.map((id) =>
    predictions.filter(({ evaluation }) => evaluation === id)
      .sort((a, b) => (a.example < b.example ? -1 : a.example > b.example ? 1 : 0))
  );
  const most = Math.max(0, ...lists.map((list) => list.length));
  const shown: Record<string, unknown>[][] = lists.map(() => []);
  let room = maxTokens * 0.8 - 600 * evaluations.length;
  let at = offset;
  for (; at < most; at++) {
    const row = lists.map((list) => list[at]).map((one) =>
      one === undefined ? undefined : describeTask(one)
    );
    room -= row.reduce((sum, one) => sum + (one ? estimateTokens(JSON.stringify(one)) : 0), 0);
    if (room < 0 && at > offset) break;
    row.forEach((one, index) => one !== undefined && shown[index]?.push(one));
  }
  return {
    fields: lists.map((list, index) => ({
      per_task: shown[index] ?? [],
      per_task_total: list.length,
    })),
    next: at < most ? at : undefined,
  };
}

function describeTask(one: Prediction): Record<string, unknown> {
  const { evaluation: _evaluation, writer: _writer, id, row, example, error, ...rest } = one;
  const shown = cutTexts({ example: row ?? example, ...rest, ...(error ? { error } : {}) }, TEXT);
  return { call_id: id, ...Object.fromEntries(Object.entries(shown ?? {})) };
}

/** Resolves references in the examples and answers of predictions. */
export async function resolveExamples(
  session: WeaveSession,
  predictions: readonly Prediction[],
): Promise<Prediction[]> {
  const reader = new RefReader(session);
  const refs = predictions.flatMap(({ row, output }) => [
    ...(typeof row === "string" ? [row] : []),
    ...findRefs(output),
  ]);
  await reader.read(refs);
  return predictions.map((one) => {
    const found = typeof one.row === "string" ? reader.value(one.row) : undefined;
    return {
      ...one,
      ...(found === undefined ? {} : { row: found.value }),
      ...(one.output === undefined ? {} : { output: resolveRefs(one.output, reader) }),
    };
  });
}

function findRefs(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("weave:///") ? [value] : [];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(findRefs);
}

function resolveRefs(value: unknown, reader: RefReader): unknown {
  if (typeof value === "string") {
    const found = value.startsWith("weave:///") ? reader.value(value) : undefined;
    return found === undefined ? value : cutTexts(found.value, KEPT);
  }
  if (Array.isArray(value)) return value.map((item) => resolveRefs(item, reader));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolveRefs(item, reader)]),
  );
}
