import { textTable } from "../core/table.ts";

/** Most columns of a table; wider lists are shown item by item. */
const MAX_COLUMNS = 8;
/** Longest cell of a table, in characters. */
const CELL = 60;

/** A result as indented text: lists of like objects as tables, the rest as `key: value` lines. */
export function renderForPeople(data: unknown): string {
  return lines(data, "").join("\n");
}

function lines(value: unknown, indent: string): string[] {
  if (value === null || typeof value !== "object") return [`${indent}${scalar(value)}`];
  if (Array.isArray(value)) return listLines(value, indent);
  return Object.entries(value).flatMap(([key, child]) => {
    if (child === null || typeof child !== "object") return [`${indent}${key}: ${scalar(child)}`];
    const inner = lines(child, `${indent}  `);
    return inner.length === 0 ? [`${indent}${key}: (none)`] : [`${indent}${key}:`, ...inner];
  });
}

function listLines(items: readonly unknown[], indent: string): string[] {
  const rows = items.map(flat);
  const columns = [...new Set(rows.flatMap((row) => row === undefined ? [] : [...row.keys()]))];
  const isTable = items.length > 1 && rows.every((row) => row !== undefined) &&
    columns.length > 0 && columns.length <= MAX_COLUMNS;
  if (isTable) {
    const cells = rows.map((row) => columns.map((column) => row?.get(column)));
    const heads = columns.map((column) => column.toUpperCase());
    return textTable(heads, cells, CELL).split("\n").map((line) => indent + line);
  }
  return items.flatMap((item, index) => {
    if (item === null || typeof item !== "object") return [`${indent}- ${scalar(item)}`];
    return [`${indent}- [${index + 1}]`, ...lines(item, `${indent}  `)];
  });
}

/** An item as one table row, keys joined by dots; undefined for what is no row. */
function flat(item: unknown): Map<string, string> | undefined {
  if (item === null || typeof item !== "object" || Array.isArray(item)) return undefined;
  const row = new Map<string, string>();
  const visit = (node: object, path: string) => {
    for (const [key, child] of Object.entries(node)) {
      const name = path === "" ? key : `${path}.${key}`;
      if (Array.isArray(child)) row.set(name, child.map(oneValue).join(", "));
      else if (child !== null && typeof child === "object") visit(child, name);
      else row.set(name, scalar(child));
    }
  };
  visit(item, "");
  return row;
}

/** An item of a list within a row: its only value, where it has just one. */
function oneValue(item: unknown): string {
  const values = item !== null && typeof item === "object" ? Object.values(item) : [item];
  const only: unknown = values.length === 1 ? values[0] : item;
  return scalar(only);
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}
