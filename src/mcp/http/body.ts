import { Buffer } from "node:buffer";
import { isRecord } from "../../core/json.ts";

/** Largest message, in bytes. */
const MOST = 4 * 1024 * 1024;
/** Longest wait for the next part of a message, and for all of it, in milliseconds. */
const PATIENCE = { part: 10_000, whole: 120_000 };

/**
 * Reads a request's message, or returns the refusal without waiting for the rest: the connection
 * keeps reading, so that the client receives it.
 */
export async function readBody(
  request: Request,
  stop: AbortSignal = new AbortController().signal,
  { without = [], patience = PATIENCE }: {
    /** Headers that are left out. */
    readonly without?: readonly string[];
    readonly patience?: { readonly part: number; readonly whole: number };
  } = {},
): Promise<Request | Response> {
  const tooLarge = () => refuse(413, `A message must not exceed ${MOST} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > MOST) return tooLarge();
  const reader = request.body?.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const late = new AbortController();
  const whole = setTimeout(() => late.abort(), patience.whole);
  let next: ReturnType<typeof setTimeout> | undefined;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const onAbort = () => ended.reject(new Error("The message is no longer waited for."));
  for (const signal of [stop, late.signal]) signal.addEventListener("abort", onAbort);
  try {
    stop.throwIfAborted();
    while (size <= MOST) {
      clearTimeout(next);
      next = setTimeout(() => late.abort(), patience.part);
      const part = await Promise.race([reader?.read(), ended.promise]);
      if (part === undefined || part.done) break;
      size += part.value.length;
      chunks.push(part.value);
    }
  } catch {
    if (stop.aborted) return refuse(503, "The server is shutting down.");
    return late.signal.aborted
      ? refuse(408, "The rest of the message did not arrive in time.")
      : refuse(400, "The message could not be read.");
  } finally {
    clearTimeout(next);
    clearTimeout(whole);
    // The signal lives as long as the server.
    stop.removeEventListener("abort", onAbort);
  }
  if (size > MOST) return tooLarge();
  const body = Buffer.concat(chunks, size);
  if (isBatch(chunks) && repeatsId(parse(new TextDecoder().decode(body)))) {
    return refuse(400, "Several requests of this batch have the same id.");
  }
  const { method, headers, signal, url } = request;
  const kept = new Headers(headers);
  for (const name of without) kept.delete(name);
  return new Request(url, { method, headers: kept, signal, body });
}

/** As the SDK reads it, digits lost; undefined for what it will refuse. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Space in JSON, and the bytes of the mark that may precede it. */
const BLANK = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);

/** Whether it is an array: clients of 2025-03-26 may send several messages at once. */
function isBatch(chunks: readonly Uint8Array[]): boolean {
  for (const chunk of chunks) {
    const first = chunk.find((byte) => !BLANK.has(byte));
    if (first !== undefined) return first === 0x5b;
  }
  return false;
}

/** Whether two requests have one id: both would be carried out, and one of them answered. */
function repeatsId(batch: unknown): boolean {
  const ids = (Array.isArray(batch) ? batch : []).flatMap((one: unknown) =>
    isRecord(one) && "method" in one && "id" in one ? [one.id] : []
  );
  return new Set(ids).size < ids.length;
}

/** The connection ends with the refusal: it may hold the rest of a message. */
function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }, {
    status,
    headers: { connection: "close", "cache-control": "no-store" },
  });
}
