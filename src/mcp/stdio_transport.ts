import {
  deserializeMessage,
  type JSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/server";
import { malformedReply } from "./malformed.ts";
import { knownJson } from "./serialized.ts";

/** Where bytes go; resolves to how many were taken. */
export interface Sink {
  /** Takes some or all of the bytes. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A client sent more in one line than is read; the connection ends with it. */
export class MessageTooLarge extends Error {
  /** The class's name. */
  override readonly name = "MessageTooLarge";
  /** Makes one for a limit in bytes. */
  constructor(limit: number) {
    super(`A message is larger than ${limit} bytes.`);
  }
}

const NEW_LINE = 10;
/** Characters that are encoded and written at once. */
const PIECE = 1 << 16;

/**
 * Messages as lines over two byte streams. Long results are written piece by piece, their structure
 * from the JSON text that is known already, so that no whole line is ever put together.
 */
export class StdioTransport implements Transport {
  /** Set by the protocol. */
  onclose?: () => void;
  /** Set by the protocol. */
  onerror?: (error: Error) => void;
  /** Set by the protocol. */
  onmessage?: Transport["onmessage"];
  #closed = false;
  #broken = false;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /** `limit` bounds what a client may send as one message, in bytes. */
  constructor(
    input: ReadableStream<Uint8Array>,
    private readonly output: Sink,
    private readonly limit: number,
  ) {
    this.#reader = input.getReader();
  }

  /** Starts reading. */
  start(): Promise<void> {
    this.#read().catch((error) => this.#report(error)).finally(() => this.close());
    return Promise.resolve();
  }

  /** Writes a message after those before it. */
  send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("The connection is closed."));
    return this.#enqueue(lineOf(message));
  }

  /** Resolves when everything sent so far is written. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  /** Stops reading and writing. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    // Not awaited: a read of standard input may not end before the process does.
    this.#reader.cancel().catch(() => {});
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
      if (reply !== undefined) this.#enqueue([`${JSON.stringify(reply)}\n`]).catch(() => {});
      return;
    }
    try {
      this.onmessage?.(message);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Writes a line, given in parts, after those before it. */
  #enqueue(parts: Iterable<string>): Promise<void> {
    const written = this.#writing.then(() => this.#write(parts));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(parts: Iterable<string>): Promise<void> {
    if (this.#broken) throw new Error("The connection is broken.");
    try {
      for (const text of parts) await this.#writeText(text);
    } catch (error) {
      this.#broken = true;
      this.#report(error);
      this.close();
      throw error;
    }
  }

  async #writeText(text: string): Promise<void> {
    // One buffer for all: each piece is gone before the next is encoded.
    this.#buffer ??= new Uint8Array(PIECE * 3);
    const encoder = new TextEncoder();
    for (const piece of pieces(text)) {
      const { written } = encoder.encodeInto(piece, this.#buffer);
      let at = 0;
      while (at < written) at += await this.output.write(this.#buffer.subarray(at, written));
    }
  }

  #report(error: unknown): void {
    this.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A message's line in parts. */
function* lineOf(message: JSONRPCMessage): Generator<string> {
  const structure = "result" in message ? message.result["structuredContent"] : undefined;
  const json = knownJson(structure);
  if (json === undefined || !("result" in message)) {
    yield `${JSON.stringify(message)}\n`;
    return;
  }
  const { jsonrpc, id, result } = message;
  const { content, structuredContent: _, ...rest } = result;
  yield `{"jsonrpc":${JSON.stringify(jsonrpc)},"id":${JSON.stringify(id)},"result":{"content":`;
  yield* contentOf(content);
  yield `,"structuredContent":`;
  yield json;
  const others = JSON.stringify(rest).slice(1);
  yield `${others === "}" ? "" : ","}${others}}\n`;
}

/** The content blocks; of a long text, no whole quoted copy is made. */
function* contentOf(content: unknown): Generator<string> {
  const blocks: readonly unknown[] = Array.isArray(content) ? content : [];
  const [first, ...more] = blocks;
  if (!isText(first) || first.text.length <= PIECE) {
    yield JSON.stringify(blocks);
    return;
  }
  const { text, ...rest } = first;
  const others = JSON.stringify(rest).slice(1, -1);
  yield `[{${others}${others === "" ? "" : ","}"text":"`;
  for (const piece of pieces(text)) yield JSON.stringify(piece).slice(1, -1);
  yield `"}${more.map((block) => `,${JSON.stringify(block)}`).join("")}]`;
}

function isText(block: unknown): block is { text: string } {
  return block !== null && typeof block === "object" && "text" in block &&
    typeof block.text === "string";
}

/** A text in parts of bounded length; surrogate pairs stay together. */
function* pieces(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    let to = Math.min(from + PIECE, text.length);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && to - from > 1 && last >= 0xD800 && last <= 0xDBFF) to--;
    yield text.slice(from, to);
    from = to;
  }
}
