/** Traces in Databricks' Unity Catalog: their ids and where they lie. */
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";

/** The parts of an id such as `trace:/catalog.schema/0123…`. */
export interface CatalogId {
  /** `catalog.schema` or `catalog.schema.prefix`. */
  readonly location: string;
  /** The id within it, as OpenTelemetry has it. */
  readonly id: string;
}

/** The parts of an id of Unity Catalog; undefined for an experiment's. */
export function readCatalogId(traceId: string): CatalogId | undefined {
  const [, location, id] = /^trace:\/([^/]+)\/([^/]+)$/.exec(traceId) ?? [];
  return location === undefined || id === undefined ? undefined : { location, id };
}

/** Whether a name is a place in Unity Catalog; experiments are named by paths. */
export function isCatalogLocation(name: string): boolean {
  return /^[^./\s]+\.[^./\s]+(\.[^./\s]+)?$/.test(name);
}

/** A place to search in, or that an assessment's trace is in, as requests name it. */
export function printLocation(place: string): JsonObject {
  const [catalog_name = "", schema_name, table_prefix] = place.split(".");
  if (schema_name === undefined) {
    return { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: place } };
  }
  return table_prefix === undefined
    ? { type: "UC_SCHEMA", uc_schema: { catalog_name, schema_name } }
    : { type: "UC_TABLE_PREFIX", uc_table_prefix: { catalog_name, schema_name, table_prefix } };
}

/** A trace's info, or an assessment, with the whole id of a trace of Unity Catalog. */
export function completeId(value: Json, location = locate(value)): Json {
  if (location === undefined || !isJsonObject(value)) return value;
  const { trace_id: id, assessments } = value;
  if (typeof id !== "string" || id.startsWith("trace:/")) return value;
  return {
    ...value,
    trace_id: `trace:/${location}/${id}`,
    ...(Array.isArray(assessments)
      ? { assessments: assessments.map((one) => completeId(one, location)) }
      : {}),
  };
}

/** Where a trace's info says that it lies, if that is in Unity Catalog. */
function locate(info: Json): string | undefined {
  const place = isJsonObject(info) ? info.trace_location : undefined;
  if (!isJsonObject(place)) return undefined;
  const table = place.uc_table_prefix ?? place.uc_schema;
  if (!isJsonObject(table)) return undefined;
  return [table.catalog_name, table.schema_name, table.table_prefix]
    .filter((part) => typeof part === "string").join(".");
}
