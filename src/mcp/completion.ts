import type { Log } from "../core/log.ts";
import { stripInvisible } from "../core/visible.ts";
import type { Suggest, Suggestion } from "./workflow.ts";

/** Most values that the protocol allows in one answer. */
const MOST = 100;
/** Longest wait for values, in milliseconds: somebody is typing. */
const PATIENCE = 3_000;

/** Values for an argument, as the protocol has them. */
export interface Completion {
  /** At most 100. */
  readonly values: string[];
  /** How many were found to fit. */
  readonly total: number;
  /** Whether there are more than are given. */
  readonly hasMore: boolean;
}

/** What a look-up is asked. */
export interface CompletionRequest {
  /** What is there so far. */
  readonly typed: string;
  /** The arguments that are filled in already. */
  readonly given: Readonly<Record<string, string>>;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  /** Where failures go. */
  readonly log: Log;
  /** Longest wait in milliseconds; 3,000 if not given. */
  readonly patience?: number;
}

/**
 * The values that fit what was typed, exactly it and those that begin with it first. A look-up that fails or
 * takes too long suggests nothing: a completion is a courtesy.
 */
export async function complete(
  suggest: Suggest | undefined,
  { typed, given, signal, log, patience = PATIENCE }: CompletionRequest,
): Promise<Completion> {
  if (suggest === undefined) return { values: [], total: 0, hasMore: false };
  const over = new AbortController();
  const late = Promise.withResolvers<readonly Suggestion[]>();
  const stop = () => {
    over.abort();
    late.resolve([]);
  };
  const timer = setTimeout(stop, patience);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const looked = Promise.resolve().then(() => suggest(typed, given, over.signal));
  const found = looked.catch((error: unknown) => {
    log.debug("No suggestions", { error: error instanceof Error ? error.message : String(error) });
    return [];
  });
  try {
    return fitting(await Promise.race([found, late.promise]), typed);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function fitting(found: readonly Suggestion[], typed: string): Completion {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ value, label = "" }: Suggestion): number => {
    const texts = [value.toLowerCase(), label.toLowerCase()];
    if (texts.includes(wanted)) return 0;
    if (texts.some((text) => text.startsWith(wanted))) return 1;
    return texts.some((text) => text.includes(wanted)) ? 2 : 3;
  };
  const ranked = found.map((one) => ({ value: one.value, rank: rank(one) }));
  const values = [0, 1, 2].flatMap((level) =>
    ranked.filter((one) => one.rank === level).map(({ value }) => value)
  );
  // A name that is not what it looks like is not suggested: it could not be put in as it is.
  const plain = [...new Set(values)].filter((value) =>
    value !== "" && stripInvisible(value).removed === 0
  );
  return { values: plain.slice(0, MOST), total: plain.length, hasMore: plain.length > MOST };
}
