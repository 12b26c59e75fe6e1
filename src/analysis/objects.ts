/** Whether a value is an object rather than a list, null or a plain value. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A key as a part of a dotted path: dots of its own are marked by a backslash. */
export function escapeName(key: string): string {
  return key.replaceAll(".", "\\.");
}
