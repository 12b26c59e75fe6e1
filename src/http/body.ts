import { Failure, isFailure } from "../core/failure.ts";
import { type Json, JsonError, parseJson } from "../core/json.ts";
import { type ArrayPlace, ArrayScanner } from "./array_scanner.ts";
import type { UpstreamOptions } from "./request.ts";

/** Largest body that is held whole, in decoded bytes. */
const MAX_WHOLE = 64 * 1024 * 1024;
/** Largest part of a streamed body that is held whole, in characters: attributes hold documents. */
export const MAX_ITEM: number = 128 * 1024 * 1024;
/** Largest body that is read piece by piece, in decoded bytes. */
const MAX_STREAMED = 512 * 1024 * 1024;

/**
 * The body as text, up to `limit` bytes.
 *
 * @throws {Failure} `upstream_error` when it is larger or was cut short.
 */
export async function readText(
  response: Response,
  service: string,
  limit: number = MAX_WHOLE,
): Promise<string> {
  const parts: string[] = [];
  for await (const part of textParts(response, service, limit)) parts.push(part);
  return parts.join("");
}

/**
 * The body's text as it arrives, up to `limit` bytes. Leaving the loop early ends the transfer.
 *
 * @throws {Failure} `upstream_error` when it is larger or was cut short.
 */
async function* textParts(
  response: Response,
  service: string,
  limit: number = MAX_STREAMED,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of byteParts(response, service, limit)) {
    yield decoder.decode(chunk, { stream: true });
  }
  yield decoder.decode();
}

/**
 * The body as bytes.
 *
 * @throws {Failure} `upstream_error` when it is too large or was cut short.
 */
export async function readBytes(response: Response, service: string): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of byteParts(response, service, MAX_WHOLE)) parts.push(part.slice());
  return await new Blob(parts).bytes();
}

/** The body as it arrives; each part is overwritten by the next. */
async function* byteParts(
  response: Response,
  service: string,
  limit: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (Number(response.headers.get("content-length") ?? 0) > limit) {
    await response.body?.cancel().catch(() => {});
    throw tooLarge(service, limit);
  }
  let size = 0;
  try {
    if (isShort(response.headers)) return yield new Uint8Array(await response.arrayBuffer());
    for await (const chunk of chunks(response.body)) {
      size += chunk.byteLength;
      if (size > limit) throw tooLarge(service, limit);
      yield chunk;
    }
  } catch (error) {
    throw isFailure(error) || isAbort(error) ? error : cutShort(service, error);
  }
}

/**
 * Whether a body fits into one chunk: it is read at once, which takes a twentieth off the cost of a
 * small trace. Where it is encoded or sent in chunks, its length says nothing.
 */
function isShort(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= CHUNK &&
    !headers.has("content-encoding") && !headers.has("transfer-encoding");
}

/** Bytes taken at a time. */
const CHUNK = 64 * 1024;

/**
 * The chunks of a body; each is overwritten by the next. With an ordinary reader, the runtime would
 * allocate a new buffer for every chunk, however small, and the fragmented memory would never be
 * returned to the system.
 */
async function* chunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = openBytes(body);
  if (body === null || reader === undefined) return yield* body ?? [];
  let buffer = new ArrayBuffer(CHUNK);
  try {
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return;
      yield value;
      buffer = value.buffer;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A reader that fills our own buffers; undefined for streams of ready-made chunks. */
function openBytes(body: ReadableStream | null): ReadableStreamBYOBReader | undefined {
  try {
    return body?.getReader({ mode: "byob" });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The failure for a body that was cut short. */
function cutShort(service: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `${service}'s reply was cut short.`, {
    hint:
      "Repeat the call; if it fails again, ask for less: a narrower filter, fewer rows or fields.",
    retryable: true,
    cause,
  });
}

/** Reads the beginning of an error body, for its message; never fails. */
export async function readHead(response: Response, limit = 64 * 1024): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    const reader = response.body?.getReader();
    if (reader === undefined) return "";
    while (text.length < limit) {
      const { value, done } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    await reader.cancel().catch(() => {});
  } catch {
    // What came so far is all there is.
  }
  return text.slice(0, limit);
}

/** Whether an error is a cancellation or time-out rather than a failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

function tooLarge(service: string, limit: number): Failure {
  const size = Math.round(limit / 1024 / 1024);
  return new Failure("upstream_error", `${service}'s reply is larger than ${size} MiB.`, {
    hint: "Ask for fewer rows or fields.",
  });
}

/** Where a message ends and its internals begin: a stack, a statement, a page. */
const STOP =
  /(?:^|\n)\s*Traceback|\n\s*(?:\[SQL:|at |File "|LINE \d+:)|<(?:!doctype|html|head|body|script)\b/i;

/**
 * A back end's own words, fit to be shown: no HTML, no SQL, no stack trace, one paragraph of at
 * most 400 characters, without a full stop at the end.
 */
export function cleanDetail(text: string): string {
  if (isHtml(text)) return "";
  const first = text.split(STOP)[0] ?? "";
  const line = first
    .replaceAll(/\[(SQL|parameters): [\s\S]*/g, "")
    .replaceAll(/\(Background on this error at: [^)]*\)/g, "")
    .replaceAll(/\((?:sqlite3|psycopg2|pymysql|sqlalchemy)[\w.]*\)\s*/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  const cut = line.length > 400 ? `${line.slice(0, 400)}…` : line;
  return cut.replace(/[.\s]+$/, "");
}

/** Whether a body is a web page. */
export function isHtml(text: string): boolean {
  return /^\s*<(!doctype|!--|\?xml|(html|head|body|h\d|title|p|div|center|pre|script|style|meta)\b)/i
    .test(text);
}

type Place = Pick<UpstreamOptions, "service" | "setting">;

/** Most items of an array; the smallest take a hundred bytes each where they are kept. */
const MAX_ITEMS = 1_000_000;

/**
 * The items of an array in a JSON reply, as they arrive. Leaving the loop early ends the transfer.
 *
 * @throws {Failure} `upstream_error` when the reply is cut short, has no such array, or an item is
 * no JSON.
 */
export async function* arrayItems(
  response: Response,
  array: ArrayPlace,
  { service, setting }: Place,
): AsyncGenerator<Json> {
  const scanner = new ArrayScanner(array);
  const key = array.path.join(".");
  let count = 0;
  for await (const part of textParts(response, service)) {
    for (const item of scanner.push(part)) {
      yield parsed(item, `Item ${count} of "${key}" in ${service}'s reply`);
      if (++count <= MAX_ITEMS) continue;
      throw new Failure(
        "upstream_error",
        `${service}'s reply has more than ${MAX_ITEMS} items in "${key}".`,
        { hint: "Ask for fewer rows or fields." },
      );
    }
  }
  if (scanner.complete) return;
  if (!scanner.closed && scanner.opened) throw cutShort(service);
  throw new Failure(
    "upstream_error",
    `${service}'s reply is not the JSON with "${key}" that was expected.`,
    {
      hint: `Check that ${setting} is the address of a ${service} server, and that no login page ` +
        "or proxy is in between.",
    },
  );
}

/**
 * The values of a body of JSON lines, as they arrive. Leaving the loop early ends the transfer.
 *
 * @throws {Failure} `upstream_error` when a line is no JSON or the body was cut short: a
 * server that fails after it began to answer can only break off.
 */
export async function* jsonLines(response: Response, { service }: Place): AsyncGenerator<Json> {
  let parts: string[] = [];
  let size = 0;
  let count = 0;
  for await (const part of textParts(response, service)) {
    let from = 0;
    for (let feed = part.indexOf("\n"); feed >= 0; feed = part.indexOf("\n", from)) {
      parts.push(part.slice(from, feed));
      from = feed + 1;
      const line = parts.join("");
      parts = [];
      size = 0;
      count++;
      if (line.trim() !== "") yield parsed(line, `Line ${count} of ${service}'s reply`);
    }
    if (from < part.length) parts.push(part.slice(from));
    size += part.length - from;
    if (size > MAX_ITEM) {
      throw new Failure("upstream_error", `${service} sent a row too large to read.`, {
        hint: "Ask for fewer columns.",
      });
    }
  }
  const rest = parts.join("");
  if (rest.trim() === "") return;
  try {
    yield parseJson(rest);
  } catch (error) {
    throw error instanceof JsonError && error.kind === "syntax" ? cutShort(service, error) : error;
  }
}

/** Parses JSON text; `what` names it in the failure. */
function parsed(text: string, what: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new Failure("upstream_error", `${what} cannot be read: ${error.message}.`, {
      hint: error.hint,
      cause: error,
    });
  }
}
