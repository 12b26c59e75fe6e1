/**
 * The keys that a trace filter may compare, and the other names people give them.
 *
 * @module
 */
import type { Entity, KeyTarget, Operator } from "./clause.ts";

/** What kind of value a key has, which decides what it can be compared with. */
type KeyKind =
  | "text"
  | "status"
  | "time"
  | "duration"
  | "search"
  | "assessment"
  | "attribute"
  | "exact";

/** How one key may be compared. */
interface KeyRule {
  readonly kind: KeyKind;
  /** The comparisons that the newest server evaluates. */
  readonly operators: readonly Operator[];
}

const EQUAL: readonly Operator[] = ["=", "!="];
const PATTERN: readonly Operator[] = ["LIKE", "ILIKE", "RLIKE"];
const LIST: readonly Operator[] = ["IN", "NOT IN"];
const PRESENCE: readonly Operator[] = ["IS NULL", "IS NOT NULL"];
const ORDER: readonly Operator[] = [">", ">=", "<", "<="];

/** A column of the server's table of traces or spans. */
const column: readonly Operator[] = [...EQUAL, ...PATTERN, ...LIST];
/** A key that the server keeps as a tag or metadata entry. */
const entry: readonly Operator[] = [...EQUAL, ...PATTERN, ...PRESENCE];
const number: readonly Operator[] = [...EQUAL, ...ORDER];

const TRACE: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ["status", { kind: "status", operators: column }],
  ["name", { kind: "text", operators: entry }],
  ["request_id", { kind: "text", operators: column }],
  ["client_request_id", { kind: "text", operators: column }],
  ["run_id", { kind: "text", operators: entry }],
  ["timestamp_ms", { kind: "time", operators: number }],
  ["end_time_ms", { kind: "time", operators: number }],
  ["execution_time_ms", { kind: "duration", operators: number }],
  ["text", { kind: "search", operators: ["LIKE", "ILIKE"] }],
  ["prompt", { kind: "exact", operators: ["="] }],
]);

const SPAN: ReadonlyMap<string, KeyRule> = new Map<string, KeyRule>([
  ["name", { kind: "text", operators: column }],
  ["type", { kind: "text", operators: column }],
  ["status", { kind: "status", operators: column }],
  ["content", { kind: "search", operators: ["LIKE", "ILIKE"] }],
]);

/** Metadata that the server keeps as numbers. */
const NUMERIC_METADATA: ReadonlySet<string> = new Set([
  "mlflow.trace.tokenUsage",
  "mlflow.trace.cost",
]);

/** How a key may be compared, or undefined if there is no such key. */
export function findRule(entity: Entity, key: string): KeyRule | undefined {
  switch (entity) {
    case "trace":
      return TRACE.get(key);
    case "span":
      return SPAN.get(key);
    case "tag":
      return { kind: "text", operators: entry };
    case "metadata":
      return NUMERIC_METADATA.has(key)
        ? { kind: "text", operators: [...EQUAL, ...PRESENCE] }
        : { kind: "text", operators: entry };
    case "spanAttribute":
      return { kind: "attribute", operators: PATTERN };
    case "feedback":
    case "expectation":
      return { kind: "assessment", operators: [...EQUAL, ...ORDER, ...PATTERN, ...PRESENCE] };
    case "issue":
      return key === "id" ? { kind: "exact", operators: ["="] } : undefined;
  }
}

/** The names of the keys of traces and spans that a filter may compare. */
export function listKeys(entity: "trace" | "span"): string[] {
  return [...(entity === "trace" ? TRACE : SPAN).keys()];
}

/** What the first part of a dotted key means. `trace` also stands for no prefix. */
export const PREFIXES: ReadonlyMap<string, Entity> = new Map<string, Entity>([
  ["trace", "trace"],
  ["attribute", "trace"],
  ["attributes", "trace"],
  ["tag", "tag"],
  ["tags", "tag"],
  ["metadata", "metadata"],
  ["request_metadata", "metadata"],
  ["span", "span"],
  ["feedback", "feedback"],
  ["expectation", "expectation"],
  ["issue", "issue"],
]);

/** What people write for the prefixes in {@link PREFIXES}. */
export const PREFIX_ALIASES: ReadonlyMap<string, Entity> = new Map<string, Entity>([
  ["traces", "trace"],
  ["info", "trace"],
  ["trace_metadata", "metadata"],
  ["spans", "span"],
  ["feedbacks", "feedback"],
  ["assessment", "feedback"],
  ["assessments", "feedback"],
  ["expectations", "expectation"],
  ["issues", "issue"],
]);

/** Names that stand for one key each: the names, then the key. */
function buildAliases(
  ...rows: readonly (readonly [names: string, entity: Entity, key: string])[]
): ReadonlyMap<string, KeyTarget> {
  return new Map(
    rows.flatMap(([names, entity, key]) =>
      names.split(" ").map((name): [string, KeyTarget] => [name, { entity, key }])
    ),
  );
}

/** The server's own aliases, which need no note. */
export const SERVER_ALIASES: ReadonlyMap<string, string> = new Map([
  ["timestamp", "timestamp_ms"],
  ["execution_time", "execution_time_ms"],
  ["end_time", "end_time_ms"],
]);

/** Names that are not keys, and the keys that they mean. */
export const KEY_ALIASES = buildAliases(
  ["state trace_status", "trace", "status"],
  ["trace_id id", "trace", "request_id"],
  ["trace_name", "trace", "name"],
  ["start_time start_time_ms request_time created_at time", "trace", "timestamp_ms"],
  [
    "execution_duration execution_duration_ms duration duration_ms latency latency_ms",
    "trace",
    "execution_time_ms",
  ],
  ["request response request_preview response_preview content", "trace", "text"],
  ["source_run", "trace", "run_id"],
  ["prompts", "trace", "prompt"],
  ["session session_id", "metadata", "mlflow.trace.session"],
  ["user user_id", "metadata", "mlflow.trace.user"],
  ["model_id", "metadata", "mlflow.modelId"],
  ["span_name", "span", "name"],
  ["span_type", "span", "type"],
  ["span_status", "span", "status"],
);

/** The same for names of a span. */
export const SPAN_KEY_ALIASES = buildAliases(
  ["kind span_type", "span", "type"],
  ["status_code state", "span", "status"],
  ["text", "span", "content"],
  ["inputs", "spanAttribute", "mlflow.spanInputs"],
  ["outputs", "spanAttribute", "mlflow.spanOutputs"],
);

/**
 * Names that the server reads as a trace's own key whatever their prefix, in any case:
 * `tag.name` is the trace's name, `feedback.text` a full-text search.
 */
export const RESERVED_KEYS: ReadonlyMap<string, string> = new Map([
  ["name", "name"],
  ["prompt", "prompt"],
  ["run_id", "run_id"],
  ["text", "text"],
  ["timestamp", "timestamp_ms"],
  ["execution_time", "execution_time_ms"],
  ["end_time", "end_time_ms"],
]);
