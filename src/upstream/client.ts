import { cleanDetail, isAbort, isHtml, readHead, readText } from "./body.ts";
import { failureOfStatus, UpstreamError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { networkFailure, permissionFailure } from "./network.ts";
import type { SafePath } from "./path.ts";
import { followRedirect } from "./redirect.ts";
import { backoff, pause, retryAfterSeconds, type RetryPolicy } from "./retry.ts";
import { withoutSent } from "./sent.ts";
import type { Transport } from "./transport.ts";

/** A back end: where it is, how to speak to it, how patient to be. */
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
  /** How often to repeat. */
  readonly retry: RetryPolicy;
  /** Reads the back end's own error body; undefined leaves it to the status. */
  readonly readError?: (
    status: number,
    body: string,
    headers: Headers,
  ) => UpstreamError | undefined;
  /** Told of every attempt, for the log. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/** One attempt, for the log; carries no headers and no body. */
export interface Attempt {
  /** HTTP method. */
  readonly method: string;
  /** Path without query. */
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
  /** Where, below the base URL. */
  readonly path: SafePath;
  /** Query parameters, in order. */
  readonly query?: readonly (readonly [string, string])[];
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, instead of `json`. */
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Safe to repeat; GET is, unless said otherwise. */
  readonly repeatable?: boolean;
}

/** The requests of one tool call: one deadline, one cancellation. */
export interface UpstreamSession {
  /** Sends a request; the reply has a 2xx status and an unread body. */
  send(request: UpstreamRequest): Promise<Response>;
  /** Sends a request and reads the reply as JSON, digits of large integers kept. */
  json(request: UpstreamRequest): Promise<unknown>;
  /** Sends a request and reads the reply as text. */
  text(request: UpstreamRequest): Promise<string>;
  /** Aborts when the call is over. */
  readonly signal: AbortSignal;
}

/** Opens the requests of one tool call. */
export function openSession(options: UpstreamOptions, signal: AbortSignal): UpstreamSession {
  const bound = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
  const deadline = performance.now() + options.timeoutMs;
  const run = <T>(request: UpstreamRequest, read: (response: Response) => Promise<T>) =>
    withRetries(options, request, { signal: bound, deadline }, read);
  return {
    signal: bound,
    send: (request) => run(request, (response) => Promise.resolve(response)),
    text: (request) => run(request, (response) => readText(response, options.service)),
    json: (request) => run(request, (response) => readJson(response, options)),
  };
}

async function withRetries<T>(
  options: UpstreamOptions,
  request: UpstreamRequest,
  { signal, deadline }: { readonly signal: AbortSignal; readonly deadline: number },
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const repeatable = request.repeatable ?? request.method === "GET";
  for (let attempt = 0;; attempt++) {
    let wait: number | undefined;
    try {
      const response = await exchange(options, request, signal);
      if (response.ok) return await read(response);
      const { headers, status } = response;
      wait = retryAfterSeconds(
        headers.get("retry-after") ?? (status === 429 ? headers.get("ratelimit-reset") : null),
      );
      throw await failureOf(options, response, wait);
    } catch (error) {
      const failure = describe(options, error, signal);
      // An unsafe request is repeated only where the server says that it did nothing.
      const harmless = repeatable || failure.status === 429 || failure.status === 503;
      const milliseconds = backoff(options.retry, attempt, wait);
      if (
        !failure.report.retryable || !harmless || attempt >= options.retry.maxRetries ||
        signal.aborted || performance.now() + milliseconds >= deadline
      ) throw failure;
      await pause(milliseconds, signal).catch((reason) => {
        throw describe(options, reason, signal);
      });
    }
  }
}

async function exchange(
  options: UpstreamOptions,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<Response> {
  const url = urlOf(options.baseUrl, request);
  const headers: Record<string, string> = {
    accept: "application/json",
    ...await options.headers(),
    ...request.headers,
  };
  if (!canBeSent(headers)) {
    throw new UpstreamError(
      "unauthorized",
      `The credentials for ${options.service} hold characters that a header cannot carry.`,
      { hint: "Check them for line breaks, quotation marks and other leftovers of copying." },
    );
  }
  const body = request.json === undefined ? request.body : JSON.stringify(request.json);
  if (request.json !== undefined) headers["content-type"] = "application/json";
  const started = performance.now();
  let status: number | undefined;
  try {
    const init = {
      method: request.method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    };
    const first = await options.transport(url, init);
    const response = await followRedirect(first, url, init, options);
    status = response.status;
    return response;
  } finally {
    options.onAttempt?.({
      method: request.method,
      path: url.pathname,
      status,
      milliseconds: Math.round(performance.now() - started),
    });
  }
}

function canBeSent(headers: Record<string, string>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}

function urlOf(base: URL, request: UpstreamRequest): URL {
  const url = new URL(base);
  url.username = "";
  url.password = "";
  url.hash = "";
  url.search = "";
  url.pathname = `${base.pathname.replace(/\/+$/, "")}${request.path.text}`;
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
  return url;
}

async function readJson(response: Response, options: UpstreamOptions): Promise<unknown> {
  const text = await readText(response, options.service);
  try {
    return parseJson(text);
  } catch (error) {
    const what = isHtml(text) ? "a web page" : text.trim() === "" ? "nothing" : "no valid JSON";
    throw new UpstreamError(
      "upstream_error",
      `${options.service} answered with ${what} where JSON was expected.`,
      {
        hint: `Check that ${options.setting} is the address of a ${options.service} server ` +
          "and that no login page or proxy is in between.",
        status: response.status,
        cause: error,
      },
    );
  }
}

async function failureOf(
  options: UpstreamOptions,
  response: Response,
  retryAfter: number | undefined,
): Promise<UpstreamError> {
  const { status } = response;
  const body = withoutSent(await readHead(response), await options.headers());
  const own = options.readError?.(status, body, response.headers);
  if (own !== undefined) return own;
  return failureOfStatus({
    service: options.service,
    setting: options.setting,
    status,
    html: isHtml(body),
    detail: body.trimStart().startsWith("{") ? "" : cleanDetail(body),
    retryAfter,
  });
}

function describe(options: UpstreamOptions, error: unknown, signal: AbortSignal): UpstreamError {
  // A body that ends because the time is up looks cut short.
  const interrupted = signal.aborted && error instanceof UpstreamError &&
    error.status === undefined && error.report.retryable;
  if (error instanceof UpstreamError && !interrupted) return error;
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (isAbort(reason) || signal.aborted) {
    const late = reason instanceof Error && reason.name === "TimeoutError";
    return late
      ? new UpstreamError(
        "timeout",
        `${options.service} did not answer within ${options.timeoutMs / 1000} s.`,
        { hint: "Ask for less, or allow more time in the configuration.", retryable: true },
      )
      : new UpstreamError("cancelled", "The call was cancelled.", { retryable: true });
  }
  return permissionFailure(options, error) ?? networkFailure(options, error);
}
