/** Bytes that are read at once, at most and, until the end, at least. */
const MOST = 256 * 1024;
const LEAST = 64 * 1024;

/**
 * A body's bytes as they arrive, in pieces of some size: servers send small ones, and each costs
 * the runtime as much as a large one. A piece is valid until the next is asked for. Leaving the
 * loop ends the transfer.
 */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { body } = response;
  if (body === null) return;
  const reader = bufferedReader(body);
  if (reader === undefined) {
    yield* body;
    return;
  }
  try {
    let buffer = new Uint8Array(sizeFor(response));
    for (;;) {
      const { value, done } = await reader.read(buffer, { min: Math.min(LEAST, buffer.length) });
      // The last bytes come together with the end.
      if (value !== undefined && value.length > 0) yield value;
      if (done) return;
      buffer = new Uint8Array(value.buffer);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Bytes to read at once: for a short body not more than it says it has. */
function sizeFor({ headers }: Response): number {
  const said = Number(headers.get("content-length") ?? MOST);
  return said > 0 && said < MOST ? Math.ceil(said) : MOST;
}

/** Bodies from the network take a buffer; those made of other streams do not. */
function bufferedReader(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch (error) {
    if (!(error instanceof TypeError) || body.locked) throw error;
    return undefined;
  }
}
