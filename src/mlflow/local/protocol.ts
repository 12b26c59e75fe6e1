/**
 * What is said between the server and the worker that reads the store.
 *
 * @module
 */
import { UpstreamError } from "../../http/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Experiment } from "../store.ts";
import type { Search } from "./search.ts";

/** Which files a worker reads. */
export interface StoreFiles {
  /** The SQLite file. */
  readonly path: string;
  /** Folders with spans that are kept as files. */
  readonly artifacts: readonly string[];
}

/** One thing to read. */
export type Request =
  | { readonly kind: "search"; readonly search: Search; readonly limit: number; offset: number }
  | { readonly kind: "count"; readonly search: Omit<Search, "orderBy"> }
  | { readonly kind: "info"; readonly traceId: string }
  | { readonly kind: "spans"; readonly traceId: string }
  /** Of traces that are known to keep them in the database. */
  | { readonly kind: "storedSpans"; readonly traceIds: readonly string[] }
  | { readonly kind: "assessment"; readonly traceId: string; readonly assessmentId: string }
  | {
    readonly kind: "experiments";
    readonly id?: string;
    readonly name?: string;
    readonly workspace: string;
    readonly limit: number;
  }
  | { readonly kind: "run"; readonly runId: string };

/** A part of an answer. */
export type Part =
  | { readonly kind: "infos"; readonly infos: readonly JsonObject[] }
  | { readonly kind: "number"; readonly number: number }
  /** JSON texts of whole spans of the trace with this number in the request. */
  | { readonly kind: "spans"; readonly trace: number; readonly texts: readonly string[] }
  /** A piece of a file with spans. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "experiments"; readonly experiments: readonly Experiment[] };

/** From the server to the worker. */
export type ToWorker =
  | {
    readonly say: "read";
    readonly files: StoreFiles;
    readonly request: Request;
    /** The first element is set to 1 to cancel. */
    readonly cancelled: Int32Array;
    /** Milliseconds since 1970. */
    readonly deadline: number;
  }
  | { readonly say: "more" }
  | { readonly say: "stop" };

/** From the worker to the server. */
export type FromWorker =
  | { readonly say: "part"; readonly part: Part }
  | { readonly say: "done" }
  | { readonly say: "failed"; readonly failure: Failure };

/** An error as plain data. */
export interface Failure {
  /** See {@link UpstreamError}; undefined for an error that is not foreseen. */
  readonly report: UpstreamError["report"] | undefined;
  /** The back end's own code. */
  readonly code: string | undefined;
  /** The text of an error that is not foreseen. */
  readonly text: string;
}

/** An error for the way. */
export function packFailure(error: unknown): Failure {
  if (error instanceof UpstreamError) {
    return { report: error.report, code: error.code, text: error.message };
  }
  return { report: undefined, code: undefined, text: String(error) };
}

/** The error that was packed. */
export function unpackFailure({ report, code, text }: Failure): Error {
  if (report === undefined) return new Error(`Reading the MLflow store failed: ${text}`);
  const { error, message, hint, retryable } = report;
  return new UpstreamError(error, message, { hint, retryable, code });
}
