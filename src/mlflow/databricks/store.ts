import * as z from "zod";
import { Failure, isFailure } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import { toHttpUrl } from "../../core/values.ts";
import { openSession } from "../../http/client.ts";
import { path, type SafePath, type UpstreamOptions } from "../../http/request.ts";
import { readBatches, type TraceEntry } from "../http/batches.ts";
import { AnyJson } from "../http/spans.ts";
import { HttpTraceStore, limitCheck, newServerMemory, type ServerMemory } from "../http/store.ts";
import type { Experiment, TracePage, TraceQuery } from "../store.ts";
import type { UnreadSpans, VisitSpan } from "../store.ts";
import {
  type CatalogId,
  completeId,
  isCatalogLocation,
  printLocation,
  readCatalogId,
  type SearchMemory,
  searchWorkspace,
} from "./search.ts";

const InfoReply = z.looseObject({ trace: z.looseObject({ trace_info: AnyJson }) });
const BatchReply = z.looseObject({
  traces: z.array(z.looseObject({
    trace_info: z.looseObject({ trace_id: z.string() }),
    spans: z.array(AnyJson).nullish(),
  })).default([]),
});
const LinkReply = z.looseObject({
  credential_info: z.looseObject({
    signed_uri: z.string(),
    headers: z.array(z.looseObject({ name: z.string(), value: z.string() })).default([]),
  }),
});
const TraceRef = z.looseObject({ trace_id: z.string() });

/** Traces of Unity Catalog requested in one batch. */
const BATCH = 10;

interface SpanEntry extends TraceEntry {
  readonly traceId: string;
  /** Its location in Unity Catalog; undefined for an experiment's trace. */
  readonly location: string | undefined;
}

/** What one process remembers of a workspace between calls. */
export interface WorkspaceMemory extends ServerMemory {
  readonly search: SearchMemory;
}

export function newWorkspaceMemory(): WorkspaceMemory {
  return { ...newServerMemory(), search: { long: true } };
}

/**
 * MLflow on Databricks, for the duration of one tool call. Experiments work as on any tracking
 * server, but their traces' spans are behind links, and traces of Unity Catalog have other routes.
 */
export class DatabricksTraceStore extends HttpTraceStore {
  constructor(
    options: UpstreamOptions,
    /** The SQL warehouse that reads Unity Catalog. */
    private readonly warehouse: string | undefined,
    private readonly known: WorkspaceMemory,
    signal: AbortSignal,
  ) {
    super(options, known, signal);
  }

  override withOwnDeadline(): DatabricksTraceStore {
    const options = limitCheck(this.options);
    return new DatabricksTraceStore(options, this.warehouse, this.known, this.signal);
  }

  /** A workspace does not reveal its release. */
  override version(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A workspace does not count. */
  override count(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override search(query: TraceQuery): Promise<TracePage> {
    const { warehouse } = this;
    return searchWorkspace({ session: this.session, memory: this.known.search, warehouse }, query);
  }

  override async experimentById(id: string): Promise<Experiment | undefined> {
    return isCatalogLocation(id) ? { id, name: id } : await super.experimentById(id);
  }

  override async experimentByName(name: string): Promise<Experiment | undefined> {
    return isCatalogLocation(name) ? { id: name, name } : await super.experimentByName(name);
  }

  override async info(traceId: string): Promise<Json> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.info(traceId);
    const reply = await this.session.json({
      method: "GET",
      path: path`/api/4.0/mlflow/traces/${at.location}/${at.id}/info`,
      query: [["trace_id", at.id], ["location", at.location], ...this.#warehouse()],
    });
    return completeId(InfoReply.parse(reply).trace.trace_info, at.location);
  }

  override async spans(traceId: string, visit: VisitSpan): Promise<void> {
    const at = readCatalogId(traceId);
    if (at !== undefined) {
      const spans = (await this.#batch(at.location, [at.id])).get(at.id);
      if (spans === undefined) throw await this.#explainAbsence(traceId);
      spans.every((span, index) => visit(span, index) !== "enough");
      return;
    }
    let index = 0;
    for await (const span of await this.#openLink(traceId)) {
      if (visit(span, index++) === "enough") return;
    }
  }

  override async spansOfMany(
    infos: readonly Json[],
    visit: (trace: number, span: Json, index: number) => void,
    onTrace?: (count: number) => void,
  ): Promise<readonly UnreadSpans[]> {
    const alone: SpanEntry[] = [];
    const batches = new Map<string, SpanEntry[][]>();
    infos.forEach((info, index) => {
      const { trace_id: traceId } = TraceRef.parse(info);
      const { location, id } = readCatalogId(traceId) ?? { location: undefined, id: traceId };
      const entry = { index, id, traceId, location };
      if (location === undefined) return void alone.push(entry);
      const known = batches.get(location) ?? [];
      const last = known.at(-1);
      if (last === undefined || last.length === BATCH) batches.set(location, [...known, [entry]]);
      else last.push(entry);
    });
    return await readBatches<SpanEntry>(
      {
        batches: [...batches.values()].flat(),
        alone,
        fetchBatch: (batch) => this.#batch(batch[0]?.location ?? "", batch.map(({ id }) => id)),
        readAlone: ({ traceId }, visitSpan) => this.spans(traceId, visitSpan),
      },
      visit,
      onTrace,
    );
  }

  override async assessment(traceId: string, assessmentId: string): Promise<Json> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.assessment(traceId, assessmentId);
    return await this.#ofAssessments("GET", at, routeToAssessment(at, assessmentId));
  }

  override async createAssessment(
    traceId: string,
    assessment: Readonly<Record<string, Json>>,
  ): Promise<Json> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.createAssessment(traceId, assessment);
    const route = path`/api/4.0/mlflow/traces/${at.location}/${at.id}/assessments`;
    return await this.#ofAssessments("POST", at, route, assessment);
  }

  override async updateAssessment(
    traceId: string,
    assessmentId: string,
    changes: Readonly<Record<string, Json>>,
    mask: readonly string[],
  ): Promise<Json> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.updateAssessment(traceId, assessmentId, changes, mask);
    const body = { ...changes, assessment_id: assessmentId };
    const route = routeToAssessment(at, assessmentId);
    return await this.#ofAssessments("PATCH", at, route, body, [["update_mask", mask.join(",")]]);
  }

  override async deleteAssessment(traceId: string, assessmentId: string): Promise<void> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.deleteAssessment(traceId, assessmentId);
    await this.session.json({
      method: "DELETE",
      path: routeToAssessment(at, assessmentId),
      query: this.#warehouse(),
    });
  }

  override async setTag(traceId: string, key: string, value: string): Promise<void> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.setTag(traceId, key, value);
    const route = path`/api/4.0/mlflow/traces/${at.location}/${at.id}/tags`;
    await this.session.json({ method: "PATCH", path: route, json: { key, value } });
  }

  override async deleteTag(traceId: string, key: string): Promise<void> {
    const at = readCatalogId(traceId);
    if (at === undefined) return await super.deleteTag(traceId, key);
    const route = path`/api/4.0/mlflow/traces/${at.location}/${at.id}/tags/${key}`;
    await this.session.json({ method: "DELETE", path: route, query: this.#warehouse() });
  }

  checkDeletion(experimentId: string, traceIds: readonly string[]): void {
    if (!isCatalogLocation(experimentId) && traceIds.every((id) => !readCatalogId(id))) return;
    throw new Failure(
      "unsupported",
      "Traces in Databricks' Unity Catalog cannot be deleted through MLflow.",
      {
        hint: "Delete their rows from the tables of their schema.",
        effect: "none",
      },
    );
  }

  async #ofAssessments(
    method: "GET" | "POST" | "PATCH",
    { location, id }: CatalogId,
    route: SafePath,
    body?: Readonly<Record<string, Json>>,
    query: readonly [string, string][] = [],
  ): Promise<Json> {
    const place = { trace_id: id, trace_location: printLocation(location) };
    const reply = await this.session.json({
      method,
      path: route,
      query: [...this.#warehouse(), ...query],
      ...(body === undefined ? {} : { json: { ...body, ...place } }),
    });
    return completeId(AnyJson.parse(reply), location);
  }

  #warehouse(): [string, string][] {
    const { warehouse } = this;
    return warehouse === undefined ? [] : [["sql_warehouse_id", warehouse]];
  }

  async #batch(
    location: string,
    ids: readonly string[],
  ): Promise<Map<string, readonly Json[]>> {
    const reply = BatchReply.parse(
      await this.session.json({
        method: "GET",
        path: path`/api/4.0/mlflow/traces/${location}/batchGet`,
        query: [
          ["location_id", location],
          ...ids.map((id): [string, string] => ["trace_ids", id]),
          ...this.#warehouse(),
        ],
      }),
    );
    return new Map(reply.traces.map((one) => [
      readCatalogId(one.trace_info.trace_id)?.id ?? one.trace_info.trace_id,
      one.spans ?? [],
    ]));
  }

  /** Explains a trace that is missing from a batch by reading its info. */
  async #explainAbsence(traceId: string): Promise<Failure> {
    await this.info(traceId);
    return new Failure("not_found", "The trace is known, but its spans are not stored.", {
      hint: "It may still be running; its info can be read.",
    });
  }

  /** Opens the spans behind a signed link; the workspace's credentials are not sent there. */
  async #openLink(traceId: string): Promise<AsyncIterable<Json> | readonly Json[]> {
    const { credential_info: info } = LinkReply.parse(
      await this.session.json({
        method: "GET",
        path: path`/api/2.0/mlflow/traces/${traceId}/credentials-for-data-download`,
      }),
    );
    const link = toHttpUrl(info.signed_uri);
    if (link === undefined) {
      throw new Failure(
        "unsupported",
        "The spans are in a place that cannot be reached over HTTP.",
      );
    }
    const signature = link.search;
    const storage = openSession({
      ...this.options,
      service: "The storage of the traces",
      setting: "DATABRICKS_HOST",
      baseUrl: new URL(link.origin),
      headers: () => ({}),
      readError: refuseLink,
      redact: (text) => (this.options.redact?.(text) ?? text).replaceAll(signature, "?***"),
    }, this.session.signal);
    try {
      return await storage.items({
        method: "GET",
        address: link,
        headers: Object.fromEntries(info.headers.map(({ name, value }) => [name, value])),
      }, { path: ["spans"] });
    } catch (error) {
      // No file was written: the trace is still running, or has no spans.
      if (isFailure(error, "not_found")) return [];
      throw error;
    }
  }
}

function refuseLink(status: number): Failure | undefined {
  if (status !== 401 && status !== 403) return undefined;
  return new Failure("forbidden", `The storage of the traces refuses the link (HTTP ${status}).`, {
    status,
    hint: "Links are valid for minutes: repeat the call. If it fails again, a firewall of the " +
      "storage may keep this machine out.",
  });
}

function routeToAssessment({ location, id }: CatalogId, assessmentId: string): SafePath {
  return path`/api/4.0/mlflow/traces/${location}/${id}/assessments/${assessmentId}`;
}
