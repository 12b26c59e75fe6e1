/** Something to measure. */
export interface Subject {
  /** Does it once; gives the milliseconds that count, or is timed as a whole. */
  readonly run: () => Promise<number | void>;
  /** Run only in every so many rounds, where a run takes long; default each. */
  readonly every?: number;
}

/** How often to measure. */
export interface Rounds {
  /** Rounds that do not count; every subject runs in each. */
  readonly warmUp: number;
  /** Rounds that count. */
  readonly counted: number;
}

/**
 * Measures several subjects in turns (A B C A B C …), so that whatever else the machine does falls
 * on all of them alike.
 *
 * @returns The median of each, in milliseconds.
 */
export async function interleaved<K extends string>(
  subjects: Readonly<Record<K, Subject>>,
  { warmUp, counted }: Rounds,
): Promise<Record<K, number>> {
  const names = keysOf(subjects);
  const taken = new Map(names.map((name): [K, number[]] => [name, []]));
  for (let round = -warmUp; round < counted; round++) {
    for (const name of names) {
      const { run, every = 1 } = subjects[name];
      if (round > 0 && round % every !== 0) continue;
      const milliseconds = await timed(run);
      if (round >= 0) taken.get(name)?.push(milliseconds);
    }
  }
  const medians: Record<string, number> = {};
  for (const name of names) medians[name] = median(taken.get(name) ?? []);
  return medians;
}

async function timed(run: Subject["run"]): Promise<number> {
  const started = performance.now();
  return await run() ?? performance.now() - started;
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("A median needs a value.");
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  const names: K[] = [];
  for (const name in record) names.push(name);
  return names;
}
