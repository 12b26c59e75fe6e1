import { bench as measure } from "./local_store.ts";
import type { Result } from "./row.ts";

/** The same with 200,000 traces and 2,000,000 spans, almost 3 GB. */
export function bench(): Promise<Result> {
  return measure(200_000);
}
