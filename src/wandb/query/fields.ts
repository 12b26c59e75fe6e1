/** Which fields a listing's rows have. */
import { createLookup } from "../../core/values.ts";
import { unknownName } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import { filterField, keyIn } from "./filter.ts";
import type { Resource } from "./resources.ts";

const RUN_FIELDS = [
  ...["id", "name", "state", "created_at", "tags", "group", "job_type", "heartbeat_at"],
  ...["updated_at", "duration", "user", "sweep", "forked_from", "host", "commit", "notes"],
  ...["environment", "history_keys", "system_metrics", "url", "config", "summary"],
];

/** Other names for fields. */
const ALIASES: Readonly<Record<string, string>> = createLookup({
  run_id: "id",
  display_name: "name",
  username: "user",
  "user.username": "user",
  sweep_name: "sweep",
  branch_point: "forked_from",
  run_info: "environment",
  metadata: "environment",
  compute_seconds: "duration",
  runtime: "duration",
  summary_metrics: "summary",
  metrics: "summary",
});

/** Keys of a config or summary. */
export type Keys = "none" | "all" | readonly string[];

/** Which parts of each run to return. */
export interface RunProjection {
  readonly fields: ReadonlySet<string>;
  readonly config: Keys;
  readonly summary: Keys;
}

/** The fields of a row when a call names none. */
export function defaultFields(resource: Resource): readonly string[] {
  if (resource === "runs") return ["id", "name", "state", "created_at", "tags", "group"];
  return FIELDS[resource].filter((field) => field !== "spec");
}

/**
 * The projection for `fields`; without them, a small one plus the keys in the filter and order.
 *
 * @throws {Failure} `invalid_arguments` for an unknown field, with the nearest valid ones.
 */
export function readProjection(
  fields: readonly string[] | undefined,
  mentioned: readonly string[],
): RunProjection {
  const wanted = fields === undefined || fields.length === 0
    ? [...defaultFields("runs"), ...mentioned.filter((name) => keyIn(name) !== undefined)]
    : ["id", ...fields];
  const plain = new Set<string>();
  const config = new Set<string>();
  const summary = new Set<string>();
  for (const given of wanted) {
    const keyed = keyIn(filterField(given) ?? given);
    const name = snakeCase(given);
    const field = ALIASES[name] ?? name;
    if (keyed !== undefined) (keyed.part === "config" ? config : summary).add(keyed.key);
    else if (RUN_FIELDS.includes(field)) plain.add(field);
    else {
      throw unknownName({
        what: "field of runs in `fields`",
        given,
        valid: RUN_FIELDS,
        hint: `A metric is summary.${given}, a config key is config.${given}; other fields: ` +
          `${RUN_FIELDS.join(", ")}.`,
      });
    }
  }
  return {
    fields: plain,
    config: plain.has("config") ? "all" : config.size > 0 ? [...config] : "none",
    summary: plain.has("summary") ? "all" : summary.size > 0 ? [...summary] : "none",
  };
}

export function joinKeys(a: Keys, b: Keys): Keys {
  if (a === "all" || b === "all") return "all";
  return a === "none" ? b : b === "none" ? a : [...new Set([...a, ...b])];
}

/** Keys to ask the server for: a dotted key may be one name, or a path into an object. */
export function listServerKeys(keys: Keys): string[] | null {
  if (keys === "all") return null;
  if (keys === "none") return [];
  return [...new Set(keys.flatMap((key) => [key, key.split(".")[0] ?? key]))];
}

/** The fields of all other resources. */
const FIELDS: Readonly<Record<Exclude<Resource, "runs">, readonly string[]>> = {
  sweeps: [
    ...["id", "name", "state", "method", "best_loss", "run_count", "expected_runs"],
    ...["created_at", "config", "url"],
  ],
  reports: ["id", "title", "description", "user", "created_at", "updated_at", "spec", "url"],
  artifacts: [
    ...["name", "type", "description", "aliases", "tags", "is_sequence"],
    ...["created_at", "updated_at"],
  ],
  project: [
    ...["name", "entity", "description", "visibility", "created_at", "updated_at"],
    ...["last_active", "run_count", "sweep_count", "url"],
  ],
  files: ["name", "size", "mimetype", "updated_at", "md5"],
};

/**
 * Reduces a row to the fields named in `fields` and the first one, which identifies the row.
 *
 * @throws {Failure} `invalid_arguments` for an unknown field, with the nearest valid ones.
 */
export function createPicker(
  resource: Exclude<Resource, "runs">,
  fields: readonly string[] | undefined,
): (row: JsonObject) => JsonObject {
  if (fields === undefined || fields.length === 0) return (row) => row;
  const valid = FIELDS[resource];
  const kept = new Set(valid.slice(0, 1));
  for (const given of fields) {
    const name = snakeCase(given);
    const field = name === "display_name" ? (resource === "reports" ? "title" : "name") : name;
    if (!valid.includes(field)) {
      throw unknownName({ what: `field of ${resource} in \`fields\``, given, valid });
    }
    kept.add(field).add(`${field}_truncated`);
  }
  return (row) => Object.fromEntries(Object.entries(row).filter(([key]) => kept.has(key)));
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
