/** Scores of evaluations: computed from predictions, and as recorded by the evaluation. */
import { cutText, escapeName, splitPath } from "../core/values.ts";
import { isRecord } from "../core/json.ts";
import { mean } from "./statistics.ts";

/** Results of one dimension of one scorer. */
export interface ScorerResult {
  readonly scorer: string;
  /** Dotted path within its score, dots in keys written `\\.`; empty for a bare value. */
  readonly path: string;
  /** `binary` for booleans, `continuous` for numbers, `none` if nothing was scored. */
  readonly kind: "binary" | "continuous" | "text" | "none";
  readonly scored: number;
  /** Finished predictions that lack this score, including failed ones. */
  readonly missing: number;
  /** Of these, the predictions that did not fail: the scorer gave null, or nothing. */
  readonly none?: number;
  /** `recorded` if the rate or mean is the evaluation's own figure. */
  readonly source?: "recorded";
  /** Number of true scores; binary only. */
  readonly passed?: number;
  /** True scores per finished prediction; failed ones count as not passed, null is ignored. */
  readonly pass_rate?: number;
  /** True scores per prediction that has this score; binary only. */
  readonly pass_rate_of_scored?: number;
  /** Mean over the predictions that have this score; continuous only. */
  readonly mean?: number;
  readonly min?: number;
  readonly max?: number;
  /** How often each of the commonest texts was given; text only. */
  readonly values?: Readonly<Record<string, number>>;
  /** Number of distinct texts; text only. */
  readonly distinct?: number;
  /** The figures computed from predictions, if they differ from the recorded ones. */
  readonly computed?: Readonly<Record<string, number>>;
}

/** One score of one prediction. */
interface Score {
  readonly scorer: string;
  /** Dotted path within its score; empty for a bare value. */
  readonly path: string;
  readonly value: number | boolean | string | null;
}

/** The leaves of a prediction's scores; lists are not scores. */
export function flattenScores(scores: Readonly<Record<string, unknown>>): Score[] {
  const found: Score[] = [];
  const visit = (scorer: string, path: readonly string[], value: unknown) => {
    if (
      typeof value === "boolean" || typeof value === "string" || value === null ||
      (typeof value === "number" && Number.isFinite(value))
    ) {
      found.push({ scorer, path: path.map(escapeName).join("."), value });
    } else if (typeof value === "object" && !Array.isArray(value)) {
      for (const [name, item] of Object.entries(value)) visit(scorer, [...path, name], item);
    }
  };
  for (const [scorer, value] of Object.entries(scores)) visit(scorer, [], value);
  return found;
}

/** The rule for counting predictions without a score. */
export interface ScoreRule {
  /** Whether they all count as 0, as in Weave's TypeScript client. */
  readonly countsNone?: boolean | undefined;
  /**
   * Scores that exclude failed predictions just as they exclude null. This is how Weave's Python
   * client sums up the fields of objects, or everything that was logged by hand.
   */
  readonly leavesFailedOut?: "fields" | "all" | undefined;
}

/** The number of predictions that a dimension's rate is based on. */
export function countDivisor(
  { path, scored, missing, none = 0 }: Pick<ScorerResult, "path" | "scored" | "missing" | "none">,
  { countsNone = false, leavesFailedOut }: ScoreRule,
): number {
  if (countsNone) return scored + missing;
  const leftOut = leavesFailedOut === "all" || (leavesFailedOut === "fields" && path !== "");
  return leftOut ? scored : scored + missing - none;
}

interface Dimension {
  readonly first: Score;
  readonly numbers: (number | boolean)[];
  readonly texts: string[];
  /** Predictions that did not fail and have a score. */
  well: number;
  /** Failed predictions for which the scorer gave null. */
  none: number;
}

/** Adds up the scores of the predictions that have finished. */
export function sumScores(
  ended: readonly {
    readonly status: string;
    readonly scores: Readonly<Record<string, unknown>>;
  }[],
  rule: ScoreRule = {},
): ScorerResult[] {
  const dimensions = new Map<string, Dimension>();
  const start = (first: Score): Dimension => ({ first, numbers: [], texts: [], well: 0, none: 0 });
  for (const { status, scores } of ended) {
    for (const score of flattenScores(scores)) {
      const name = nameDimension(score);
      const dimension = dimensions.get(name) ?? start(score);
      dimensions.set(name, dimension);
      if (score.value === null) dimension.none += Number(status === "failed");
      else {
        dimension.well += Number(status !== "failed");
        if (typeof score.value === "string") dimension.texts.push(score.value);
        else dimension.numbers.push(score.value);
      }
    }
  }
  // If a scorer gives objects, and sometimes null, its scores are in the objects.
  const nested = new Set(
    [...dimensions.values()].flatMap(({ first: { scorer, path }, numbers, texts }) =>
      path !== "" && numbers.length + texts.length > 0 ? [scorer] : []
    ),
  );
  const well = ended.filter(({ status }) => status !== "failed").length;
  return [...dimensions.values()].flatMap((dimension): ScorerResult[] => {
    const { first, numbers: values, texts } = dimension;
    const none = well - dimension.well + dimension.none;
    const { scorer, path } = first;
    const base = (scored: number) => ({
      ...{ scorer, path, scored, missing: ended.length - scored },
      ...(none === 0 ? {} : { none }),
    });
    if (values.length === 0 && texts.length > 0) {
      return [{ ...base(texts.length), kind: "text", ...countTexts(texts) }];
    }
    if (values.length === 0) {
      return path === "" && !nested.has(scorer) ? [{ ...base(0), kind: "none" }] : [];
    }
    const divisor = countDivisor(base(values.length), rule);
    const passed = values.filter((value) => value === true).length;
    const numbers = values.map(Number);
    // A scorer that mixes booleans and numbers is treated as continuous, with true as 1.
    return values.every((value) => typeof value === "boolean")
      ? [{
        ...base(values.length),
        kind: "binary",
        passed,
        pass_rate: passed / divisor,
        pass_rate_of_scored: passed / values.length,
      }]
      : [{
        ...base(values.length),
        kind: "continuous",
        mean: rule.countsNone ? mean(numbers) * numbers.length / ended.length : mean(numbers),
        min: numbers.reduce((a, b) => Math.min(a, b)),
        max: numbers.reduce((a, b) => Math.max(a, b)),
      }];
  });
}

/** Maximum number of texts listed, and characters of each. */
const TEXTS = 10;
const TEXT_LENGTH = 80;

function countTexts(
  texts: readonly string[],
): { values: Record<string, number>; distinct: number } {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const listed = [...counts].sort((a, b) => b[1] - a[1]).slice(0, TEXTS)
    .map(([text, count]) => [cutText(text, TEXT_LENGTH), count]);
  return { values: Object.fromEntries(listed), distinct: counts.size };
}

/**
 * Results in which the evaluation's own figures take precedence. Scorers that gave nothing at all
 * are included.
 *
 * @param ended Predictions that have finished.
 */
export function preferRecorded(
  results: readonly ScorerResult[],
  recorded: Readonly<Record<string, unknown>> | undefined,
  ended: number,
): ScorerResult[] {
  if (recorded === undefined) return [...results];
  const known = new Set(results.map(({ scorer }) => scorer));
  const silent = Object.entries(recorded).filter(([scorer, value]) =>
    value === null && !known.has(scorer)
  );
  return [
    ...results.map((result) => decide(result, recorded)),
    ...silent.map(([scorer]): ScorerResult => ({
      ...{ scorer, path: "", kind: "none", scored: 0, missing: ended },
    })),
  ];
}

function decide(result: ScorerResult, recorded: Readonly<Record<string, unknown>>): ScorerResult {
  const keys = result.path === "" ? [] : splitPath(result.path);
  const own = [result.scorer, ...keys]
    .reduce<unknown>((value, key) => isRecord(value) ? value[key] : undefined, recorded);
  if (!isRecord(own)) return result;
  const figures = [
    ["passed", own["true_count"]],
    ["pass_rate", own["true_fraction"]],
    ["mean", own["mean"]],
  ] as const;
  const found = figures.flatMap(([name, value]) =>
    typeof value === "number" && result[name] !== undefined ? [[name, value] as const] : []
  );
  if (found.length === 0) return result;
  const computed = found.flatMap(([name, value]) => {
    const own = result[name] ?? value;
    return Math.abs(own - value) <= 1e-9 * Math.max(1, Math.abs(value)) ? [] : [[name, own]];
  });
  return {
    ...result,
    ...Object.fromEntries(found),
    source: "recorded",
    ...(computed.length === 0 ? {} : { computed: Object.fromEntries(computed) }),
  };
}

/** Name of a score's dimension: `scorer` or `scorer.path`. */
export function nameDimension({ scorer, path }: { scorer: string; path: string }): string {
  return path === "" ? escapeName(scorer) : `${escapeName(scorer)}.${path}`;
}

/** Every number in a recorded summary, by its dotted path. */
export function listFigures(recorded: Readonly<Record<string, unknown>>): Map<string, number> {
  const figures = new Map<string, number>();
  const visit = (path: string, value: unknown) => {
    if (typeof value === "number") figures.set(path, value);
    else if (isRecord(value)) {
      for (const [key, item] of Object.entries(value)) {
        visit(path === "" ? escapeName(key) : `${path}.${escapeName(key)}`, item);
      }
    }
  };
  visit("", recorded);
  return figures;
}
