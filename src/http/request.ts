import type { Failure } from "../core/failure.ts";
import type { SafePath } from "./path.ts";
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
  readonly retry: RetryPolicy;
  /**
   * Reads the back end's own error body; undefined leaves it to the status. A 503 is taken for the
   * back end's refusal, and a write is repeated after it, only where this says `effect: "none"`:
   * gateways send it, too, after they have passed a request on.
   */
  readonly readError?: (
    status: number,
    body: string,
    headers: Headers,
  ) => Failure | undefined;
  /** Hides secrets in what a failing reply says, before it is cut to a length that can be shown. */
  readonly redact?: (text: string) => string;
  /** Told of every attempt, for the log. */
  readonly onAttempt?: (attempt: Attempt) => void;
}

/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Retries after the first attempt. */
  readonly maxRetries: number;
  /** Milliseconds before the first retry; doubles each time. */
  readonly backoffMs: number;
  /** Up to so many random milliseconds are added. */
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
