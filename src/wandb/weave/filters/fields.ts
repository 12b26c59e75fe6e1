import { badArgument, nearest, unknownName } from "../../../core/failure.ts";
import { createLookup, splitPath } from "../../../core/values.ts";
import { type Condition, convert, field, literal } from "../query.ts";

/** How the service holds a field, which decides how it is compared. */
export type Kind =
  | "key"
  /** A column that may be null. */
  | "text"
  /** A column that may be null or empty, which mean the same. */
  | "label"
  /** A part of inputs, output, attributes, summary or feedback: compared as text. */
  | "json"
  /** A number that the service works out. */
  | "number"
  | "time";

/** A field and how it is held. */
export interface Field {
  readonly path: string;
  /** See {@link Kind}. */
  readonly kind: Kind;
}

/** Columns of calls that may be filtered and sorted by, and how each is held. */
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

/** The name of a trace: its root's display name, or op. */
export const TRACE_NAME = "summary.weave.trace_name";

/** Names that stand for what the service works out. */
const DERIVED: Readonly<Record<string, string>> = createLookup({
  status: "summary.weave.status",
  latency: "summary.weave.latency_ms",
  latency_ms: "summary.weave.latency_ms",
  trace_name: TRACE_NAME,
});

const JSON_ROOTS = ["inputs", "output", "attributes", "summary"];

/** The field that a dotted path names; undefined when calls have none of that name. */
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
      `"${path.slice(0, 80)}": the service finds no key that holds a double quote.`,
      `Ask for what is above it: {"$contains": …} on ${root} looks into all of it.`,
    );
  }
  if (JSON_ROOTS.includes(root) && isPath(own)) return { path: own, kind: "json" };
  if (isFeedback(own)) return { path: own, kind: "json" };
  return undefined;
}

function isFeedback(path: string): boolean {
  return /^feedback\.\[[^\]]+\]\..+/.test(path);
}

/** `messages[0].role` as the service writes it; it cannot look into all items of a list at once. */
function normalizeIndexes(path: string): string {
  if (/(\[(\*|-\d+)?\]|\.\*)(\.|\[|$)/.test(path)) {
    throw badArgument(
      `"${path.slice(0, 80)}": filters and order read one item of a list, by its index.`,
      `For example ${path.replaceAll(/\[(\*|-\d+)?\]|\.\*/g, ".0").slice(0, 80)}; columns ` +
        "may use [] for all items. Negative indexes are not supported.",
    );
  }
  return path.replaceAll(/\[(\d+)\](?=\.|\[|$)/g, ".$1");
}

/**
 * The field to sort by.
 *
 * @throws {Failure} `invalid_arguments`, naming the fields there are.
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

/** Whether every part of a dotted path has a name. */
export function isPath(path: string): boolean {
  return path.length <= 1000 && splitPath(path).every((part) => part !== "");
}

/** Filters that take ids or names: the list in `filter`, and the field it is about. */
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
/** These are translated by the service in its lists, and nowhere else. */
export const LISTS_ONLY: readonly string[] = [
  "wb_run_ids",
  "wb_user_ids",
  "input_refs",
  "output_refs",
];
/** Values that one list takes. */
export const MOST = 1000;

/** The documented filters, for messages. */
export const FILTERS: readonly string[] = [
  ...["op_name", "op_name_contains", "display_name", "display_name_contains", "status"],
  ...["time_range", "started_at", "ended_at", "latency", "attributes", "inputs", "output"],
  ...["summary", "has_exception", "exception", "trace_roots_only", "trace_id", "call_ids"],
  ...["parent_ids", "thread_id", "turn_id", "wb_run_id", "wb_user_id", "input_refs"],
  ...["output_refs", "$and", "$or", "$not", "$in"],
];

/**
 * Holds but for values of another kind that read alike: the service compares texts, so that `true`
 * equals `"true"`, and numbers so that 1 equals `"1"`. Calls are left out where the other form
 * stands behind the same key in the stored JSON and this one does not, so that none is lost.
 * Undefined where nothing reads alike, or where the key cannot be looked for.
 */
export function tellKind(target: Field, value: string | number | boolean): Condition | undefined {
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

/** Holds where the key of a field is followed by one of some beginnings in the stored JSON. */
export function holdForms(target: Field, forms: readonly string[]): Condition | undefined {
  const [root = "", ...keys] = target.kind === "json" ? splitPath(target.path) : [];
  const key = keys.at(-1);
  const derived = root === "feedback" || (root === "summary" && keys[0] === "weave");
  if (key === undefined || derived || /^\d+$|[^ !#-[\]-~]/.test(key)) return undefined;
  // The service narrows by the texts of plain fields, among which are no keys.
  const input = convert(field(root), "string");
  const found = forms.flatMap((form) => [":", ": "].map((colon) => `"${key}"${colon}${form}`));
  return { any: found.map((one) => ({ test: { $contains: { input, substr: literal(one) } } })) };
}

/** How what a value reads like begins in JSON: writers differ in when they use exponents. */
function listBareForms(value: string | number | boolean): string[] {
  const text = String(value);
  if (text === "true" || text === "false") return [text];
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return [];
  const number = Number(value);
  const forms = [text, String(number), number.toExponential()];
  return [...new Set(forms.map((form) => form.slice(0, form.startsWith("-") ? 2 : 1)))];
}

/**
 * Texts that the stored form of an exception holds when what is shown of it (`ValueError: bad`) is
 * this text, or holds it. Besides plain text, clients store JSON: Python's
 * `{"type": "ValueError", "message": "bad", …}` in ASCII, JavaScript's without blanks.
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

/** How a text stands within JSON where it is escaped there, as Python writes it and as others do. */
export function listEscapedForms(text: string): string[] {
  const plain = quote(text);
  return [...new Set([escapeNonAscii(plain), plain])].filter((one) => one !== text);
}

/** A text as it stands within the quotes of JSON. */
function quote(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
