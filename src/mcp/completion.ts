import { within } from "../core/async.ts";
import { stripInvisible } from "../core/visible.ts";
import type { UpstreamCall } from "./tool.ts";
import type { Suggest, Suggestion } from "./workflow.ts";

/** Most values that the protocol allows in one answer. */
const MOST = 100;
/** Longest wait for values, in milliseconds: a person is typing. */
const PATIENCE = 3_000;

/** Values for an argument, as the protocol has them. */
interface Completion {
  /** At most 100. */
  readonly values: string[];
  /** How many were found to fit. */
  readonly total: number;
  /** Whether there are more than are given. */
  readonly hasMore: boolean;
}

/** What a look-up is asked; its `signal` aborts when the answer is no longer wanted. */
interface CompletionRequest extends UpstreamCall {
  readonly typed: string;
  readonly given: Readonly<Record<string, string>>;
  /** Longest wait in milliseconds; 3,000 if not given. */
  readonly patience?: number;
}

/**
 * The values that match what was typed: exact matches first, then those that begin with it. A
 * look-up that fails or takes too long suggests nothing: nobody depends on completions.
 */
export async function complete(
  suggest: Suggest | undefined,
  { typed, given, patience = PATIENCE, ...call }: CompletionRequest,
): Promise<Completion> {
  if (suggest === undefined) return { values: [], total: 0, hasMore: false };
  try {
    const found = await within(
      patience,
      call.signal,
      (signal) => suggest(typed, given, { ...call, signal }),
    );
    return chooseFitting(found, typed);
  } catch (error) {
    call.log.debug("No suggestions", {
      error: error instanceof Error ? error.message : String(error),
    });
    return chooseFitting([], typed);
  }
}

function chooseFitting(found: readonly Suggestion[], typed: string): Completion {
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
  // A name with invisible characters is not suggested: typing what it shows would not match it.
  const plain = [...new Set(values)].filter((value) =>
    value !== "" && stripInvisible(value).removed === 0
  );
  return { values: plain.slice(0, MOST), total: plain.length, hasMore: plain.length > MOST };
}
