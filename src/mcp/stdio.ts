import {
  deserializeMessage,
  INVALID_REQUEST,
  type JSONRPCMessage,
  type McpServer,
  PARSE_ERROR,
  type Transport,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { within } from "../core/async.ts";
import type { Log } from "../core/log.ts";
import { defined } from "../core/values.ts";
import { DRAIN_LIMIT } from "./watch.ts";

/** Largest message that a client may send, in bytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/** What ends a connection besides its client. */
interface StdioOptions {
  readonly log: Log;
  /** No more is read; what was asked is still answered. */
  readonly stop?: AbortSignal;
  /** Resolves when not even that is waited for. */
  readonly force?: Promise<void>;
}

/**
 * Serves one client over standard input and output until the input ends, the pipe breaks or
 * `stop` aborts.
 *
 * @returns Resolves when the connection is over.
 */
export async function runStdio(
  factory: () => McpServer,
  { log, stop, force }: StdioOptions,
): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const transport = new StdioTransport(Deno.stdin.readable, Deno.stdout, MAX_MESSAGE, DRAIN_LIMIT);
  const handle = serveStdio(() => factory(), {
    transport,
    onerror: (error) => {
      if (error instanceof MessageTooLarge) log.error(`${error.message} The connection ends.`);
      else log.debug("Transport", { error: error.message });
    },
  });
  // The entry sets its own handler; ours runs after it.
  const inner = transport.onclose;
  transport.onclose = () => {
    inner?.();
    resolve();
  };
  stop?.addEventListener("abort", () => transport.endInput(), { once: true });
  if (stop?.aborted === true) transport.endInput();
  force?.then(resolve);
  await ended;
  await handle.close().catch(() => {});
}

/** Where bytes are written. */
export interface Sink {
  /** Writes some or all of the bytes, and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A client sent a line beyond the limit, which ends the connection. */
class MessageTooLarge extends Error {
  override readonly name = "MessageTooLarge";
  constructor(limit: number) {
    super(`A message is larger than ${limit} bytes.`);
  }
}

const NEW_LINE = 10;
/** Messages as lines over two byte streams. */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  #closed = false;
  #broken = false;
  #writing: Promise<void> = Promise.resolve();
  /** Requests without an answer so far. */
  readonly #open = new Set<string | number>();
  /** Called when none is left. */
  #onIdle = () => {};
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /**
   * `limit` bounds what a client may send as one message, in bytes; `drainLimit` how long answers
   * may still take whose input has ended, as a shell's does, in milliseconds.
   */
  constructor(
    input: ReadableStream<Uint8Array>,
    private readonly output: Sink,
    private readonly limit: number,
    private readonly drainLimit = 0,
  ) {
    this.#reader = input.getReader();
  }

  start(): Promise<void> {
    this.#read().catch((error) => this.#report(error)).then(() => this.#drain())
      .finally(() => this.close());
    return Promise.resolve();
  }

  /** Reads no more, as if the client had ended its input. */
  endInput(): void {
    // Not awaited: a read of standard input may not end before the process does.
    this.#reader.cancel().catch(() => {});
  }

  /** Writes a message after those before it. */
  send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("The connection is closed."));
    if ("id" in message && message.id !== undefined && !("method" in message)) {
      this.#settle(message.id);
    }
    return this.#enqueue(message);
  }

  /** Nobody waits for the answer to this request any more. */
  #settle(id: string | number): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#onIdle();
  }

  /** After the last message: what was asked is answered and written, for a while. */
  async #drain(): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#onIdle = resolve);
    if (this.#open.size === 0 || this.#closed) this.#onIdle();
    await within(this.drainLimit, new AbortController().signal, async () => {
      await answered;
      await this.flushed();
    }).catch(() => {});
  }

  /** Resolves when everything sent so far is written. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#onIdle();
    this.endInput();
    this.onclose?.();
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    let parts: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done || this.#closed) return;
      let rest = value;
      for (let end = rest.indexOf(NEW_LINE); end >= 0; end = rest.indexOf(NEW_LINE)) {
        this.#receive([...parts, rest.subarray(0, end)]);
        parts = [];
        size = 0;
        rest = rest.subarray(end + 1);
      }
      if (rest.length === 0) continue;
      size += rest.length;
      if (size > this.limit) throw new MessageTooLarge(this.limit);
      parts.push(rest);
    }
  }

  #receive(parts: readonly Uint8Array[]): void {
    const decoder = new TextDecoder();
    const line = parts.map((part) => decoder.decode(part, { stream: true })).join("") +
      decoder.decode();
    if (line.trim() === "") return;
    let message: JSONRPCMessage;
    try {
      message = deserializeMessage(line);
    } catch (error) {
      this.#report(error);
      const reply = malformedReply(line);
      if (reply !== undefined) this.#enqueue(reply).catch(() => {});
      return;
    }
    if ("method" in message && "id" in message) this.#open.add(message.id);
    else if ("method" in message && message.method === "notifications/cancelled") {
      const cancelled = message.params?.["requestId"];
      // Nobody answers what was cancelled.
      if (typeof cancelled === "string" || typeof cancelled === "number") this.#settle(cancelled);
    }
    try {
      this.onmessage?.(message);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Writes a message as a line after those before it. */
  #enqueue(message: object): Promise<void> {
    const written = this.#writing.then(() => this.#write(`${JSON.stringify(message)}\n`));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(line: string): Promise<void> {
    if (this.#broken) throw new Error("The connection is broken.");
    try {
      let rest = new TextEncoder().encode(line);
      while (rest.length > 0) rest = rest.subarray(await this.output.write(rest));
    } catch (error) {
      this.#broken = true;
      this.#report(error);
      this.close();
      throw error;
    }
  }

  #report(error: unknown): void {
    this.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }
}

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
function malformedReply(line: string): MalformedReply | undefined {
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
  // JSON can write numbers that are infinite here, and would be written as null.
  const known = typeof id === "string" || typeof id === "number" && Number.isFinite(id)
    ? id
    : undefined;
  return reply(
    INVALID_REQUEST,
    "This is not a JSON-RPC 2.0 request: it needs jsonrpc, a method, an id that is a string or a " +
      "safe integer, and params that are an object, if any.",
    known,
  );
}

function reply(code: number, message: string, id?: string | number): MalformedReply {
  return { jsonrpc: "2.0", ...defined({ id }), error: { code, message } };
}
