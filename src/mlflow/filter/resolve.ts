/**
 * Finds the key that a name in a filter means.
 *
 * @module
 */
import { didYouMean } from "../../core/failure.ts";
import { FilterError, type KeyTarget, printKey } from "./clause.ts";
import {
  findRule,
  KEY_ALIASES,
  listKeys,
  PREFIX_ALIASES,
  PREFIXES,
  RESERVED_KEYS,
  SERVER_ALIASES,
  SPAN_KEY_ALIASES,
} from "./keys.ts";
import type { NamePart } from "./lex.ts";

const RUNS_ONLY: ReadonlySet<string> = new Set(["params", "param", "metrics", "metric"]);
const FAILED =
  "Failed traces are found by status = 'ERROR', failed spans by span.status = 'ERROR'.";
const MESSAGE = "Search the text of spans: trace.text LIKE '%timeout%'.";
const TOKENS = "MLflow cannot compare them: search without this condition and read " +
  "info.trace_metadata.`mlflow.trace.tokenUsage` or `mlflow.trace.cost` of the traces.";
const SPAN_TIME = "MLflow cannot compare how long spans took: search for slow traces by " +
  "execution_time_ms, then read data.spans.*.duration_ms.";
/** Natural guesses that do not stand for any one key, and what to do instead. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ...["error", "errors", "is_error", "has_error", "failed", "failure", "success"]
    .map((name): [string, string] => [name, FAILED]),
  ...["exception", "error_message", "error_type", "message", "input", "inputs", "output", "outputs"]
    .map((name): [string, string] => [name, MESSAGE]),
  ...["tokens", "token_count", "token_usage", "total_tokens", "input_tokens", "output_tokens"]
    .map((name): [string, string] => [name, TOKENS]),
  ...["cost", "total_cost"].map((name): [string, string] => [name, TOKENS]),
  ...["duration", "duration_ms", "latency", "latency_ms", "execution_time", "execution_time_ms"]
    .map((name): [string, string] => [name, SPAN_TIME]),
]);
const TAG_HINT = "Tags are compared as tag.key, metadata as metadata.key, scores as feedback.name.";

/** Resolves a dotted name to the key that it means, and notes what was translated. */
export function resolveKey(
  parts: readonly NamePart[],
  at: number,
  note: (text: string) => void,
): KeyTarget {
  const written = parts.map((part) => part.quoted ? `\`${part.text}\`` : part.text).join(".");
  const { target, plain } = find(parts, at, written);
  const rule = findRule(target.entity, target.key);
  if (rule === undefined) throw refuseKey(written, target, at);
  const reserved = checkPrintable(target, at, written);
  if (!plain || reserved !== target) note(`${written} was read as ${printKey(reserved)}`);
  return reserved;
}

interface Found {
  readonly target: KeyTarget;
  /** Whether the server would read the name in the same way. */
  readonly plain: boolean;
}

function find(parts: readonly NamePart[], at: number, written: string): Found {
  const [first, ...rest] = parts;
  if (first === undefined) return { target: { entity: "trace", key: "" }, plain: true };
  const head = first.text.toLowerCase();
  if (rest.length === 0) {
    const found = findTraceKey(first.text);
    // The server accepts `text` only with its prefix.
    return { ...found, plain: found.plain && found.target.key !== "text" };
  }
  const known = PREFIXES.get(head);
  const entity = known ?? PREFIX_ALIASES.get(head);
  if (entity === undefined) {
    if (RUNS_ONLY.has(head)) {
      const hint = "They belong to runs: find the run, then search with its run_id.";
      throw new FilterError(`Traces have no ${head}`, at, hint);
    }
    const meant = didYouMean(head, PREFIXES.keys(), (name) => `${name}.`, 1);
    throw new FilterError(`${written} is not a key${meant}`, at, TAG_HINT);
  }
  const plain = known !== undefined && first.text === head;
  if (entity === "trace") {
    const nested = rest.length > 1 ? find(rest, at, written) : findTraceKey(rest[0]?.text ?? "");
    const alone = rest.length === 1 && nested.target.entity === "trace";
    return { target: nested.target, plain: plain && nested.plain && alone };
  }
  const key = rest.map((part) => part.text).join(".");
  const last = rest.at(-1);
  if ((entity === "feedback" || entity === "expectation") && rest.length > 1) {
    // As in info.assessments.*.feedback.value; a name that ends in .value needs backticks.
    if (last?.text === "value" && !last.quoted) {
      return { target: { entity, key: key.slice(0, -".value".length) }, plain: false };
    }
  }
  if (entity !== "span") return { target: { entity, key }, plain };
  return findSpanKey(rest, plain);
}

function findTraceKey(name: string): Found {
  const lower = name.toLowerCase();
  const same = SERVER_ALIASES.get(lower) ?? lower;
  if (findRule("trace", same) !== undefined) {
    return { target: { entity: "trace", key: same }, plain: name === lower };
  }
  const other = KEY_ALIASES.get(lower);
  if (other !== undefined) return { target: other, plain: false };
  return { target: { entity: "trace", key: name }, plain: true };
}

function findSpanKey(parts: readonly NamePart[], plain: boolean): Found {
  const [first, ...rest] = parts;
  const head = first?.text.toLowerCase() ?? "";
  if (rest.length > 0 && (head === "attributes" || head === "attribute")) {
    const key = rest.map((part) => part.text).join(".");
    return { target: { entity: "spanAttribute", key }, plain: plain && head === "attributes" };
  }
  const name = parts.map((part) => part.text).join(".");
  if (findRule("span", head) !== undefined && rest.length === 0) {
    return { target: { entity: "span", key: head }, plain: plain && name === head };
  }
  const other = rest.length === 0 ? SPAN_KEY_ALIASES.get(head) : undefined;
  if (other !== undefined) return { target: other, plain: false };
  if (/^(mlflow|llm|gen_ai|genai)$/.test(head)) {
    return { target: { entity: "spanAttribute", key: name }, plain: false };
  }
  return { target: { entity: "span", key: name }, plain };
}

/** The target as the server will read it once it is printed. */
export function checkPrintable(target: KeyTarget, at: number, written: string): KeyTarget {
  const { entity, key } = target;
  if (entity === "trace" || entity === "span" || entity === "issue") return target;
  if (key.trim() === "" || key.includes("`")) {
    const hint = key.includes("`") ? "MLflow cannot quote it." : TAG_HINT;
    throw new FilterError(`${written} is not a usable key`, at, hint);
  }
  const reserved = entity === "spanAttribute" ? undefined : RESERVED_KEYS.get(key.toLowerCase());
  if (reserved === undefined) return target;
  const same = entity === "tag" && (reserved === "name" || reserved === "prompt");
  if (same || (entity === "metadata" && reserved === "run_id")) {
    return { entity: "trace", key: reserved };
  }
  const hint = "Search without this condition and read the value from the result.";
  const message =
    `MLflow cannot filter by ${written}: it reads the name as the trace's ${reserved}`;
  throw new FilterError(message, at, hint);
}

function refuseKey(written: string, target: KeyTarget, at: number): FilterError {
  if (target.key.toLowerCase() === "experiment_id") {
    const hint = "Give it as the argument experiment_id.";
    return new FilterError("experiment_id is not a filter key", at, hint);
  }
  if (target.entity === "issue") {
    return new FilterError(`${written} is not a key`, at, "Issues are compared as issue.id.");
  }
  const known = INSTEAD.get(target.key.toLowerCase());
  if (known !== undefined) return new FilterError(`${written} is not a key`, at, known);
  const ofSpans = target.entity === "span";
  const names = listKeys(ofSpans ? "span" : "trace");
  const other = ofSpans ? SPAN_KEY_ALIASES : KEY_ALIASES;
  const shown = (name: string) => printKey(other.get(name) ?? { ...target, key: name });
  const meant = didYouMean(target.key, [...names, ...other.keys()], shown, 2);
  const mayBeTag = meant === "." && !ofSpans && target.key !== "" && !target.key.includes("`");
  const asked = mayBeTag ? `If it is a tag, write ${printKey({ ...target, entity: "tag" })}. ` : "";
  const keys = ofSpans
    ? `Keys of spans: ${names.map((name) => `span.${name}`).join(", ")}, span.attributes.key.`
    : `Keys: ${
      names.map((name) => printKey({ entity: "trace", key: name })).join(", ")
    }. ${TAG_HINT}`;
  return new FilterError(`${written} is not a key${meant}`, at, `${asked}${keys}`);
}
