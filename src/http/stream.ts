import { Failure } from "../core/failure.ts";
import { type Json, JsonError, parseJson } from "../core/json.ts";
import { type ArrayPlace, ArrayScanner } from "./array_scanner.ts";
import { cutShort, MAX_ITEM, textParts } from "./body.ts";
import type { UpstreamOptions } from "./request.ts";

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

/** JSON text as its value; damage is told of `what`. */
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
