import { textTable } from "../text/table.ts";

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
  const columns = tableColumns(items);
  if (columns !== undefined) {
    const rows = items.map((item) => columns.map((column) => member(item, column)));
    return textTable(columns.map((column) => column.toUpperCase()), rows, 60)
      .split("\n").map((line) => indent + line);
  }
  return items.flatMap((item, index) => {
    if (item === null || typeof item !== "object") return [`${indent}- ${scalar(item)}`];
    return [`${indent}- [${index + 1}]`, ...lines(item, `${indent}  `)];
  });
}

/** The shared keys of a list of flat objects, or undefined when it is no table. */
function tableColumns(items: readonly unknown[]): string[] | undefined {
  if (items.length < 2) return undefined;
  const keys = new Set<string>();
  for (const item of items) {
    if (item === null || typeof item !== "object" || Array.isArray(item)) return undefined;
    for (const [key, child] of Object.entries(item)) {
      if (child !== null && typeof child === "object") return undefined;
      keys.add(key);
    }
  }
  return keys.size > 0 && keys.size <= 8 ? [...keys] : undefined;
}

function member(item: unknown, key: string): unknown {
  return item !== null && typeof item === "object"
    ? Object.entries(item).find(([name]) => name === key)?.[1]
    : undefined;
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}
