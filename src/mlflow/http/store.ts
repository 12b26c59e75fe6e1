import * as z from "zod";
import { defined } from "../../core/values.ts";
import { Failure, isFailure } from "../../core/failure.ts";
import { openSession, type UpstreamSession } from "../../http/client.ts";
import type { Json } from "../../core/json.ts";
import { path, type SafePath, type UpstreamOptions } from "../../http/request.ts";
import type {
  Deletion,
  Experiment,
  TracePage,
  TraceQuery,
  TraceWriter,
  UnreadSpans,
  VisitSpan,
} from "../store.ts";
import { guessTraceId, writeTraceIdHint } from "../trace.ts";
import type { ObjectReader } from "../objects.ts";
import { countTraces, searchTraces } from "./search.ts";
import {
  AnyJson,
  learnSpanLocation,
  type RouteMemory,
  type SpanSource,
  streamSpans,
  streamSpansOfMany,
} from "./spans.ts";

/** Longest check after a write whose reply was lost, in milliseconds. */
const CHECK_TIME = 20_000;

/** `GET traces/{id}`. */
const InfoReply = z.looseObject({
  trace: z.looseObject({ trace_info: AnyJson }),
});

/** `POST traces/delete-traces`. */
const DeleteReply = z.looseObject({ traces_deleted: z.coerce.number().optional() });

/** One assessment, created, read or changed. */
const AssessmentReply = z.looseObject({ assessment: AnyJson });

const ExperimentBody = z.looseObject({ experiment_id: z.coerce.string(), name: z.string() });

/** `GET experiments/get` and `get-by-name`. */
const ExperimentReply = z.looseObject({ experiment: ExperimentBody });

/** `POST experiments/search`. */
const ExperimentsReply = z.looseObject({ experiments: z.array(ExperimentBody).optional() });

/** `GET runs/get`. */
const RunReply = z.looseObject({
  run: z.looseObject({ info: z.looseObject({ experiment_id: z.coerce.string() }) }),
});

/** What one process remembers of a server between calls: its release and its routes. */
export interface ServerMemory {
  version?: Promise<string | undefined>;
  readonly routes: RouteMemory;
}

/** Nothing is known yet: the newest routes are tried first. */
export function newServerMemory(): ServerMemory {
  return { routes: { flatSpans: true, spansInFiles: false } };
}

/** A tracking server over HTTP, for the duration of one tool call. */
export class HttpTraceStore implements TraceWriter {
  readonly place: string;
  /** The requests of this call. */
  protected readonly session: UpstreamSession;
  /** Infos that this call has requested. */
  readonly #infos = new Map<string, Promise<Json>>();

  constructor(
    protected readonly options: UpstreamOptions,
    protected readonly memory: ServerMemory,
    protected readonly signal: AbortSignal,
    private readonly objects?: ObjectReader,
  ) {
    const { origin, pathname } = options.baseUrl;
    // Without user name, password and query, which may hold secrets.
    this.place = origin + pathname.replace(/\/+$/, "");
    this.session = openSession(options, signal);
  }

  withOwnDeadline(): HttpTraceStore {
    return new HttpTraceStore(
      limitCheck(this.options),
      this.memory,
      this.signal,
      this.objects,
    );
  }

  version(): Promise<string | undefined> {
    return this.memory.version ??= this.session.text({ method: "GET", path: path`/version` })
      .then((text) => /^\d+\.\d+(\.\d+)?\S*$/.exec(text.trim())?.[0])
      .catch((error) => {
        delete this.memory.version;
        if (isFailure(error, "not_found")) return undefined;
        throw error;
      });
  }

  async search(query: TraceQuery): Promise<TracePage> {
    const page = await searchTraces(this.session, query);
    learnSpanLocation(this.memory.routes, page.infos[0]);
    return page;
  }

  count(query: Pick<TraceQuery, "experimentIds" | "filter">): Promise<number | undefined> {
    return countTraces(this.session, query);
  }

  info(traceId: string): Promise<Json> {
    const asked = this.#info(traceId);
    this.#infos.set(traceId, asked);
    return asked;
  }

  async #info(traceId: string): Promise<Json> {
    const reply = await this.#suggestTrace(
      traceId,
      this.#get(path`/api/3.0/mlflow/traces/${traceId}`),
    );
    const info = InfoReply.parse(reply).trace.trace_info;
    learnSpanLocation(this.memory.routes, info);
    return info;
  }

  spans(
    traceId: string,
    visit: VisitSpan,
    without?: ReadonlySet<string>,
  ): Promise<void> {
    const info = () => this.#infos.get(traceId) ?? this.info(traceId);
    return streamSpans(this.#source(), traceId, info, visit, without);
  }

  spansOfMany(
    infos: readonly Json[],
    visit: (trace: number, span: Json, index: number) => void,
    onTrace?: (count: number) => void,
    without?: ReadonlySet<string>,
  ): Promise<readonly UnreadSpans[]> {
    return streamSpansOfMany(this.#source(), infos, visit, onTrace, without);
  }

  #source(): SpanSource {
    return { session: this.session, memory: this.memory.routes, objects: this.objects };
  }

  async assessment(traceId: string, assessmentId: string): Promise<Json> {
    const reply = await this.#get(routeToAssessment(traceId, assessmentId));
    return AssessmentReply.parse(reply).assessment;
  }

  async experimentById(id: string): Promise<Experiment | undefined> {
    if (!/^\d+$/.test(id)) return undefined;
    return await this.#experiment(path`/api/2.0/mlflow/experiments/get`, ["experiment_id", id]);
  }

  async experimentByName(name: string): Promise<Experiment | undefined> {
    const route = path`/api/2.0/mlflow/experiments/get-by-name`;
    return await this.#experiment(route, ["experiment_name", name]);
  }

  async experiments(limit: number): Promise<readonly Experiment[]> {
    const reply = await this.session.json({
      method: "POST",
      path: path`/api/2.0/mlflow/experiments/search`,
      json: { max_results: limit, order_by: ["last_update_time DESC"] },
      repeatable: true,
    });
    const { experiments = [] } = ExperimentsReply.parse(reply);
    return experiments.map(({ experiment_id, name }) => ({ id: experiment_id, name }));
  }

  async experimentOfRun(runId: string): Promise<string | undefined> {
    const route = path`/api/2.0/mlflow/runs/get`;
    const reply = await readOrUndefined(this.#get(route, [["run_id", runId]]));
    return reply === undefined ? undefined : RunReply.parse(reply).run.info.experiment_id;
  }

  async deleteTraces(deletion: Deletion): Promise<number> {
    const which = "maxTimestampMillis" in deletion
      ? defined({
        max_timestamp_millis: deletion.maxTimestampMillis,
        max_traces: deletion.maxTraces,
      })
      : { request_ids: deletion.traceIds };
    const reply = await this.#send("POST", path`/api/2.0/mlflow/traces/delete-traces`, {
      experiment_id: deletion.experimentId,
      ...which,
    });
    return DeleteReply.parse(reply).traces_deleted ?? 0;
  }

  async setTag(traceId: string, key: string, value: string): Promise<void> {
    const route = path`/api/2.0/mlflow/traces/${traceId}/tags`;
    await this.#suggestTrace(traceId, this.#send("PATCH", route, { key, value }));
  }

  async deleteTag(traceId: string, key: string): Promise<void> {
    await this.#send("DELETE", path`/api/2.0/mlflow/traces/${traceId}/tags`, { key });
  }

  async createAssessment(
    traceId: string,
    assessment: Readonly<Record<string, Json>>,
  ): Promise<Json> {
    const request = this.#send("POST", path`/api/3.0/mlflow/traces/${traceId}/assessments`, {
      assessment: { ...assessment, trace_id: traceId },
    });
    const reply = await this.#suggestTrace(traceId, request);
    return AssessmentReply.parse(reply).assessment;
  }

  async updateAssessment(
    traceId: string,
    assessmentId: string,
    changes: Readonly<Record<string, Json>>,
    mask: readonly string[],
  ): Promise<Json> {
    const reply = await this.#send("PATCH", routeToAssessment(traceId, assessmentId), {
      assessment: { ...changes, trace_id: traceId, assessment_id: assessmentId },
      update_mask: mask.join(","),
    });
    return AssessmentReply.parse(reply).assessment;
  }

  async deleteAssessment(traceId: string, assessmentId: string): Promise<void> {
    await this.#send("DELETE", routeToAssessment(traceId, assessmentId));
  }

  /** Waits for a reply about a trace; if there is no such trace, the failure suggests one. */
  async #suggestTrace(traceId: string, reply: Promise<unknown>): Promise<unknown> {
    try {
      return await reply;
    } catch (error) {
      if (!isFailure(error, "not_found") || error.hint !== undefined) throw error;
      const { code, message, status, upstreamCode } = error;
      if (upstreamCode === undefined) throw error;
      const likely = guessTraceId(traceId);
      const there = likely !== undefined &&
        await this.#get(path`/api/3.0/mlflow/traces/${likely}`).then(() => true, () => false);
      throw new Failure(code, message, {
        hint: writeTraceIdHint(there ? likely : undefined),
        cause: error,
        ...defined({ status, upstreamCode }),
      });
    }
  }

  async #experiment(route: SafePath, query: [string, string]): Promise<Experiment | undefined> {
    const reply = await readOrUndefined(this.#get(route, [query]));
    if (reply === undefined) return undefined;
    const { experiment } = ExperimentReply.parse(reply);
    return { id: experiment.experiment_id, name: experiment.name };
  }

  #send(method: "POST" | "PATCH" | "DELETE", route: SafePath, json?: object): Promise<unknown> {
    return this.session.json({ method, path: route, ...defined({ json }) });
  }

  #get(route: SafePath, query: readonly [string, string][] = []): Promise<unknown> {
    return this.session.json({ method: "GET", path: route, query });
  }
}

/** Limits the check after a write. */
export function limitCheck(options: UpstreamOptions): UpstreamOptions {
  return { ...options, timeoutMs: Math.min(options.timeoutMs, CHECK_TIME) };
}

/** The reply, or undefined if the server says that there is no such thing. */
async function readOrUndefined(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof Failure && error.upstreamCode === "RESOURCE_DOES_NOT_EXIST") {
      return undefined;
    }
    throw error;
  }
}

function routeToAssessment(traceId: string, assessmentId: string): SafePath {
  return path`/api/3.0/mlflow/traces/${traceId}/assessments/${assessmentId}`;
}
