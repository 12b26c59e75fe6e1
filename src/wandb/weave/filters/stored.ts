/** How values stand in the JSON that is stored of a call, where comparing alone does not tell. */
import { splitPath } from "../../../core/values.ts";
import { type Condition, convert, field, literal } from "../query.ts";
import type { Field } from "./fields.ts";

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
