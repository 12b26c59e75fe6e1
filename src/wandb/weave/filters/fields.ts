import { badArgument, nearest, unknownName } from "../../../core/failure.ts";
import { createLookup, splitPath } from "../../../core/values.ts";
import { type Condition, convert, field, literal } from "../query.ts";

/** How the service stores a field, which decides how it is compared. */
type Kind =
  | "key"
  /** A column that may be null. */
  | "text"
  /** A column that may be null or empty, which means the same. */
  | "label"
  /** A value inside inputs, output, attributes, summary or feedback; compared as text. */
  | "json"
  /** A numeric column, or a number that the service derives. */
  | "number"
  | "time";

/** A field and how it is stored. */
export interface Field {
  readonly path: string;
  /** See {@link Kind}. */
  readonly kind: Kind;
}

/** Columns that calls can be filtered and sorted by, and how each is stored. */
const COLUMNS: Readonly<Record<string, Kind>> = {
  id: "key",
  trace_id: "key",
  parent_id: "text",
  op_name: "key",
  display_name: "label",
  started_at: "time",
  ended_at: "time",
  exception: "text",
  thread_id: "text",
  turn_id: "text",
  wb_user_id: "text",
  wb_run_id: "text",
  wb_run_step: "number",
};

/** The name of a trace: its root's display name, or else its op. */
export const TRACE_NAME = "summary.weave.trace_name";

/** Short names for fields that the service derives. */
const DERIVED: Readonly<Record<string, string>> = createLookup({
  status: "summary.weave.status",
  latency: "summary.weave.latency_ms",
  latency_ms: "summary.weave.latency_ms",
  trace_name: TRACE_NAME,
});

const JSON_ROOTS = ["inputs", "output", "attributes", "summary"];

/** The field at a dotted path; undefined if calls have no such field. */
export function findField(path: string): Field | undefined {
  const own = DERIVED[path] ?? (isFeedback(path) ? path : normalizeIndexes(path));
  if (own === "summary.weave.latency_ms") return { path: own, kind: "number" };
  if (own === "summary.weave.status" || own === TRACE_NAME) {
    return { path: own, kind: "key" };
  }
  if (Object.hasOwn(COLUMNS, own)) return { path: own, kind: COLUMNS[own] ?? "text" };
  const [root = ""] = own.split(".");
  if (JSON_ROOTS.includes(root) && own.includes('"')) {
    throw badArgument(
      `"${path.slice(0, 80)}": Weave cannot find keys that contain a double quote.`,
      `Search above it instead: {"$contains": …} on ${root} searches all of it.`,
    );
  }
  if (JSON_ROOTS.includes(root) && isPath(own)) return { path: own, kind: "json" };
  if (isFeedback(own)) return { path: own, kind: "json" };
  return undefined;
}

function isFeedback(path: string): boolean {
  return /^feedback\.\[[^\]]+\]\..+/.test(path);
}

/** Writes `messages[0].role` the service's way; it cannot search all items of a list at once. */
function normalizeIndexes(path: string): string {
  if (/(\[(\*|-\d+)?\]|\.\*)(\.|\[|$)/.test(path)) {
    throw badArgument(
      `"${path.slice(0, 80)}": filters and sorting read one item of a list, by its index.`,
      `For example ${path.replaceAll(/\[(\*|-\d+)?\]|\.\*/g, ".0").slice(0, 80)}; columns ` +
        "may use [] for all items. Negative indexes are not supported.",
    );
  }
  return path.replaceAll(/\[(\d+)\](?=\.|\[|$)/g, ".$1");
}

/**
 * The field to sort by.
 *
 * @throws {Failure} `invalid_arguments`, naming the valid fields.
 */
export function findSortField(name: string): Field {
  const found = findField(name);
  const sortable = found !== undefined && !JSON_ROOTS.includes(found.path);
  if (sortable) return found;
  const names = [...Object.keys(COLUMNS), ...Object.keys(DERIVED), "total_cost"];
  const near = nearest(name, names);
  throw unknownName({
    what: "field to sort by",
    given: name,
    valid: near,
    hint: `Valid: ${
      [...names.filter((one) => one !== "latency"), "a path such as inputs.size"].join(", ")
    }.`,
  });
}

/** Whether no part of a dotted path is empty. */
export function isPath(path: string): boolean {
  return path.length <= 1000 && splitPath(path).every((part) => part !== "");
}

/** Filters that take ids or names, each with its list in `filter` and the field it tests. */
export const LISTS: Readonly<Record<string, readonly [list: string, field: string]>> = createLookup(
  {
    ...{ id: ["call_ids", "id"], call_id: ["call_ids", "id"], call_ids: ["call_ids", "id"] },
    ...{ trace_id: ["trace_ids", "trace_id"], trace_ids: ["trace_ids", "trace_id"] },
    ...{ parent_id: ["parent_ids", "parent_id"], parent_ids: ["parent_ids", "parent_id"] },
    ...{ thread_id: ["thread_ids", "thread_id"], thread_ids: ["thread_ids", "thread_id"] },
    ...{ turn_id: ["turn_ids", "turn_id"], turn_ids: ["turn_ids", "turn_id"] },
    ...{ wb_run_id: ["wb_run_ids", "wb_run_id"], wb_run_ids: ["wb_run_ids", "wb_run_id"] },
    ...{ wb_user_id: ["wb_user_ids", "wb_user_id"], wb_user_ids: ["wb_user_ids", "wb_user_id"] },
    ...{ input_refs: ["input_refs", ""], output_refs: ["output_refs", ""] },
  },
);
/** Lists whose values the service only translates in `filter`, not in a condition. */
export const LISTS_ONLY: readonly string[] = [
  "wb_run_ids",
  "wb_user_ids",
  "input_refs",
  "output_refs",
];
/** Maximum number of values in one list. */
export const MOST = 1000;

/** The documented filters, for error messages. */
export const FILTERS: readonly string[] = [
  ...["op_name", "op_name_contains", "display_name", "display_name_contains", "status"],
  ...["time_range", "started_at", "ended_at", "latency", "attributes", "inputs", "output"],
  ...["summary", "has_exception", "exception", "trace_roots_only", "trace_id", "call_ids"],
  ...["parent_ids", "thread_id", "turn_id", "wb_run_id", "wb_user_id", "input_refs"],
  ...["output_refs", "$and", "$or", "$not", "$in"],
];

/**
 * Tells apart values of different types that look alike. The service compares them as texts or as
 * numbers, so `true` equals `"true"` and 1 equals `"1"`. The condition only excludes calls whose
 * stored JSON has the other form after the same key and not this one, so that no match is lost.
 * Undefined if no other type looks alike, or if the key cannot be searched for.
 */
export function distinguishType(
  target: Field,
  value: string | number | boolean,
): Condition | undefined {
  const bare = listBareForms(value);
  if (bare.length === 0) return undefined;
  const quoted = [JSON.stringify(String(value))];
  // SQLite reads false as 0.
  const [own, other] = typeof value === "string"
    ? [quoted, bare]
    : [bare, typeof value === "number" ? ['"', "t", "f"] : quoted];
  const [held, others] = [holdForms(target, own), holdForms(target, other)];
  return held === undefined || others === undefined ? undefined : { any: [held, { not: others }] };
}

/** Holds if one of `forms` follows the field's key in the stored JSON. */
export function holdForms(target: Field, forms: readonly string[]): Condition | undefined {
  const [root = "", ...keys] = target.kind === "json" ? splitPath(target.path) : [];
  const key = keys.at(-1);
  const derived = root === "feedback" || (root === "summary" && keys[0] === "weave");
  if (key === undefined || derived || /^\d+$|[^ !#-[\]-~]/.test(key)) return undefined;
  // Convert the field: the service prefilters plain fields by their texts, not their keys.
  const input = convert(field(root), "string");
  const found = forms.flatMap((form) => [":", ": "].map((colon) => `"${key}"${colon}${form}`));
  return { any: found.map((one) => ({ test: { $contains: { input, substr: literal(one) } } })) };
}

/** The first characters of a value's unquoted JSON forms; writers use exponents differently. */
function listBareForms(value: string | number | boolean): string[] {
  const text = String(value);
  if (text === "true" || text === "false") return [text];
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return [];
  const number = Number(value);
  const forms = [text, String(number), number.toExponential()];
  return [...new Set(forms.map((form) => form.slice(0, form.startsWith("-") ? 2 : 1)))];
}

/**
 * Texts to search for in stored exceptions whose displayed form (`ValueError: bad`) equals or
 * contains the text. Besides plain text, clients store JSON: Python writes
 * `{"type": "ValueError", "message": "bad", …}` in ASCII, JavaScript omits the spaces.
 */
export function listStoredForms(text: string, whole: boolean): string[] {
  const parts = whole ? [] : listEscapedForms(text);
  const at = text.indexOf(": ");
  if (at < 0) return parts;
  const [type, message] = [text.slice(0, at), text.slice(at + 2)].map(quote);
  const forms = [[", ", ": "], [",", ":"]].map(([comma, colon]) => {
    const body = `${type}"${comma}"message"${colon}"${message}`;
    return whole ? `"type"${colon}"${body}"` : body;
  });
  return [...new Set([...parts, ...forms, ...forms.map(escapeNonAscii)])];
}

/** The escaped forms of a text in JSON, as Python and other clients write it, if they differ. */
export function listEscapedForms(text: string): string[] {
  const plain = quote(text);
  return [...new Set([escapeNonAscii(plain), plain])].filter((one) => one !== text);
}

/** A text as it appears between the quotes of a JSON string. */
function quote(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
