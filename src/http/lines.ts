import { Failure } from "../core/failure.ts";
import { isAbort, MAX_BODY } from "./body.ts";
import { type Json, JsonError, parseJson } from "../core/json.ts";

/**
 * The values of a body of JSON lines, one at a time as they arrive. Large integers keep their
 * digits. Leaving the loop early cancels the transfer.
 *
 * @throws {Failure} `upstream_error` when a line is no JSON or the body was cut short: a
 * server that fails after it began to answer can only break off.
 */
export async function* jsonLines(response: Response, service: string): AsyncGenerator<Json> {
  for await (const { text, last } of textLines(response, service)) {
    if (text.trim() === "") continue;
    let value: Json;
    try {
      value = parseJson(text);
    } catch (error) {
      if (error instanceof JsonError) {
        throw last ? cutShort(service, error) : notJson(service, error);
      }
      throw error;
    }
    yield value;
  }
}

/** The lines of a body; `last` marks one that no line feed ended. */
async function* textLines(
  response: Response,
  service: string,
): AsyncGenerator<{ text: string; last: boolean }> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let size = 0;
  let ended = false;
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) break;
      const text = decoder.decode(value, { stream: true });
      let from = 0;
      for (let feed = text.indexOf("\n"); feed >= 0; feed = text.indexOf("\n", from)) {
        parts.push(text.slice(from, feed));
        yield { text: parts.length === 1 ? parts[0] ?? "" : parts.join(""), last: false };
        parts = [];
        size = 0;
        from = feed + 1;
      }
      if (from < text.length) parts.push(from === 0 ? text : text.slice(from));
      size += text.length - from;
      if (size > MAX_BODY) throw tooLong(service);
    }
    ended = true;
    const rest = parts.join("") + decoder.decode();
    if (rest !== "") yield { text: rest, last: true };
  } catch (error) {
    if (error instanceof Failure || isAbort(error)) throw error;
    throw cutShort(service, error);
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
  }
}

function cutShort(service: string, cause: unknown): Failure {
  return new Failure("upstream_error", `${service}'s answer broke off before its end.`, {
    hint: "The query may be too expensive: narrow the filters or the time range, or ask for " +
      "fewer rows or columns. Otherwise repeat the call.",
    retryable: true,
    cause,
  });
}

function notJson(service: string, cause: unknown): Failure {
  return new Failure("upstream_error", `${service} answered with a line that is no JSON.`, {
    cause,
  });
}

function tooLong(service: string): Failure {
  return new Failure("upstream_error", `${service} sent a row too large to read.`, {
    hint: "Ask for fewer columns.",
  });
}
