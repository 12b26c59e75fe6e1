import { badArgument } from "../../core/failure.ts";
import { nearest, oneOf } from "../../core/nearest.ts";

/** Fields of a run in a result, and what they are called in GraphQL. */
export const RUN_FIELDS = [
  "id",
  "name",
  "state",
  "created_at",
  "tags",
  "group",
  "job_type",
  "heartbeat_at",
  "updated_at",
  "user",
  "sweep",
  "host",
  "commit",
  "notes",
  "history_keys",
  "url",
  "config",
  "summary",
] as const;

/** Other names of fields, and what is meant. */
const ALIASES: Readonly<Record<string, string>> = {
  run_id: "id",
  display_name: "name",
  displayName: "name",
  createdAt: "created_at",
  heartbeatAt: "heartbeat_at",
  updatedAt: "updated_at",
  jobType: "job_type",
  username: "user",
  sweepName: "sweep",
  historyKeys: "history_keys",
  summaryMetrics: "summary",
  summary_metrics: "summary",
  metrics: "summary",
};

/** Keys of a configuration or a summary. */
export type Keys = "none" | "all" | readonly string[];

/** What of each run is wanted. */
export interface RunProjection {
  /** Plain fields in a result's row. */
  readonly fields: ReadonlySet<string>;
  /** Keys of the configuration; all for "all". */
  readonly config: Keys;
  /** Keys of the summary; all for "all". */
  readonly summary: Keys;
}

const DEFAULT_FIELDS = ["id", "name", "state", "created_at", "tags", "group"];

/**
 * The projection for `fields`, or a small one with the metrics that filter and order speak of.
 *
 * @throws {Failure} `invalid_arguments` for an unknown field, with the nearest valid ones.
 */
export function projectionOf(
  fields: readonly string[] | undefined,
  mentioned: readonly string[],
): RunProjection {
  const wanted = fields === undefined || fields.length === 0
    ? [...DEFAULT_FIELDS, ...mentioned.filter((name) => /^(config|summary_metrics)\./.test(name))]
    : ["id", ...fields];
  const plain = new Set<string>();
  const config = new Set<string>();
  const summary = new Set<string>();
  for (const given of wanted) {
    const field = ALIASES[given] ?? given;
    const [, part, key] = /^(config|summary|summary_metrics|summaryMetrics)\.(.+)$/s.exec(field) ??
      [];
    if (key !== undefined) (part === "config" ? config : summary).add(key.replace(/\.value$/, ""));
    else if (RUN_FIELDS.some((one) => one === field)) plain.add(field);
    else throw unknownField(given);
  }
  return {
    fields: plain,
    config: plain.has("config") ? "all" : config.size > 0 ? [...config] : "none",
    summary: plain.has("summary") ? "all" : summary.size > 0 ? [...summary] : "none",
  };
}

/** Keys to ask the server for: a dotted key may be one name or a path into a structure. */
export function serverKeys(keys: Keys): string[] | null {
  if (keys === "all") return null;
  if (keys === "none") return [];
  return [...new Set(keys.flatMap((key) => [key, key.split(".")[0] ?? key]))];
}

function unknownField(name: string): Error {
  const near = nearest(name, [...RUN_FIELDS, ...Object.keys(ALIASES)]);
  return badArgument(
    `\`fields\`: runs have no field "${name}"` +
      (near.length > 0 ? `; did you mean ${oneOf(near)}?` : "."),
    `A metric is summary.${name}, a setting config.${name}; other fields: ${
      RUN_FIELDS.join(", ")
    }.`,
  );
}
