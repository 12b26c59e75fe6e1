import * as z from "zod";
import { refuse, type WorkspaceOptions } from "./server.ts";
import type { Storage } from "./storage.ts";

/** A trace to begin with. */
export interface Seed {
  /** `catalog.schema` or `catalog.schema.prefix`, or the number of an experiment. */
  readonly location: string;
  readonly id: string;
  readonly state?: string;
  readonly time?: string;
  readonly spans?: readonly unknown[];
}

/** The workspace's traces and experiments. */
export interface Traces {
  answer(method: string, url: URL, body: string): Response;
  add(seed: Seed): void;
}

const Tags = z.record(z.string(), z.string());
const Info = z.looseObject({
  trace_id: z.string(),
  trace_location: z.looseObject({}),
  state: z.string().optional(),
  request_time: z.string(),
  tags: Tags.default({}),
  assessments: z.array(z.looseObject({ assessment_id: z.string() })).default([]),
});
type Info = z.output<typeof Info>;
const Start = z.looseObject({ trace: z.looseObject({ trace_info: Info }) });
const Locations = z.array(z.looseObject({
  mlflow_experiment: z.looseObject({ experiment_id: z.string() }).optional(),
  uc_schema: z.looseObject({ catalog_name: z.string(), schema_name: z.string() }).optional(),
  uc_table_prefix: z.looseObject({
    catalog_name: z.string(),
    schema_name: z.string(),
    table_prefix: z.string(),
  }).optional(),
}));
const Search = z.looseObject({
  locations: Locations,
  filter: z.string().optional(),
  max_results: z.number().default(100),
  page_token: z.string().optional(),
  sql_warehouse_id: z.string().optional(),
});
const Tag = z.looseObject({ key: z.string(), value: z.string().optional() });
const Deletion = z.looseObject({
  experiment_id: z.string(),
  request_ids: z.array(z.string()).optional(),
});
const Loose = z.looseObject({});

interface Stored {
  readonly place: string;
  info: Info;
  readonly spans: readonly unknown[];
}

export function createTraces({ options, warehouse, storage }: {
  readonly options: WorkspaceOptions;
  readonly warehouse: string;
  readonly storage: Storage;
}): Traces {
  const experiments = [{
    experiment_id: "7001",
    name: "/Users/ann@example.com/assistant",
    artifact_location: "dbfs:/databricks/mlflow-tracking/7001",
    lifecycle_stage: "active",
  }];
  const stored = new Map<string, Stored>();
  const operations = new Map<string, { polls: number; result: object }>();
  const find = (place: string | undefined, id: string): Stored | undefined => {
    const one = stored.get(id);
    return one === undefined || (place !== undefined && one.place !== place) ? undefined : one;
  };
  const unknown = () => refuse(404, "RESOURCE_DOES_NOT_EXIST", "Trace was not found.");

  const search = (body: string): { trace_infos: Info[]; next_page_token?: string } | Response => {
    const query = Search.parse(JSON.parse(body));
    const places = query.locations.map((
      { mlflow_experiment: e, uc_schema: s, uc_table_prefix: p },
    ) =>
      e?.experiment_id ??
        (s !== undefined
          ? `${s.catalog_name}.${s.schema_name}`
          : `${p?.catalog_name}.${p?.schema_name}.${p?.table_prefix}`)
    );
    const inCatalog = places.some((place) => place.includes("."));
    if (inCatalog && query.sql_warehouse_id !== warehouse) return noWarehouse();
    const state = /^status = '(\w+)'$/.exec(query.filter ?? "")?.[1];
    if ((query.filter ?? "") !== "" && state === undefined) {
      return refuse(400, "INVALID_PARAMETER_VALUE", `Invalid clause(s): ${query.filter}`);
    }
    const found = [...stored.values()]
      .filter(({ place, info }) =>
        places.includes(place) && (state === undefined || info.state === state)
      )
      .map(({ info }) => info)
      .sort((a, b) => b.request_time.localeCompare(a.request_time));
    const from = query.page_token === undefined ? 0 : Number(query.page_token.split("-")[1]);
    const to = from + (options.search === "one by one" ? 1 : query.max_results);
    options.onPage?.();
    return {
      trace_infos: found.slice(from, to),
      ...(to < found.length ? { next_page_token: `page-${to}` } : {}),
    };
  };

  const searchLong = (body: string): Response => {
    const { search: kind = "at once" } = options;
    if (kind === "absent") return refuse(404, "ENDPOINT_NOT_FOUND", "No API found.");
    const { locations, page_token: token } = Search.parse(JSON.parse(body));
    if (kind === "no experiments" && locations.some((one) => one.mlflow_experiment)) {
      return refuse(
        400,
        "INVALID_PARAMETER_VALUE",
        "MLFLOW_EXPERIMENT locations not yet supported",
      );
    }
    const result = search(body);
    if (result instanceof Response) return result;
    const name = `operation-${operations.size + 1}`;
    const polls = kind === "polled" ? 2 : kind === "endless" ? Infinity : 0;
    const outcome = kind === "fails" || (kind === "fails later" && token !== undefined)
      ? { error: { error_code: "RESOURCE_EXHAUSTED", message: "The warehouse is overloaded" } }
      : { response: result };
    operations.set(name, { polls, result: outcome });
    return Response.json(polls === 0 ? { name, done: true, ...outcome } : { name });
  };

  const noWarehouse = () =>
    refuse(400, "INVALID_PARAMETER_VALUE", "Could not resolve a SQL warehouse ID for the request.");

  const inCatalog = (method: string, url: URL, body: string, parts: string[]): Response => {
    const [place = "", id = "", what, name] = parts;
    if (method === "POST" && place === "search-long-running") return searchLong(body);
    if (method === "GET" && place === "search" && id === "operations") {
      const operation = operations.get(what ?? "");
      if (operation === undefined) return refuse(404, "RESOURCE_DOES_NOT_EXIST", "No operation.");
      operation.polls--;
      return Response.json(
        operation.polls > 0 ? { name: what } : { name: what, done: true, ...operation.result },
      );
    }
    const needsWarehouse = !(method === "PATCH" && what === "tags");
    if (needsWarehouse && url.searchParams.get("sql_warehouse_id") !== warehouse) {
      return noWarehouse();
    }
    if (method === "GET" && id === "batchGet") {
      const ids = url.searchParams.getAll("trace_ids");
      const damage = ids.map((one) => options.damaged?.get(one)).find((one) => one !== undefined);
      if (damage !== undefined) return refuse(damage.status, damage.code, "A trace is damaged.");
      const traces = ids.flatMap((one) => {
        const trace = find(place, one);
        return trace === undefined ? [] : [{ trace_info: trace.info, spans: trace.spans }];
      });
      return Response.json({ traces });
    }
    const trace = find(place, id);
    if (trace === undefined) return unknown();
    if (what === "info") return Response.json({ trace: { trace_info: trace.info } });
    if (what === "tags") {
      return changeTags(trace, method, name === undefined ? body : JSON.stringify({ key: name }));
    }
    if (what !== "assessments") return refuse(404, "ENDPOINT_NOT_FOUND", "No API found.");
    const wrap = (assessment: object) => assessment;
    return changeAssessments(trace, method, name, Loose.parse(JSON.parse(body || "{}")), wrap);
  };

  const changeTags = (trace: Stored, method: string, body: string): Response => {
    const { key, value = "" } = Tag.parse(JSON.parse(body));
    const { [key]: _, ...rest } = trace.info.tags;
    const tags = method === "DELETE" ? rest : { ...rest, [key]: value };
    trace.info = { ...trace.info, tags };
    return Response.json({});
  };

  const changeAssessments = (
    trace: Stored,
    method: string,
    id: string | undefined,
    given: Record<string, unknown>,
    wrap: (assessment: object) => object,
  ): Response => {
    const others = trace.info.assessments.filter((one) => one.assessment_id !== id);
    const old = trace.info.assessments.find((one) => one.assessment_id === id);
    const keep = (assessments: Info["assessments"]) => trace.info = { ...trace.info, assessments };
    if (method === "POST") {
      const made = { ...given, assessment_id: `a-${crypto.randomUUID()}` };
      keep([...others, made]);
      return Response.json(wrap(made));
    }
    if (method === "DELETE") {
      keep(others);
      return Response.json({});
    }
    if (old === undefined) return refuse(404, "RESOURCE_DOES_NOT_EXIST", "No such assessment.");
    if (method === "GET") return Response.json(wrap(old));
    const changed = { ...old, ...given };
    keep([...others, changed]);
    return Response.json(wrap(changed));
  };

  const ofExperiment = (method: string, url: URL, body: string, parts: string[]): Response => {
    const [id = "", what, name] = parts;
    if (method === "POST" && id === "") {
      const { trace_info: info } = Start.parse(JSON.parse(body)).trace;
      const place = Locations.parse([info.trace_location])[0]?.mlflow_experiment?.experiment_id;
      const located = withArtifacts(info, place ?? "");
      stored.set(info.trace_id, { place: place ?? "", info: located, spans: [] });
      return Response.json({ trace: { trace_info: located } });
    }
    if (method === "POST" && id === "search") {
      const result = search(body);
      if (result instanceof Response) return result;
      const { trace_infos: traces, ...rest } = result;
      return Response.json({ traces, ...rest });
    }
    if (method === "POST" && id === "delete-traces") {
      const { experiment_id: place, request_ids: ids = [] } = Deletion.parse(JSON.parse(body));
      const gone = ids.filter((one) => find(place, one) !== undefined && stored.delete(one));
      return Response.json({ traces_deleted: gone.length });
    }
    const trace = find(undefined, id);
    if (trace === undefined) return unknown();
    const signed = (way: "GET" | "PUT") =>
      Response.json({
        credential_info: {
          type: "AWS_PRESIGNED_URL",
          signed_uri: storage.sign(way, `${trace.place}/${id}/traces.json`),
          headers: [{ name: "x-storage-class", value: "trace" }],
        },
      });
    if (what === undefined) return Response.json({ trace: { trace_info: trace.info } });
    if (what === "credentials-for-data-download") return signed("GET");
    if (what === "credentials-for-data-upload") return signed("PUT");
    if (what === "tags") return changeTags(trace, method, body || paramsOf(url));
    if (what !== "assessments") return refuse(404, "ENDPOINT_NOT_FOUND", "No API found.");
    const given = Loose.parse(Loose.parse(JSON.parse(body || "{}")).assessment ?? {});
    return changeAssessments(trace, method, name, given, (assessment) => ({ assessment }));
  };

  return {
    add: ({ location, id, state = "OK", time = "2026-11-20T10:00:00Z", spans = [] }) => {
      const [catalog_name = "", schema_name, table_prefix] = location.split(".");
      const trace_location = schema_name === undefined
        ? { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: location } }
        : table_prefix === undefined
        ? { type: "UC_SCHEMA", uc_schema: { catalog_name, schema_name } }
        : { type: "UC_TABLE_PREFIX", uc_table_prefix: { catalog_name, schema_name, table_prefix } };
      const info = Info.parse({
        trace_id: id,
        trace_location,
        state,
        request_time: time,
        execution_duration: "1.500s",
        request_preview: `question ${id}`,
        trace_metadata: { "mlflow.trace_schema.version": "4" },
      });
      const located = schema_name === undefined ? withArtifacts(info, location) : info;
      stored.set(id, { place: location, info: located, spans });
      if (schema_name === undefined && spans.length > 0) {
        storage.files.set(`/bucket/${location}/${id}/traces.json`, JSON.stringify({ spans }));
      }
    },
    answer: (method, url, body) => {
      const parts = url.pathname.split("/").slice(1).map(decodeURIComponent);
      const [api, version, product, kind, ...rest] = parts;
      if (api !== "api") return new Response("<html>404</html>", { status: 404 });
      if (product === "sql" && kind === "warehouses") {
        return Response.json({ id: rest[0], state: "RUNNING" });
      }
      if (product === "preview" && kind === "scim") {
        return Response.json({ userName: "ann@example.com" });
      }
      if (product !== "mlflow") return refuse(404, "ENDPOINT_NOT_FOUND", "No API found.");
      if (kind === "experiments") {
        const one = experiments.find(({ experiment_id: id, name }) =>
          id === url.searchParams.get("experiment_id") ||
          name === url.searchParams.get("experiment_name")
        );
        if (rest[0] === "search") return Response.json({ experiments });
        return one === undefined
          ? refuse(404, "RESOURCE_DOES_NOT_EXIST", "No such experiment.")
          : Response.json({ experiment: one });
      }
      if (kind !== "traces") return refuse(404, "ENDPOINT_NOT_FOUND", "No API found.");
      return version === "4.0"
        ? inCatalog(method, url, body, rest)
        : ofExperiment(method, url, body, rest);
    },
  };
}

/** An experiment's trace as the workspace keeps it: its spans go to the storage. */
function withArtifacts(info: Info, place: string): Info {
  const folder = `dbfs:/databricks/mlflow-tracking/${place}/${info.trace_id}/artifacts`;
  return { ...info, tags: { ...info.tags, "mlflow.artifactLocation": folder } };
}

/** A tag's key in the query, where a request has no body. */
function paramsOf(url: URL): string {
  return JSON.stringify(Object.fromEntries(url.searchParams));
}
