/** What JSON-RPC wants as the answers to lines, worked out without the product. */

/** Answers by id as JSON; `none` is for those without one. */
export interface Expected {
  /** How many there must be. */
  readonly due: Map<string, number>;
  /** Ids of requests that may stay without: cancelled, or subscriptions. */
  readonly optional: Set<string>;
  /** Progress tokens as JSON, for which notifications may come. */
  readonly tokens: Set<string>;
}

/** The key of an answer without an id. */
export const NO_ID = "none";

/** The key of an id. */
export function keyOf(id: unknown): string {
  const usable = typeof id === "string" || typeof id === "number" && Number.isFinite(id);
  return usable ? JSON.stringify(id) : NO_ID;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Of all these bytes, lines together. */
export function expectedFor(bytes: Uint8Array): Expected {
  const due = new Map<string, number>();
  const optional = new Set<string>();
  const tokens = new Set<string>();
  const owe = (key: string) => due.set(key, (due.get(key) ?? 0) + 1);
  for (const line of linesOf(bytes)) {
    const value = parse(line);
    if (line.trim() === "") continue;
    if (!isObject(value)) {
      owe(NO_ID);
      continue;
    }
    const { method, params } = value;
    const isRequest = "method" in value && "id" in value;
    if (isObject(params)) {
      if (method === "notifications/cancelled") optional.add(keyOf(params["requestId"]));
      if (isObject(params["_meta"])) tokens.add(JSON.stringify(params["_meta"]["progressToken"]));
    }
    if (isRequest) {
      owe(keyOf(value["id"]));
      if (method === "subscriptions/listen") optional.add(keyOf(value["id"]));
    } else if (!("method" in value || "result" in value || "error" in value)) {
      owe(keyOf(value["id"]));
    }
  }
  return { due, optional, tokens };
}

/** The lines of bytes, each decoded by itself. */
export function linesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    lines.push(new TextDecoder().decode(bytes.subarray(from, end)));
    from = end + 1;
  }
  lines.push(new TextDecoder().decode(bytes.subarray(from)));
  return lines;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
