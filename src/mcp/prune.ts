import { worth } from "./shorten.ts";

/**
 * A value reduced to the first `entries` items of each list and the dearest `entries` members of
 * each object below the top: what a tool promises by name stays.
 *
 * @param whole Lists that were cut by rows already, and with a cursor: their length stays.
 * @param counts Receives how many were left out at each path, with `*` for list items.
 */
export function prune(
  data: object,
  entries: number,
  counts: Record<string, number>,
  whole: readonly string[] = [],
): Record<string, unknown> {
  const note = (path: string, missing: number) => {
    if (missing > 0) counts[path] = (counts[path] ?? 0) + missing;
  };
  const visit = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) {
      const most = whole.includes(path) ? value.length : entries;
      note(path, value.length - most);
      return value.slice(0, most).map((item) => visit(item, `${path}.*`));
    }
    return value !== null && typeof value === "object" ? object(value, path) : value;
  };
  const object = (node: object, path: string): Record<string, unknown> => {
    const all = Object.entries(node);
    if (path !== "") note(path, all.length - entries);
    const kept = all.length <= entries || path === ""
      ? all
      : [...all].sort(([a], [b]) => worth(b) - worth(a)).slice(0, entries);
    return Object.fromEntries(
      kept.map(([key, value]) => [key, visit(value, path === "" ? key : `${path}.${key}`)]),
    );
  };
  return object(data, "");
}
