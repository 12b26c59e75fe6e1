/**
 * Evaluates trace queries over calls in memory by the hosted service's documented rules: unknown
 * fields are forbidden (403), JSON fields are text, and text is not compared with numbers (400).
 */
import { z } from "zod";

/** A call as the service returns it. Times are ISO-8601 text. */
export type StubCall = Record<string, unknown> & { readonly id: string };

/** A feedback row; `weave_ref` names its call. */
export type StubFeedback = Record<string, unknown> & {
  readonly weave_ref: string;
  readonly feedback_type: string;
  readonly payload: Record<string, unknown>;
};

/** A refusal: the status and the service's `reason`. */
export class Refusal extends Error {
  /** HTTP status. */
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** Calls have these fields and no others. */
export const CALL_FIELDS: readonly string[] = [
  ...["id", "project_id", "op_name", "display_name", "trace_id", "parent_id", "thread_id"],
  ...["turn_id", "started_at", "ended_at", "exception", "attributes", "inputs", "output"],
  ...["summary", "wb_user_id", "wb_run_id", "wb_run_step", "wb_run_step_end", "deleted_at"],
];
const JSON_FIELDS = ["attributes", "inputs", "output", "summary"];
const DERIVED = ["status", "latency_ms", "trace_name"].map((name) => `summary.weave.${name}`);
const Json = z.record(z.string(), z.unknown());
const Pair = z.tuple([z.unknown(), z.unknown()]);

interface Operand {
  readonly value: unknown;
  /** JSON fields that were not converted are text. */
  readonly kind: "text" | "time" | "plain" | "literal";
}

/** Refuses a column, sort field or filter field that calls do not have. */
export function checkField(field: string): void {
  const [top = ""] = field.split(".");
  if (!CALL_FIELDS.includes(top) && !field.startsWith("feedback.[")) {
    throw new Refusal(403, `Field ${field} is not allowed`);
  }
}

/** The value at a dotted path (`\.` for a dot in a key); undefined where there is none. */
export function valueAt(call: Record<string, unknown>, path: string): unknown {
  const parts = path.split(/(?<!\\)\./).map((part) => part.replaceAll("\\.", "."));
  return parts.reduce<unknown>((value, part) => {
    if (Array.isArray(value)) return value[Number(part)];
    const object = Json.safeParse(value);
    return object.success ? object.data[part] : undefined;
  }, call);
}

/** Whether the call matches `query.$expr`. */
export function matches(
  expression: unknown,
  call: StubCall,
  feedback: readonly StubFeedback[],
): boolean {
  return truth(expression, { call, feedback });
}

interface Scope {
  readonly call: StubCall;
  readonly feedback: readonly StubFeedback[];
}

function truth(node: unknown, scope: Scope): boolean {
  const [operator, operand] = Object.entries(Json.parse(node))[0] ?? [];
  switch (operator) {
    case "$and":
      return z.array(z.unknown()).min(1).parse(operand).every((item) => truth(item, scope));
    case "$or":
      return z.array(z.unknown()).min(1).parse(operand).some((item) => truth(item, scope));
    case "$not":
      return !truth(z.tuple([z.unknown()]).parse(operand)[0], scope);
    case "$in": {
      const [left, list] = z.tuple([z.unknown(), z.array(z.unknown())]).parse(operand);
      return list.some((item) => compare(left, item, scope, (order) => order === 0));
    }
    case "$eq": {
      const [left, right] = Pair.parse(operand);
      const { value, kind } = read(right, scope);
      if (kind === "literal" && value === null) return (read(left, scope).value ?? null) === null;
      return compare(left, right, scope, (order) => order === 0);
    }
    case "$gt":
      return ordered(operand, scope, (order) => order > 0);
    case "$gte":
      return ordered(operand, scope, (order) => order >= 0);
    case "$lt":
      return ordered(operand, scope, (order) => order < 0);
    case "$lte":
      return ordered(operand, scope, (order) => order <= 0);
    case "$contains": {
      const options = z.strictObject({
        input: z.unknown(),
        substr: z.unknown(),
        case_insensitive: z.boolean().nullish(),
      }).parse(operand);
      const fold = (text: unknown) =>
        options.case_insensitive ? asText(text).toLowerCase() : asText(text);
      const input = read(options.input, scope).value ?? null;
      return input !== null && fold(input).includes(fold(read(options.substr, scope).value));
    }
    default:
      throw new Refusal(422, `Unknown operation ${operator}`);
  }
}

function ordered(operand: unknown, scope: Scope, accept: (order: number) => boolean): boolean {
  const [left, right] = Pair.parse(operand);
  return compare(left, right, scope, accept);
}

function compare(
  leftNode: unknown,
  rightNode: unknown,
  scope: Scope,
  accept: (order: number) => boolean,
): boolean {
  const left = read(leftNode, scope);
  const right = read(rightNode, scope);
  const texts = [left.kind, right.kind].includes("text");
  const other = left.kind === "text" ? right : left;
  if (texts && typeof other.value !== "string" && (other.value ?? null) !== null) {
    throw new Refusal(
      400,
      "There is no common type: use $convert to compare a field with a number",
    );
  }
  const times = [left.kind, right.kind].includes("time");
  const [a, b] = [left.value ?? null, right.value ?? null].map((value) =>
    times ? seconds(value) : value
  );
  if (a === null || b === null || a === undefined || b === undefined) return false;
  if (typeof a === "number" && typeof b === "number") return accept(Math.sign(a - b));
  const [first, second] = [asText(a), asText(b)];
  return accept(first < second ? -1 : first > second ? 1 : 0);
}

function read(node: unknown, scope: Scope): Operand {
  const object = Json.parse(node);
  if ("$literal" in object) return { value: object["$literal"], kind: "literal" };
  if ("$getField" in object) return field(z.string().parse(object["$getField"]), scope);
  if ("$convert" in object) {
    const { input, to } = z.strictObject({ input: z.unknown(), to: z.string() })
      .parse(object["$convert"]);
    return { value: convert(read(input, scope).value, to), kind: "plain" };
  }
  return { value: truth(node, scope), kind: "plain" };
}

function field(name: string, { call, feedback }: Scope): Operand {
  checkField(name);
  const inFeedback = /^feedback\.\[([^\]]+)\]\.(.+)$/.exec(name);
  if (inFeedback) {
    const [, type, path = ""] = inFeedback;
    const ref = `/call/${call.id}`;
    const row = feedback.find((item) =>
      item.weave_ref.endsWith(ref) && (type === "*" || item.feedback_type === type)
    );
    const value = row && valueAt(row, path);
    return { value: value === undefined ? null : asText(value), kind: "text" };
  }
  const value = valueAt(call, name);
  if (DERIVED.includes(name)) return { value, kind: "plain" };
  if (name === "started_at" || name === "ended_at") return { value, kind: "time" };
  if (!JSON_FIELDS.includes(name.split(".")[0] ?? "")) return { value, kind: "plain" };
  return { value: (value ?? null) === null ? null : asText(value), kind: "text" };
}

function convert(value: unknown, to: string): unknown {
  if (to === "exists") return (value ?? null) !== null;
  if ((value ?? null) === null) return null;
  const text = asText(value);
  switch (to) {
    case "string":
      return text;
    case "bool":
      return text === "true" || text === "1";
    case "double":
    case "int": {
      const number = Number(text);
      if (text.trim() === "" || Number.isNaN(number)) return null;
      return to === "int" ? Math.trunc(number) : number;
    }
    default:
      throw new Refusal(422, `Unknown conversion ${to}`);
  }
}

function seconds(value: unknown): unknown {
  return typeof value === "string" ? Date.parse(value) / 1000 : value;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
