import { badArgument } from "../../core/failure.ts";

/** Longest tag key that the server stores, in characters. */
const MAX_KEY = 250;
/** Longest tag value that the server stores; it cuts longer ones without a word. */
const MAX_VALUE = 4096;

/** Tags that MLflow itself relies on; only its Python client guards them. */
const IMMUTABLE: ReadonlySet<string> = new Set([
  "mlflow.user",
  "mlflow.artifactLocation",
  "mlflow.trace.spansLocation",
  "mlflow.trace.archiveLocation",
  "mlflow.trace.archivalFailure",
]);

/**
 * Refuses tag keys that must not change or cannot be stored.
 *
 * @throws {Failure} `invalid_arguments`.
 */
export function checkTagKey(key: string, action: "set" | "delete"): void {
  if (key.length > MAX_KEY) {
    throw badArgument(
      `\`key\` has ${key.length} characters; MLflow stores at most ${MAX_KEY}.`,
    );
  }
  if (action === "delete" && key === "mlflow.trace.archivalFailure") return;
  if (IMMUTABLE.has(key)) {
    throw badArgument(
      `The tag ${key} belongs to MLflow and must not be changed: the trace could get lost.`,
      "Use a key of your own.",
    );
  }
}

/**
 * Refuses values that the server would cut.
 *
 * @throws {Failure} `invalid_arguments`.
 */
export function checkTagValue(value: string): void {
  if (value.length > MAX_VALUE) {
    throw badArgument(
      `\`value\` has ${value.length} characters; MLflow would cut it at ${MAX_VALUE}.`,
      "Shorten it, or split it over several tags.",
    );
  }
}
