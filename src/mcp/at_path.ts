/** What stands at a dotted path below a value; undefined where the path leads nowhere. */
export function at(data: Record<string, unknown>, path: string): unknown {
  let node: unknown = data;
  for (const key of path.split(".")) {
    if (node === null || typeof node !== "object") return undefined;
    node = Object.entries(node).find(([name]) => name === key)?.[1];
  }
  return node;
}

/** A copy with something else at a dotted path; members that are missing on the way are made. */
export function replaceAt(
  data: Record<string, unknown>,
  path: string,
  value: unknown,
): Record<string, unknown> {
  const [key = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...data, [key]: value };
  const child = data[key];
  const inner = child !== null && typeof child === "object" && !Array.isArray(child)
    ? Object.fromEntries(Object.entries(child))
    : {};
  return { ...data, [key]: replaceAt(inner, rest.join("."), value) };
}
