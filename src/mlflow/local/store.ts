import { Failure, isFailure } from "../../core/failure.ts";
import { isJsonObject, type Json, JsonError, parseJson } from "../../core/json.ts";
import { explainDamagedSpan } from "../shape/span.ts";
import type {
  Experiment,
  TracePage,
  TraceQuery,
  TraceReader,
  UnreadSpans,
  VisitSpan,
} from "../store.ts";
import { readOffset, writeOffset } from "../query.ts";
import { StorePool } from "./pool.ts";
import { type Part, type Request, unpackError } from "./protocol.ts";
import type { LocalStore } from "../../config/local_store.ts";
import type { Settings } from "../../config/settings.ts";

/** Longest wait for a count, in milliseconds; a search can do without one. */
const COUNT_LIMIT = 1_000;

/** How a local store is read. */
interface LocalStoreOptions {
  /** Milliseconds that one call may take. */
  readonly timeoutMs: number;
  /** The workspace in which experiments are found by name. */
  readonly workspace: string;
}

/** A local SQLite store, for the duration of one tool call. */
export class LocalTraceStore implements TraceReader {
  readonly place: string;
  readonly #deadline: number;

  /** Starts the call's clock; `pool` is shared by all calls. */
  constructor(
    private readonly pool: StorePool,
    private readonly options: LocalStoreOptions,
    private readonly signal: AbortSignal,
  ) {
    this.place = pool.files.path;
    this.#deadline = Date.now() + options.timeoutMs;
  }

  /** A store records the revision of its schema, not MLflow's release. */
  version(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async search({ onPage, pageToken, limit, ...query }: TraceQuery): Promise<TracePage> {
    const offset = pageToken === undefined ? 0 : readToken(pageToken);
    const { experimentIds, filter, orderBy } = query;
    const search = { experimentIds, filter: dropNotes(filter), orderBy };
    const infos: Json[] = [];
    let hasMore = false;
    for await (const part of this.#read({ kind: "search", search, limit, offset })) {
      hasMore = part.kind === "infos" && part.hasMore === true;
      infos.push(...takeInfos(part));
      onPage?.(infos.length);
    }
    const next = hasMore ? writeOffset(offset + limit) : undefined;
    return {
      infos,
      nextPageToken: next,
      tokenAfter: (kept) => kept >= infos.length ? next : writeOffset(offset + kept),
    };
  }

  async count(
    { experimentIds, filter }: Pick<TraceQuery, "experimentIds" | "filter">,
  ): Promise<number | undefined> {
    const deadline = Math.min(this.#deadline, Date.now() + COUNT_LIMIT);
    const search = { experimentIds, filter: dropNotes(filter) };
    try {
      const part = await this.#one({ kind: "count", search }, deadline);
      return part.kind === "number" ? part.number : undefined;
    } catch (error) {
      if (isFailure(error, "timeout")) return undefined;
      throw error;
    }
  }

  async info(traceId: string): Promise<Json> {
    const [info] = takeInfos(await this.#one({ kind: "info", traceId }));
    return info ?? null;
  }

  async spans(traceId: string, visit: VisitSpan): Promise<void> {
    const [unread] = await this.#spans([traceId], (_, span, index) => visit(span, index));
    if (unread !== undefined) throw unread.failure;
  }

  async spansOfMany(
    infos: readonly Json[],
    visit: (trace: number, span: Json, index: number) => void,
    onTrace?: (count: number) => void,
  ): Promise<readonly UnreadSpans[]> {
    const ids = infos.map((info) => isJsonObject(info) ? String(info["trace_id"]) : "");
    const unread = await this.#spans(ids, visit, onTrace);
    // A trace deleted since it was found has no spans.
    return unread.filter(({ failure }) => failure.upstreamCode === undefined);
  }

  async #spans(
    traceIds: readonly string[],
    visit: (trace: number, span: Json, index: number) => ReturnType<VisitSpan>,
    onTrace: (count: number) => void = () => {},
  ): Promise<readonly UnreadSpans[]> {
    const unread = new Map<number, UnreadSpans>();
    const note = (trace: number, failure: Failure) => {
      if (!unread.has(trace)) unread.set(trace, { trace, failure });
    };
    let current = 0;
    let index = 0;
    try {
      for await (const part of this.#read({ kind: "spans", traceIds })) {
        if (part.kind !== "spans" && part.kind !== "unreadable") continue;
        const { trace } = part;
        if (trace !== current) {
          onTrace(trace);
          [current, index] = [trace, 0];
        }
        if (part.kind === "unreadable") {
          const error = unpackError(part.error);
          if (!isFailure(error)) throw error;
          note(trace, error);
          continue;
        }
        for (const text of part.texts) {
          try {
            if (visit(trace, readSpan(text), index++) === "enough") return [];
          } catch (error) {
            if (!isFailure(error, "upstream_error")) throw error;
            note(trace, error);
          }
        }
      }
    } catch (error) {
      if (!isFailure(error, "timeout")) throw error;
      // Traces come in order: none from here on was read completely.
      for (let trace = current; trace < traceIds.length; trace++) note(trace, error);
    }
    onTrace(traceIds.length);
    return [...unread.values()];
  }

  async assessment(traceId: string, assessmentId: string): Promise<Json> {
    const part = await this.#one({ kind: "assessment", traceId, assessmentId });
    return takeInfos(part)[0] ?? null;
  }

  async experimentById(id: string): Promise<Experiment | undefined> {
    return (await this.#experiments({ id, limit: 1 }))[0];
  }

  async experimentByName(name: string): Promise<Experiment | undefined> {
    return (await this.#experiments({ name, limit: 1 }))[0];
  }

  experiments(limit: number): Promise<readonly Experiment[]> {
    return this.#experiments({ limit });
  }

  async experimentOfRun(runId: string): Promise<string | undefined> {
    return takeExperiments(await this.#one({ kind: "run", runId }))[0]?.id;
  }

  async #experiments(
    wanted: { readonly id?: string; readonly name?: string; readonly limit: number },
  ): Promise<readonly Experiment[]> {
    const { workspace } = this.options;
    return takeExperiments(await this.#one({ kind: "experiments", workspace, ...wanted }));
  }

  async #one(request: Request, deadline: number = this.#deadline): Promise<Part> {
    for await (const part of this.#read(request, deadline)) return part;
    throw new Error(`No answer to ${request.kind}.`);
  }

  #read(request: Request, deadline: number = this.#deadline): AsyncGenerator<Part> {
    return this.pool.read(request, { signal: this.signal, deadline });
  }
}

/** Drops the notes, which a worker does not need. */
function dropNotes(filter: TraceQuery["filter"]): TraceQuery["filter"] {
  return filter === undefined ? undefined : { clauses: filter.clauses, notes: [] };
}

function takeInfos(part: Part): readonly Json[] {
  return part.kind === "infos" ? part.infos : [];
}

function takeExperiments(part: Part): readonly Experiment[] {
  return part.kind === "experiments" ? part.experiments : [];
}

function readSpan(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw explainDamagedSpan(error.message, error);
  }
}

function readToken(token: string): number {
  const offset = readOffset(token);
  if (offset !== undefined) return offset;
  throw new Failure("invalid_arguments", "`page_token` is not a token from this store.", {
    hint: "Pass the next_page_token of an earlier result unchanged, or omit it to start again.",
  });
}

/** Opens a local store for one call after another. */
export function configureStore(
  files: LocalStore,
  settings: Settings,
): (signal: AbortSignal) => LocalTraceStore {
  const pool = new StorePool(files);
  const options = {
    timeoutMs: settings.requestTimeout * 1000,
    workspace: settings.workspace ?? "default",
  };
  return (signal) => new LocalTraceStore(pool, options, signal);
}
