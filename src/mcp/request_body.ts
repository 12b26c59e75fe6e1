import { within } from "../core/async.ts";

/** Largest message, in bytes. */
const MOST = 4 * 1024 * 1024;
/** How much more than that is read to the end, so that the client hears the refusal. */
const DISCARDED = 64 * 1024 * 1024;
/** Longest wait for more of a message, in milliseconds. */
const PATIENCE = 10_000;

/**
 * The request with its message read, or the refusal. What begins to answer before all has arrived
 * loses its answer: the connection is reset while the client still sends.
 */
export async function readBody(
  request: Request,
  stop: AbortSignal = new AbortController().signal,
  patience: number = PATIENCE,
): Promise<Request | Response> {
  const reader = request.body?.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const part = await within(patience, stop, async () => await reader?.read());
      if (part === undefined || part.done) break;
      size += part.value.length;
      if (size <= MOST) chunks.push(part.value);
      else {
        chunks.length = 0;
        if (size > MOST + DISCARDED) break;
      }
    }
  } catch (error) {
    if (stop.aborted) return hangUp(refuse(503, "The server is shutting down."));
    return error instanceof DOMException && error.name === "TimeoutError"
      ? hangUp(refuse(408, "The rest of the message did not arrive in time."))
      : refuse(400, "The message could not be read.");
  } finally {
    // Not waited for: it ends only when the client sends again.
    reader?.cancel().catch(() => {});
  }
  if (size > MOST) return refuse(413, `A message must not exceed ${MOST} bytes.`);
  const { method, headers, signal, url } = request;
  return new Request(url, { method, headers, signal, body: new Blob(chunks) });
}

/**
 * The answer, then the end of the connection: the runtime would wait for the rest of the message,
 * and does not end a connection but for a body that fails.
 */
function hangUp(response: Response): Response {
  const { status, headers } = response;
  const chunks = response.body?.values();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      const part = await chunks?.next();
      if (part !== undefined && part.done !== true) controller.enqueue(part.value);
      else controller.error(new Error("The message did not arrive."));
    },
  }, { highWaterMark: 0 });
  return new Response(body, { status, headers });
}

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }, {
    status,
    headers: { connection: "close", "cache-control": "no-store" },
  });
}
