import { Buffer } from "node:buffer";
import { isRecord } from "../../core/json.ts";
import { refuse } from "./refusal.ts";

/** Largest message, in bytes. */
const MOST = 4 * 1024 * 1024;
/** Longest wait for the next part of a message, and for all of it, in milliseconds. */
const PATIENCE = { part: 10_000, whole: 120_000 };

/** Gives the next part of a request's body, undefined after the last. */
export type NextPart = () => Promise<Uint8Array | undefined>;

/** A message as it came. */
export interface Message {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it says; undefined where that is not JSON. */
  readonly value: unknown;
}

/**
 * Reads a request's message, or returns the refusal without waiting for the rest: the connection
 * keeps reading, so that the client receives it.
 */
export async function readMessage(
  headers: Headers,
  next: NextPart,
  { stop, patience = PATIENCE }: {
    /** Aborts when no more of it is waited for. */
    readonly stop?: AbortSignal | undefined;
    readonly patience?: { readonly part: number; readonly whole: number };
  } = {},
): Promise<Message | Response> {
  const tooLarge = () => refuse(413, `A message must not exceed ${MOST} bytes.`);
  if (Number(headers.get("content-length") ?? 0) > MOST) return tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  let late = false;
  const end = performance.now() + patience.whole;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const giveUp = () => ended.reject(new Error("The message is no longer waited for."));
  const tooLate = () => {
    late = true;
    giveUp();
  };
  stop?.addEventListener("abort", giveUp);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    stop?.throwIfAborted();
    while (size <= MOST) {
      const left = Math.min(patience.part, end - performance.now());
      // Where parts come without a pause, no timer would run.
      if (left <= 0) tooLate();
      else timer = setTimeout(tooLate, left);
      // The end comes first: the next part may be there already.
      const part = await Promise.race([ended.promise, next()]);
      clearTimeout(timer);
      if (part === undefined) break;
      size += part.length;
      parts.push(part);
    }
  } catch {
    if (stop?.aborted === true) return refuse(503, "The server is shutting down.");
    return late
      ? refuse(408, "The rest of the message did not arrive in time.")
      : refuse(400, "The message could not be read.");
  } finally {
    clearTimeout(timer);
    // The signal lives as long as the server.
    stop?.removeEventListener("abort", giveUp);
  }
  if (size > MOST) return tooLarge();
  const bytes = Buffer.concat(parts, size);
  const value = parse(new TextDecoder().decode(bytes));
  return repeatsId(value)
    ? refuse(400, "Several requests of this batch have the same id.")
    : { bytes, value };
}

/** As the SDK reads it, digits lost; undefined for what it will refuse. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether two requests of a batch, which clients of 2025-03-26 may send, have one id: both would be
 * carried out, and one of them answered.
 */
function repeatsId(batch: unknown): boolean {
  if (!Array.isArray(batch)) return false;
  const ids = batch.flatMap((one: unknown) =>
    isRecord(one) && "method" in one && "id" in one ? [one.id] : []
  );
  return new Set(ids).size < ids.length;
}
