/** Evaluations side by side, per scorer and per example. */
import {
  aggregateEvaluation,
  type Evaluation,
  type EvaluationResult,
  type Trial,
} from "./evaluation.ts";
import {
  flattenScores,
  listFigures,
  nameDimension,
  type ScorerResult,
} from "./evaluation_scores.ts";
import { mean } from "./statistics.ts";

/** One scorer's dimension in every evaluation. */
interface ScorerComparison {
  readonly scorer: string;
  /** Dotted path within its score; empty for a bare value. */
  readonly path: string;
  /** See {@link ScorerResult}. */
  readonly kind: ScorerResult["kind"];
  /** Pass rate or mean by evaluation id; missing if the evaluation lacks the score. */
  readonly values: Readonly<Record<string, number>>;
  /** The same minus the first evaluation's. */
  readonly difference: Readonly<Record<string, number>>;
  /** How often each of the commonest texts was given, by evaluation id; texts only. */
  readonly texts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The score of an example's trials: the mean, a text common to all, or how often each occurred. */
type ExampleScore = number | string | Readonly<Record<string, number>>;

/** An example on which the evaluations differ. */
interface ExampleDifference {
  readonly example: string;
  /**
   * Largest difference of a score between two evaluations. A failure counts as 1, and so does a
   * different text; with several trials, the part of them with a different text.
   */
  readonly largest_difference: number;
  /** By evaluation id: the scores of its trials, number of failures, and last answer. */
  readonly evaluations: Readonly<
    Record<string, {
      readonly scores: Readonly<Record<string, ExampleScore>>;
      readonly failures: number;
      readonly output?: unknown;
    }>
  >;
}

/** Several evaluations side by side. */
interface EvaluationComparison {
  readonly evaluations: readonly EvaluationResult[];
  readonly scorers: readonly ScorerComparison[];
  /** Other figures recorded by at least one evaluation, by name and evaluation id. */
  readonly recorded: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Examples that occur in every evaluation. */
  readonly shared_examples: number;
  /** Of these, how many differ in a score or in failing. */
  readonly differing_examples: number;
  readonly examples: readonly ExampleDifference[];
}

/** Compares evaluations; lists at most `most` examples, those that differ most first. */
export function compareEvaluations(
  evaluations: readonly Evaluation[],
  most = 20,
): EvaluationComparison {
  const results = evaluations.map(aggregateEvaluation);
  const perExample = evaluations.map(({ id, trials }) => ({
    id,
    examples: groupByExample(trials),
  }));
  const [first, ...others] = perExample;
  const shared = [...first?.examples.keys() ?? []].filter((example) =>
    others.every(({ examples }) => examples.has(example))
  );
  const differing = shared.map((example) => compareExample(example, perExample))
    .filter(({ largest_difference: largest }) => largest > 0)
    .sort((a, b) => b.largest_difference - a.largest_difference);
  return {
    evaluations: results,
    scorers: compareScorers(results),
    recorded: compareRecorded(evaluations, results),
    shared_examples: shared.length,
    differing_examples: differing.length,
    examples: differing.slice(0, most),
  };
}

function compareScorers(results: readonly EvaluationResult[]): ScorerComparison[] {
  const dimensions = new Map<string, ScorerResult>();
  for (const scorer of results.flatMap(({ scorers }) => scorers)) {
    if (!dimensions.has(nameDimension(scorer))) dimensions.set(nameDimension(scorer), scorer);
  }
  return [...dimensions].map(([name, { scorer, path, kind }]) => {
    const values = results.flatMap(({ id, scorers }) => {
      const found = scorers.find((item) => nameDimension(item) === name);
      const value = found?.pass_rate ?? found?.mean;
      return value === undefined ? [] : [[id, value] as const];
    });
    const texts = results.flatMap(({ id, scorers }) => {
      const counts = scorers.find((item) => nameDimension(item) === name)?.values;
      return counts === undefined ? [] : [[id, counts] as const];
    });
    const base = values.find(([id]) => id === results[0]?.id)?.[1];
    return {
      scorer,
      path,
      kind,
      values: Object.fromEntries(values),
      difference: Object.fromEntries(
        base === undefined ? [] : values.map(([id, value]) => [id, value - base]),
      ),
      ...(texts.length === 0 ? {} : { texts: Object.fromEntries(texts) }),
    };
  });
}

function compareRecorded(
  evaluations: readonly Evaluation[],
  results: readonly EvaluationResult[],
): Record<string, Record<string, number>> {
  const shown = new Set(
    results.flatMap(({ scorers }) =>
      scorers.flatMap((one) =>
        ["true_count", "true_fraction", "mean"].map((figure) => `${nameDimension(one)}.${figure}`)
      )
    ),
  );
  const figures: Record<string, Record<string, number>> = {};
  for (const { id, recorded } of evaluations) {
    for (const [name, value] of listFigures(recorded ?? {})) {
      if (!shown.has(name)) figures[name] = { ...figures[name], [id]: value };
    }
  }
  return figures;
}

interface ExampleScores {
  readonly scores: Record<string, ExampleScore>;
  readonly failures: number;
  readonly output?: unknown;
}

function groupByExample(trials: readonly Trial[]): Map<string, ExampleScores> {
  const groups = new Map<string, Trial[]>();
  for (const trial of trials) {
    if (trial.status === "running") continue;
    const group = groups.get(trial.example) ?? [];
    groups.set(trial.example, group);
    group.push(trial);
  }
  return new Map([...groups].map(([example, group]) => {
    const values = new Map<string, (number | string)[]>();
    for (const score of group.flatMap(({ scores }) => flattenScores(scores))) {
      if (score.value === null) continue;
      const list = values.get(nameDimension(score)) ?? [];
      values.set(nameDimension(score), list);
      list.push(typeof score.value === "string" ? score.value : Number(score.value));
    }
    const output = group.at(-1)?.output;
    return [example, {
      scores: Object.fromEntries([...values].map(([name, list]) => [name, combineScores(list)])),
      failures: group.filter(({ status }) => status === "failed").length,
      ...(output === undefined ? {} : { output }),
    }];
  }));
}

function compareExample(
  example: string,
  perExample: readonly { id: string; examples: Map<string, ExampleScores> }[],
): ExampleDifference {
  const found = perExample.flatMap(({ id, examples }) => {
    const scores = examples.get(example);
    return scores === undefined ? [] : [[id, scores] as const];
  });
  const names = new Set(found.flatMap(([, { scores }]) => Object.keys(scores)));
  const spreads = [...names].map((name) =>
    compareScores(
      found.map(([, { scores }]) => scores[name]).filter((score) => score !== undefined),
    )
  );
  const failing = found.map(([, { failures }]) => failures > 0 ? 1 : 0);
  return {
    example,
    largest_difference: Math.max(measureSpread(failing), ...spreads),
    evaluations: Object.fromEntries(found),
  };
}

function measureSpread(values: readonly number[]): number {
  return values.length < 2 ? 0 : Math.max(...values) - Math.min(...values);
}

function combineScores(values: readonly (number | string)[]): ExampleScore {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length === values.length) return mean(numbers);
  const counts = new Map<string, number>();
  for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  const [only = "", ...others] = counts.keys();
  return others.length === 0 ? only : Object.fromEntries(counts);
}

/** The largest difference of an example's score between two evaluations. */
function compareScores(scores: readonly ExampleScore[]): number {
  const numbers = scores.filter((score) => typeof score === "number");
  if (numbers.length === scores.length) return measureSpread(numbers);
  const shares = scores.map(shareOut);
  return Math.max(0, ...shares.flatMap((one) => shares.map((other) => measureShift(one, other))));
}

/** The part of an example's trials that has each text. */
function shareOut(score: ExampleScore): ReadonlyMap<string, number> {
  if (typeof score !== "object") return new Map([[String(score), 1]]);
  const total = Object.values(score).reduce((sum, count) => sum + count, 0);
  return new Map(Object.entries(score).map(([text, count]) => [text, count / total]));
}

/** The part of one that the other does not have. */
function measureShift(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): number {
  return [...one].reduce(
    (sum, [text, part]) => sum + Math.max(0, part - (other.get(text) ?? 0)),
    0,
  );
}
