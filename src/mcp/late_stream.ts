import { pause } from "../core/async.ts";

/** Answers later than this are streamed, in milliseconds. */
const PATIENCE = 200;

/**
 * Turns an answer that takes long into an event stream that starts before it is there. The runtime
 * notices that a client has gone only while an answer is on its way to it, and going away is how
 * clients of the newest revision cancel; quick answers stay plain JSON with their status.
 *
 * @param answer Called once, with a request whose signal also aborts when the stream is dropped.
 */
export async function streamWhenLate(
  request: Request,
  answer: (request: Request) => Promise<Response>,
): Promise<Response> {
  const accepted = request.headers.get("accept") ?? "";
  if (request.method !== "POST" || !accepted.includes(EVENTS)) return await answer(request);
  const gone = new AbortController();
  const signal = AbortSignal.any([request.signal, gone.signal]);
  const response = answer(new Request(request, { signal }));
  const answered = new AbortController();
  const late = pause(PATIENCE, answered.signal).then(() => undefined, () => undefined);
  try {
    return await Promise.race([response, late]) ?? new Response(eventsOf(response, gone), {
      headers: {
        "content-type": EVENTS,
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    });
  } finally {
    answered.abort();
  }
}

const EVENTS = "text/event-stream";

function eventsOf(
  response: Promise<Response>,
  gone: AbortController,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream({
    start: (controller) => controller.enqueue(bytes(": working\n\n")),
    pull: async (controller) => {
      if (reader === undefined) {
        const answer = await response;
        if (!(answer.headers.get("content-type") ?? "").startsWith(EVENTS)) {
          const json = await answer.text();
          if (json !== "") controller.enqueue(bytes(`event: message\ndata: ${json}\n\n`));
          return controller.close();
        }
        reader = answer.body?.getReader();
      }
      const part = await reader?.read();
      if (part === undefined || part.done) controller.close();
      else controller.enqueue(part.value);
    },
    cancel: async (reason) => {
      gone.abort(reason);
      await reader?.cancel(reason);
    },
  });
}
