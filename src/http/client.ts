import { Failure } from "../core/failure.ts";
import { arrayItems, isHtml, jsonLines, readBytes, readText } from "./body.ts";
import { exchange } from "./transport.ts";
import { attemptFailure, doubtWrite, replyFailure, retryAfterSeconds } from "./failure.ts";
import { type Json, JsonError, parseJson } from "../core/json.ts";
import type { ArrayPlace } from "./array_scanner.ts";
import {
  isRepeatable,
  prepare,
  type RetryPolicy,
  type UpstreamOptions,
  type UpstreamRequest,
} from "./request.ts";
import { pause } from "../core/async.ts";

/** The requests of one tool call: one deadline, one cancellation. */
export interface UpstreamSession {
  /** Sends a request; the reply has a 2xx status and an unread body. */
  send(request: UpstreamRequest): Promise<Response>;
  /** Sends a request and reads the reply as JSON, digits of large integers kept. */
  json(request: UpstreamRequest): Promise<unknown>;
  /** Sends a request and reads the reply as text. */
  text(request: UpstreamRequest): Promise<string>;
  /** Sends a request and reads the reply as bytes. */
  bytes(request: UpstreamRequest): Promise<Uint8Array>;
  /**
   * Sends a request and yields the items of an array in its reply as they arrive. Resolves with the
   * first, so that earlier failures are retried as for other reads. Must be read or closed.
   */
  items(request: UpstreamRequest, array: ArrayPlace): Promise<AsyncGenerator<Json>>;
  /** Sends a request and yields the values of its JSON lines, as {@link UpstreamSession.items}. */
  lines(request: UpstreamRequest): Promise<AsyncGenerator<Json>>;
  /** Aborts when the call has ended. */
  readonly signal: AbortSignal;
}

/** Opens the requests of one tool call. */
export function openSession(options: UpstreamOptions, signal: AbortSignal): UpstreamSession {
  const bound = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]);
  const deadline = performance.now() + options.timeoutMs;
  const run = <T>(request: UpstreamRequest, read: (response: Response) => Promise<T>) =>
    withRetries(options, request, { signal: bound, deadline }, read);
  const stream = <T>(request: UpstreamRequest, read: (response: Response) => AsyncGenerator<T>) =>
    run(
      request,
      (response) => begin(read(response), (error) => attemptFailure(options, error, bound)),
    );
  return {
    signal: bound,
    send: (request) => run(request, (response) => Promise.resolve(response)),
    text: (request) => run(request, (response) => readText(response, options.service)),
    bytes: (request) => run(request, (response) => readBytes(response, options.service)),
    json: (request) => run(request, (response) => readJson(response, options)),
    items: (request, array) => stream(request, (response) => arrayItems(response, array, options)),
    lines: (request) => stream(request, (response) => jsonLines(response, options)),
  };
}

/** Reads the first value of a stream; what goes wrong later is reported as for other reads. */
async function begin<T>(
  values: AsyncGenerator<T>,
  explain: (error: unknown) => Failure,
): Promise<AsyncGenerator<T>> {
  const first = await values.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* values;
    } catch (error) {
      throw explain(error);
    } finally {
      await values.return(undefined);
    }
  })();
}

async function withRetries<T>(
  options: UpstreamOptions,
  request: UpstreamRequest,
  { signal, deadline }: { readonly signal: AbortSignal; readonly deadline: number },
  read: (response: Response) => Promise<T>,
): Promise<T> {
  for (let attempt = 0;; attempt++) {
    let wait: number | undefined;
    let sent = false;
    try {
      const prepared = await prepare(options, request, signal);
      sent = true;
      const response = await exchange(options, prepared);
      if (response.ok) return await read(response);
      const { headers, status } = response;
      wait = retryAfterSeconds(
        headers.get("retry-after") ?? (status === 429 ? headers.get("ratelimit-reset") : null),
      );
      throw await replyFailure(options, response, wait);
    } catch (error) {
      const reason = attemptFailure(options, error, signal);
      const failure = sent && !isRepeatable(request) ? doubtWrite(reason) : reason;
      const harmless = isRepeatable(request) || failure.status === 429 ||
        (failure.status === 503 && failure.effect === "none");
      const milliseconds = backoff(options.retry, attempt, wait);
      if (
        !failure.retryable || !harmless || attempt >= options.retry.maxRetries ||
        signal.aborted || performance.now() + milliseconds >= deadline
      ) throw failure;
      await pause(milliseconds, signal).catch((reason) => {
        throw attemptFailure(options, reason, signal);
      });
    }
  }
}

/** Longest single wait, in milliseconds. */
const MAX_WAIT = 60_000;

/** Milliseconds to wait before retry number `attempt` (from 0). */
function backoff(
  policy: RetryPolicy,
  attempt: number,
  retryAfterSeconds: number | undefined,
): number {
  const own = policy.backoffMs * 2 ** attempt + Math.random() * policy.jitterMs;
  const asked = policy.respectRetryAfter && retryAfterSeconds !== undefined
    ? retryAfterSeconds * 1000
    : 0;
  return asked > own ? asked : Math.min(own, MAX_WAIT);
}

async function readJson(response: Response, options: UpstreamOptions): Promise<unknown> {
  return parseReply(await readText(response, options.service), options, response.status);
}

/**
 * A reply's text as JSON.
 *
 * @throws {Failure} that says what came instead, or that it is too much.
 */
export function parseReply(
  text: string,
  { service, setting }: Pick<UpstreamOptions, "service" | "setting">,
  status: number,
): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError && error.kind !== "syntax") {
      throw new Failure("upstream_error", `${service}'s reply: ${error.message}.`, {
        hint: error.hint,
        status,
        cause: error,
      });
    }
    const what = isHtml(text) ? "a web page" : text.trim() === "" ? "nothing" : "no valid JSON";
    throw new Failure(
      "upstream_error",
      `${service} answered with ${what} where JSON was expected.`,
      {
        hint:
          `Check that ${setting} is the address of a ${service} server and that no login page ` +
          "or proxy is in between.",
        status,
        cause: error,
      },
    );
  }
}
