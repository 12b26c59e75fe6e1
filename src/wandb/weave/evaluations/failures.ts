import { cutText } from "../../../core/cut.ts";
import type { Prediction } from "./trials.ts";

/** Characters of what was raised, and how many different ones are told. */
const LENGTH = 300;
const REASONS = 5;

/** What was raised, short enough for a summary. */
export function reason(text: string): string {
  return cutText(text, LENGTH);
}

/** The commonest reasons why an evaluation's predictions failed, and how often each was it. */
export function reasons(
  evaluation: string,
  predictions: readonly Prediction[],
): Record<string, number> {
  const counts = new Map<string, number>();
  for (const one of predictions) {
    if (one.evaluation !== evaluation || one.error === undefined) continue;
    const text = reason(one.error);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]).slice(0, REASONS));
}
