/** Lists from this length on are written item by item. */
const LONG = 64;
/** How far lists are looked for within structures. */
const DEPTH = 4;

/**
 * The same text as `JSON.stringify` for structures of plain data, made item by item where lists are
 * long: the runtime's own way asks the system for several times the memory of a large result at
 * once, and little of that is ever given back.
 */
export function jsonText(structure: Readonly<Record<string, unknown>>): string {
  return textOf(structure, DEPTH) ?? "{}";
}

function textOf(value: unknown, depth: number): string | undefined {
  if (depth === 0 || value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    if (value.length < LONG) return JSON.stringify(value);
    return `[${value.map((item) => JSON.stringify(item) ?? "null").join(",")}]`;
  }
  if ("toJSON" in value) return JSON.stringify(value);
  const members: string[] = [];
  for (const [key, child] of Object.entries(value)) {
    const text = textOf(child, depth - 1);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
}
