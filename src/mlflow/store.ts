import type { Failure } from "../core/failure.ts";
import type { Json } from "../core/json.ts";
import type { Filter } from "./filter/clause.ts";
import type { OrderTerm } from "./filter/order.ts";

/** Which traces are wanted. */
export interface TraceQuery {
  /** Experiments to search; at least one. */
  readonly experimentIds: readonly string[];
  /** The parsed filter; absent for all traces. */
  readonly filter?: Filter | undefined;
  /** Sort keys, most important first; newest first when empty. */
  readonly orderBy: readonly OrderTerm[];
  /** Most traces to return, at least 1. */
  readonly limit: number;
  /** Where to continue, from an earlier page. */
  readonly pageToken?: string | undefined;
  /** Called after each page with the number of traces so far. */
  readonly onPage?: (count: number) => void;
}

/** Some of the traces that a query matches. */
export interface TracePage {
  /** Trace infos as the server sends them. */
  readonly infos: readonly Json[];
  /** What to report about them: a page that failed, traces that came twice. */
  readonly notes?: readonly string[];
  /** The token for what follows; undefined at the end. */
  readonly nextPageToken: string | undefined;
  /** The token for what follows the first `kept` traces of this page, if there can be one. */
  readonly tokenAfter: (kept: number) => string | undefined;
}

/** An experiment. */
export interface Experiment {
  /** Its id. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
}

/** A trace whose spans could not be read. */
export interface UnreadSpans {
  /** Its index among those that were requested. */
  readonly trace: number;
  /** Why not. */
  readonly failure: Failure;
}

/** Receives one span of a trace; `"enough"` ends the reading. */
export type VisitSpan = (span: Json, index: number) => "enough" | undefined | void;

/** Reads traces, wherever they are kept. One instance serves one tool call. */
export interface TraceReader {
  /** Where the traces are, for messages. */
  readonly place: string;
  /** The release that holds them, such as `3.18.0`; undefined if it does not say. */
  version(): Promise<string | undefined>;
  /** Traces in order, up to the limit. */
  search(query: TraceQuery): Promise<TracePage>;
  /** How many traces a query matches, if that is cheap to find out. */
  count(query: Pick<TraceQuery, "experimentIds" | "filter">): Promise<number | undefined>;
  /**
   * One trace's info, as the server sends it.
   *
   * @throws `not_found` when there is none.
   */
  info(traceId: string): Promise<Json>;
  /**
   * One trace's spans, given to `visit` one by one as they arrive, until it has `"enough"`; a store
   * may leave the members `without` out.
   *
   * @throws `not_found` when there is no such trace.
   */
  spans(
    traceId: string,
    visit: VisitSpan,
    without?: ReadonlySet<string>,
  ): Promise<void>;
  /**
   * The spans of several traces, whose infos are known. A trace whose spans cannot be read does not
   * fail the others: it is returned with the reason.
   */
  spansOfMany(
    infos: readonly Json[],
    visit: (trace: number, span: Json, index: number) => void,
    onTrace?: (count: number) => void,
    without?: ReadonlySet<string>,
  ): Promise<readonly UnreadSpans[]>;
  /** One assessment, as the server sends it. */
  assessment(traceId: string, assessmentId: string): Promise<Json>;
  /** An experiment by its id, undefined when there is none. */
  experimentById(id: string): Promise<Experiment | undefined>;
  /** An experiment by its name, undefined when there is none. */
  experimentByName(name: string): Promise<Experiment | undefined>;
  /** Some experiments, the latest first. */
  experiments(limit: number): Promise<readonly Experiment[]>;
  /** The experiment of a run, undefined when there is no such run. */
  experimentOfRun(runId: string): Promise<string | undefined>;
}

/** Which traces to delete: some by id, at most 100, or all up to a time. */
export type Deletion =
  | { readonly experimentId: string; readonly traceIds: readonly string[] }
  | {
    readonly experimentId: string;
    /** Milliseconds since 1970; traces of this time and before. */
    readonly maxTimestampMillis: number;
    /** Delete no more than this many. */
    readonly maxTraces?: number | undefined;
  };

/** Changes traces. Every change is sent at most once: see `http/write.ts` for what follows. */
export interface TraceWriter extends TraceReader {
  /** The same store with its own deadline, for a check after the call's time is up. */
  withOwnDeadline(): TraceReader;
  /** Refuses what this store cannot delete; absent if it can delete everything. */
  checkDeletion?(experimentId: string, traceIds: readonly string[]): void;
  /** Deletes traces and returns how many there were. */
  deleteTraces(deletion: Deletion): Promise<number>;
  /** Sets a tag. */
  setTag(traceId: string, key: string, value: string): Promise<void>;
  /** Removes a tag. */
  deleteTag(traceId: string, key: string): Promise<void>;
  /** Adds an assessment and returns it as stored. */
  createAssessment(traceId: string, assessment: Readonly<Record<string, Json>>): Promise<Json>;
  /** Changes the named parts of an assessment and returns it as stored. */
  updateAssessment(
    traceId: string,
    assessmentId: string,
    changes: Readonly<Record<string, Json>>,
    mask: readonly string[],
  ): Promise<Json>;
  /** Removes an assessment. */
  deleteAssessment(traceId: string, assessmentId: string): Promise<void>;
}
