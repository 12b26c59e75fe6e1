import type { Clause } from "../filter/clause.ts";

/** A value that a statement binds. */
type SqlValue = null | number | bigint | string;

/** A piece of SQL with the values that it binds; values never become text. */
export class Fragment {
  constructor(readonly text: string, readonly params: readonly SqlValue[]) {}
}

/** Builds SQL from a template: fragments are inserted, every other value is bound. */
export function sql(
  strings: TemplateStringsArray,
  ...values: readonly (SqlValue | Fragment)[]
): Fragment {
  let text = strings[0] ?? "";
  const params: SqlValue[] = [];
  values.forEach((value, index) => {
    if (value instanceof Fragment) {
      text += value.text;
      params.push(...value.params);
    } else {
      text += "?";
      // A whole number is bound as one, so that it compares and limits as such.
      params.push(
        typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value,
      );
    }
    text += strings[index + 1] ?? "";
  });
  return new Fragment(text, params);
}

/** SQL written in the program itself, such as a column's name; never text from outside. */
export function raw(text: string): Fragment {
  return new Fragment(text, []);
}

export function joinFragments(parts: readonly Fragment[], between: string): Fragment {
  return new Fragment(
    parts.map((part) => part.text).join(between),
    parts.flatMap((part) => part.params),
  );
}

export function bindList(values: readonly SqlValue[]): Fragment {
  return sql`(${joinFragments(values.map((value) => sql`${value}`), ", ")})`;
}

/**
 * A condition that is always true, but checks for cancellation and the deadline on every sixteenth
 * row of a table; checking every row would double the time of a scan. `table` is an alias.
 */
export function guardRows(table: string): Fragment {
  return raw(`((${table}.rowid & 15) OR still_wanted(${table}.rowid))`);
}

export function compare(
  column: Fragment,
  op: Clause["op"],
  value: Clause["value"],
): Fragment {
  if (op === "IS NULL") return sql`${column} IS NULL`;
  if (op === "IS NOT NULL") return sql`${column} IS NOT NULL`;
  if (value !== null && typeof value === "object") {
    return sql`${column} ${raw(op === "NOT IN" ? "NOT IN" : "IN")} ${bindList(value)}`;
  }
  switch (op) {
    case "ILIKE":
      return sql`lower(${column}) LIKE lower(${value})`;
    case "RLIKE":
      return sql`${column} REGEXP ${value}`;
    case "IN":
    case "NOT IN":
      return sql`${column} ${raw(op)} (${value})`;
    default:
      return sql`${column} ${raw(op)} ${value}`;
  }
}

/** Limits a table to the experiments of a search. The server treats their ids as numbers. */
export function limitToExperiments(table: string, experimentIds: readonly string[]): Fragment {
  const ids = experimentIds.filter((id) => /^\d{1,18}$/.test(id)).map(BigInt);
  return sql`${raw(table)}.experiment_id IN ${bindList(ids)}`;
}
