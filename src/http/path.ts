import { badArgument, type Failure } from "../core/failure.ts";

/** A request path whose parts cannot leave their place; only {@link path} makes one. */
export class SafePath {
  /** The encoded path, with a leading slash. */
  readonly text: string;
  /** Use {@link path}. */
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Builds a path from a template; every value becomes exactly one encoded segment.
 *
 * @throws {Failure} `invalid_arguments` for a value that is empty, or holds a dot segment or
 * control characters: such an id cannot exist and would address something else.
 */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): SafePath {
  let text = parts[0] ?? "";
  values.forEach((value, index) => {
    text += encodeSegment(value) + (parts[index + 1] ?? "");
  });
  return new SafePath(text);
}

/** A path of several segments, each checked and encoded, such as an artifact's. */
export function joinedPath(prefix: SafePath, segments: readonly string[]): SafePath {
  return new SafePath([prefix.text.replace(/\/$/, ""), ...segments.map(encodeSegment)].join("/"));
}

function encodeSegment(value: string): string {
  const shown = JSON.stringify(value.slice(0, 60));
  if (value.trim() === "") throw badId("An empty id addresses nothing.");
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001F\u007F-\u009F]/.test(value)) {
    throw badId(`The id ${shown} holds control characters.`);
  }
  if (!value.isWellFormed()) throw badId(`The id ${shown} is not valid Unicode.`);
  // Also inside: a proxy that decodes the path before it routes would walk it.
  if (/(^|[\\/]|%2f|%5c)(\.|%2e){1,2}($|[\\/]|%2f|%5c)/i.test(value)) {
    throw badId(`The id ${shown} is a path, not an id.`);
  }
  if (value.length > 1024) throw badId(`The id ${shown}… is longer than any id can be.`);
  return encodeURIComponent(value);
}

function badId(message: string): Failure {
  return badArgument(message, "Use an id exactly as another result gave it.");
}
