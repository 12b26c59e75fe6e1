/** HTTP as bytes on a connection, for servers that break it. */

/** Writes the whole content. */
export async function writeAll(connection: Deno.Conn, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/**
 * Reads requests of known length from a connection, and notices when the client has gone away:
 * `Deno.serve` sometimes misses that, and its handler waits for ever.
 */
export class RequestReader {
  /** Resolves when the client sends no more. */
  readonly ended: Promise<void>;
  #bytes = new Uint8Array();
  #over = false;
  #more = Promise.withResolvers<void>();

  constructor(connection: Deno.Conn) {
    this.ended = this.#pump(connection);
  }

  /** The next head; empty at the end. */
  async head(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#bytes = this.#bytes.slice(end + 4);
        return text.slice(0, end);
      }
      if (this.#over) return "";
      await this.#more.promise;
    }
  }

  async text(length: number): Promise<string> {
    while (this.#bytes.length < length && !this.#over) await this.#more.promise;
    const text = new TextDecoder().decode(this.#bytes.subarray(0, length));
    this.#bytes = this.#bytes.slice(length);
    return text;
  }

  async #pump(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (
        let size = await connection.read(buffer);
        size !== null;
        size = await connection.read(buffer)
      ) {
        this.#bytes = new Uint8Array([...this.#bytes, ...buffer.subarray(0, size)]);
        this.#wake();
      }
    } catch {
      // Reset, or closed from this side.
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}
