/** Bytes of rows that are held, whatever may be kept of them. */
const HELD = 64 * 1024 * 1024;
/** Characters that a token has at most, in rows of JSON. */
const PER_TOKEN = 8;
/** What is left of a text when the budget is shortest. */
const SHORTEST = 230;

/** Says of values that are to be held together, one after the other, whether they may be. */
export class Holder {
  #held = 0;

  /** Whether a value did not fit. */
  get full(): boolean {
    return this.#held > HELD;
  }

  /** Counts a value, small ones with what an object takes. */
  fits(value: unknown): boolean {
    this.#held += sizeOf(value).held + 100;
    return !this.full;
  }
}

/** Holds rows until no more can possibly fit into an answer, so that memory stays flat. */
export class RowCollector {
  readonly rows: Record<string, unknown>[] = [];
  #least = 0;
  #held = 0;

  constructor(private readonly maxTokens: number) {}

  /** Whether further rows could not be shown. */
  get full(): boolean {
    return this.rows.length > 0 &&
      (this.#least > this.maxTokens * PER_TOKEN || this.#held > HELD);
  }

  /** Takes a row unless it is full. */
  add(row: Record<string, unknown>): void {
    if (this.full) return;
    const { held, least } = sizeOf(row);
    this.#held += held;
    this.#least += least;
    this.rows.push(row);
  }
}

/** Characters of a value as JSON, and with its texts shortened as far as it goes. */
export function sizeOf(value: unknown): { held: number; least: number } {
  if (typeof value === "string") {
    return { held: value.length + 3, least: Math.min(value.length, SHORTEST) + 3 };
  }
  if (value === null || typeof value !== "object") return { held: 6, least: 6 };
  let held = 2;
  let least = 2;
  for (const [key, item] of Object.entries(value)) {
    const size = sizeOf(item);
    const name = Array.isArray(value) ? 0 : key.length + 3;
    held += name + size.held;
    least += name + size.least;
  }
  return { held, least };
}
