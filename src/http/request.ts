import { badArgument, Failure } from "../core/failure.ts";
import { defined } from "../core/values.ts";
import type { Transport, TransportInit } from "./transport.ts";

/** A back end: where it is, how to talk to it, how long to wait for it. */
export interface UpstreamOptions {
  /** Its name for people, such as "MLflow". */
  readonly service: string;
  /** The setting that names its address, for messages. */
  readonly setting: string;
  /** Its address; a path prefix is kept, credentials in it are not sent. */
  readonly baseUrl: URL;
  /** Headers of every request, such as authorization. */
  readonly headers: () => Record<string, string> | Promise<Record<string, string>>;
  /** How the bytes travel. */
  readonly transport: Transport;
  /** Milliseconds for one tool call, all requests and retries together. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /**
   * Reads the back end's own error body; undefined leaves it to the status. A 503 counts as the
   * back end's refusal, after which a write is repeated, only if this says `effect: "none"`:
   * gateways also send it after they have passed a request on.
   */
  readonly readError?: (
    status: number,
    body: string,
    headers: Headers,
  ) => Failure | undefined;
  /** Hides secrets in what a failing reply says, before it is cut to a length that can be shown. */
  readonly redact?: (text: string) => string;
  /** Called for every attempt, for the log. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Retries after the first attempt. */
  readonly maxRetries: number;
  /** Milliseconds before the first retry; doubles each time. */
  readonly backoffMs: number;
  /** Up to this many random milliseconds are added. */
  readonly jitterMs: number;
  /** Wait as long as `Retry-After` asks. */
  readonly respectRetryAfter: boolean;
}

/** One attempt, for the log; carries no headers and no body. */
export interface Attempt {
  /** HTTP method. */
  readonly method: string;
  readonly path: string;
  /** HTTP status, or undefined when there was no reply. */
  readonly status: number | undefined;
  /** How long it took until the headers. */
  readonly milliseconds: number;
}

/** One request. */
export interface UpstreamRequest {
  /** HTTP method. */
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Where, below the base URL; the base URL itself if not given. */
  readonly path?: SafePath;
  /** Sent to this address as it is, query and all, as signed ones must be; instead of `path`. */
  readonly address?: URL;
  readonly query?: readonly (readonly [string, string])[];
  readonly json?: unknown;
  /** Sent as it is, instead of `json`. */
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Safe to repeat; GET is, unless said otherwise. Anything else is sent at most once. */
  readonly repeatable?: boolean;
}

/** A request path whose parts cannot escape their position; only {@link path} creates one. */
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
export function joinPath(prefix: SafePath, segments: readonly string[]): SafePath {
  return new SafePath([prefix.text.replace(/\/$/, ""), ...segments.map(encodeSegment)].join("/"));
}

function encodeSegment(value: string): string {
  const shown = JSON.stringify(value.slice(0, 60));
  if (value.trim() === "") throw badId("An empty id identifies nothing.");
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001F\u007F-\u009F]/.test(value)) {
    throw badId(`The id ${shown} contains control characters.`);
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

/** A request that is ready to be sent. */
export interface Prepared {
  readonly url: URL;
  readonly init: TransportInit;
}

/**
 * Makes a request ready: its address, credentials and body.
 *
 * @throws {Failure} `unauthorized` when the credentials cannot stand in a header.
 */
export async function prepare(
  options: UpstreamOptions,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<Prepared> {
  const headers: Record<string, string> = {
    accept: "application/json",
    ...await options.headers(),
    ...request.headers,
  };
  if (!canBeSent(headers)) {
    throw new Failure(
      "unauthorized",
      `The credentials for ${options.service} contain characters that a header cannot carry.`,
      { hint: "Check them for line breaks, quotation marks and other leftovers of copying." },
    );
  }
  const body = request.json === undefined ? request.body : JSON.stringify(request.json);
  if (request.json !== undefined) headers["content-type"] = "application/json";
  signal.throwIfAborted();
  return {
    url: resolveUrl(options.baseUrl, request),
    init: {
      method: request.method,
      headers,
      signal,
      atMostOnce: !isRepeatable(request),
      ...defined({ body }),
    },
  };
}

function canBeSent(headers: Record<string, string>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}

function resolveUrl(base: URL, request: UpstreamRequest): URL {
  if (request.address !== undefined) return request.address;
  const url = new URL(base);
  url.username = "";
  url.password = "";
  url.hash = "";
  url.search = "";
  url.pathname = `${base.pathname.replace(/\/+$/, "")}${request.path?.text ?? ""}`;
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
  return url;
}

/** Whether a request may arrive more than once. */
export function isRepeatable({ repeatable, method }: UpstreamRequest): boolean {
  return repeatable ?? method === "GET";
}
