/** The structure of JSON rows, inferred from a sample of them. */
import { escapeName } from "../core/values.ts";
import { isRecord } from "../core/json.ts";

/** Type of a value, as distinguished by filters. */
type JsonType =
  | "string"
  | "int"
  | "float"
  | "boolean"
  | "datetime"
  | "array"
  | "object"
  | "null";

/** What is known about one path. */
export interface FieldSchema {
  /** Dotted path; `\.` for a dot within a name, `[]` for the items of a list. */
  readonly path: string;
  /** The commonest type other than null; `null` if there is no other. */
  readonly type: JsonType;
  /** How often each type was seen, if there is more than one. */
  readonly types?: Readonly<Partial<Record<JsonType, number>>>;
  /** Rows that have the path, null included. */
  readonly count: number;
  /** Rows in which its value is not null. */
  readonly non_null_count: number;
  readonly presence: number;
  /** Rows of each op that have the path, if ops differ. */
  readonly ops?: Readonly<Record<string, number>>;
  /** Number of distinct values seen; counting stops at 1,000. */
  readonly distinct: number;
  /** The commonest values with their counts; long text is shortened. */
  readonly top_values: readonly { readonly value: unknown; readonly count: number }[];
  /** Length of the longest text or list, if there is one. */
  readonly max_length?: number;
  /** Whether the names below it are data and not listed, because there are too many of them. */
  readonly varying_names?: true;
}

/** Bounds of the inference. */
interface SchemaOptions {
  /** Number of values listed per path; default 5. */
  readonly topValues?: number;
  /** Number of characters kept of a text; default 100. */
  readonly textLength?: number;
}

/** An object with more different names than this in one op's rows is a map: its names are data. */
const MAP_KEYS = 60;
const DISTINCT = 1000;
const ITEMS = 5;
const DEPTH = 8;
const DATETIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

interface Field {
  count: number;
  nonNull: number;
  longest: number;
  readonly types: Map<JsonType, number>;
  readonly ops: Map<string, number>;
  readonly values: Map<string, { readonly value: unknown; count: number }>;
  /** Names below an object, counted per op because different ops have different names. */
  readonly names: Map<string, Set<string>>;
}

/** Processes rows one by one, without keeping them. */
export class SchemaBuilder {
  readonly #fields = new Map<string, Field>();
  readonly #ops = new Map<string, number>();
  readonly #topValues: number;
  readonly #textLength: number;
  #rows = 0;

  constructor({ topValues = 5, textLength = 100 }: SchemaOptions = {}) {
    this.#topValues = topValues;
    this.#textLength = textLength;
  }

  get rows(): number {
    return this.#rows;
  }

  add(op: string, row: Readonly<Record<string, unknown>>): void {
    this.#rows += 1;
    this.#ops.set(op, (this.#ops.get(op) ?? 0) + 1);
    const seen = new Set<string>();
    for (const [key, value] of Object.entries(row)) {
      this.#visit(escapeName(key), value, op, seen, 0);
    }
  }

  fields(): FieldSchema[] {
    const maps = [...this.#fields].filter(([, field]) => isMap(field))
      .map(([path]) => `${path}.`);
    return [...this.#fields]
      .filter(([path]) => !maps.some((prefix) => path.startsWith(prefix)))
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([path, field]) => this.#describe(path, field));
  }

  #visit(path: string, value: unknown, op: string, seen: Set<string>, depth: number): void {
    const field = this.#field(path);
    const type = jsonType(value);
    field.types.set(type, (field.types.get(type) ?? 0) + 1);
    if (!seen.has(path)) {
      seen.add(path);
      field.count += 1;
      field.ops.set(op, (field.ops.get(op) ?? 0) + 1);
      if (value !== null && value !== undefined) field.nonNull += 1;
    }
    if (typeof value === "string" || Array.isArray(value)) {
      field.longest = Math.max(field.longest, value.length);
    }
    if (Array.isArray(value)) {
      if (depth >= DEPTH) return;
      for (const item of value.slice(0, ITEMS)) this.#visit(`${path}[]`, item, op, seen, depth + 1);
    } else if (isRecord(value)) {
      if (depth >= DEPTH) return;
      const names = field.names.get(op) ?? new Set();
      field.names.set(op, names);
      for (const [key, item] of Object.entries(value)) {
        names.add(key);
        if (names.size > MAP_KEYS) return;
        this.#visit(`${path}.${escapeName(key)}`, item, op, seen, depth + 1);
      }
    } else if (value !== null && value !== undefined) this.#remember(field, value);
  }

  #remember(field: Field, value: unknown): void {
    const kept = typeof value === "string" && value.length > this.#textLength
      ? `${value.slice(0, this.#textLength)}…`
      : value;
    const name = `${typeof kept}:${kept}`;
    const known = field.values.get(name);
    if (known !== undefined) known.count += 1;
    else if (field.values.size < DISTINCT) field.values.set(name, { value: kept, count: 1 });
  }

  #field(path: string): Field {
    const known = this.#fields.get(path);
    if (known !== undefined) return known;
    const field: Field = {
      ...{ count: 0, nonNull: 0, longest: -1, types: new Map(), ops: new Map() },
      ...{ values: new Map(), names: new Map() },
    };
    this.#fields.set(path, field);
    return field;
  }

  #describe(path: string, field: Field): FieldSchema {
    const types = [...field.types].sort(([, a], [, b]) => b - a);
    const main = types.find(([type]) => type !== "null")?.[0] ?? "null";
    const shares = [...this.#ops].map(([op, rows]) =>
      [op, round((field.ops.get(op) ?? 0) / rows)] as const
    );
    const same = shares.every(([, share]) => share === shares[0]?.[1]);
    const values = [...field.values.values()].sort((a, b) => b.count - a.count);
    return {
      path,
      type: main,
      ...(types.length > 1 ? { types: Object.fromEntries(types) } : {}),
      ...{ count: field.count, non_null_count: field.nonNull },
      presence: round(field.count / this.#rows),
      ...(same ? {} : { ops: Object.fromEntries(shares.filter(([, share]) => share > 0)) }),
      distinct: field.values.size,
      top_values: values.slice(0, this.#topValues).map(({ value, count }) => ({ value, count })),
      ...(field.longest >= 0 ? { max_length: field.longest } : {}),
      ...(isMap(field) ? { varying_names: true } : {}),
    };
  }
}

function isMap({ names }: Field): boolean {
  return names.values().some(({ size }) => size > MAP_KEYS);
}

/** Type of a JSON value. A text that is an ISO-8601 time is a datetime. */
export function jsonType(value: unknown): JsonType {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
    case "bigint":
      return typeof value === "bigint" || Number.isInteger(value) ? "int" : "float";
    case "string":
      return DATETIME.test(value) ? "datetime" : "string";
    default:
      return "object";
  }
}

function round(share: number): number {
  return Number(share.toFixed(4));
}
