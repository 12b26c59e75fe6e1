/**
 * The messages between the server and the worker that reads the store.
 *
 * @module
 */
import { Failure, type FailureCode, type FailureDetails, isFailure } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Experiment } from "../store.ts";
import type { Search } from "./search.ts";

/** Which files a worker reads. */
export interface StoreFiles {
  readonly path: string;
  /** Folders with spans that are kept as files. */
  readonly artifacts: readonly string[];
}

/** One thing to read. */
export type Request =
  | { readonly kind: "search"; readonly search: Search; readonly limit: number; offset: number }
  | { readonly kind: "count"; readonly search: Omit<Search, "orderBy"> }
  | { readonly kind: "info"; readonly traceId: string }
  | { readonly kind: "spans"; readonly traceIds: readonly string[] }
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
  | { readonly kind: "infos"; readonly infos: readonly JsonObject[]; readonly hasMore?: boolean }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "spans"; readonly trace: number; readonly texts: readonly string[] }
  /** This trace's spans cannot be read, or none beyond those already sent. */
  | { readonly kind: "unreadable"; readonly trace: number; readonly error: PackedError }
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
  | { readonly say: "failed"; readonly error: PackedError };

/** An error as plain data: messages between threads lose classes. */
interface PackedError {
  /** Undefined for an error that is not a failure. */
  readonly code: FailureCode | undefined;
  readonly message: string;
  readonly details: FailureDetails;
}

/** Packs an error for sending. */
export function packError(error: unknown): PackedError {
  if (!isFailure(error)) return { code: undefined, message: String(error), details: {} };
  const { code, message, hint, retryable, upstreamCode } = error;
  return { code, message, details: { hint, retryable, upstreamCode } };
}

/** Restores an error that was packed. */
export function unpackError({ code, message, details }: PackedError): Error {
  if (code === undefined) return new Error(`Reading the MLflow store failed: ${message}`);
  return new Failure(code, message, details);
}
