import { estimateTokens } from "../../../mcp/tokens.ts";
import { cut } from "../rows/shape.ts";
import type { Prediction } from "./trials.ts";

/** Longest text in a prediction that is listed with others. */
const TEXT = 500;

/** Predictions to list, by evaluation. */
export interface Tasks {
  /** For each evaluation: its predictions, and how many there are. */
  readonly fields: { per_task: Record<string, unknown>[]; per_task_total: number }[];
  /** Where to go on, when some were left out. */
  readonly next: number | undefined;
}

/**
 * The predictions of evaluations from an offset on, as many of each as fit into the answer
 * together, so that the same examples of all stay side by side.
 */
export function tasksOf(
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
      one === undefined ? undefined : task(one)
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

function task(one: Prediction): Record<string, unknown> {
  const { evaluation: _evaluation, writer: _writer, id, row, example, error, ...rest } = one;
  const shown = cut({ example: row ?? example, ...rest, ...(error ? { error } : {}) }, TEXT);
  return { call_id: id, ...Object.fromEntries(Object.entries(shown ?? {})) };
}
