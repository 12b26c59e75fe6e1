import { defined } from "../core/defined.ts";
import { INVALID_REQUEST, PARSE_ERROR } from "@modelcontextprotocol/server";

/** An error response to what was no message; without an id where none could be read. */
interface MalformedReply {
  readonly jsonrpc: "2.0";
  readonly id?: string | number;
  /** What is wrong, with JSON-RPC's code. */
  readonly error: { readonly code: number; readonly message: string };
}

/**
 * What to answer to a line that is no message, so that no client waits for ever: JSON-RPC 2.0 §5.
 * Broken responses and notifications get no answer, as whole ones get none.
 */
export function malformedReply(line: string): MalformedReply | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return reply(PARSE_ERROR, "Parse error: the line is not JSON.");
  }
  if (Array.isArray(value)) {
    return reply(INVALID_REQUEST, "Batches are not taken: send one message a line.");
  }
  if (value === null || typeof value !== "object") {
    return reply(INVALID_REQUEST, "A message must be a JSON object.");
  }
  const isRequest = "method" in value && "id" in value;
  const isResponse = "result" in value || "error" in value;
  if (!isRequest && (isResponse || "method" in value)) return undefined;
  const id = "id" in value ? value.id : undefined;
  const known = typeof id === "string" || typeof id === "number" ? id : undefined;
  return reply(
    INVALID_REQUEST,
    "This is no request of JSON-RPC 2.0: it needs jsonrpc, a method, an id that is a text or a " +
      "safe integer, and params that are an object, if any.",
    known,
  );
}

function reply(code: number, message: string, id?: string | number): MalformedReply {
  return { jsonrpc: "2.0", ...defined({ id }), error: { code, message } };
}
