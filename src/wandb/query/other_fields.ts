import { badArgument } from "../../core/failure.ts";
import { nearest, oneOf } from "../../core/nearest.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Resource } from "./resources.ts";

/** Fields in the rows of what is no run. */
const FIELDS: Readonly<Record<Exclude<Resource, "runs">, readonly string[]>> = {
  sweeps: [
    "id",
    "name",
    "state",
    "method",
    "best_loss",
    "run_count",
    "expected_runs",
    "created_at",
    "config",
    "url",
  ],
  reports: ["id", "title", "description", "user", "created_at", "updated_at", "url"],
  artifacts: [
    "name",
    "type",
    "description",
    "aliases",
    "tags",
    "is_sequence",
    "created_at",
    "updated_at",
  ],
  files: ["name", "size", "mimetype", "updated_at", "md5"],
};

/**
 * What `fields` leave of a row: the fields named, and what the row is called by.
 *
 * @throws {Failure} `invalid_arguments` for an unknown field, with the nearest valid ones.
 */
export function fieldPicker(
  resource: Exclude<Resource, "runs">,
  fields: readonly string[] | undefined,
): (row: JsonObject) => JsonObject {
  if (fields === undefined || fields.length === 0) return (row) => row;
  const valid = FIELDS[resource];
  const kept = new Set(valid.slice(0, 1));
  for (const given of fields) {
    const name = given.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const field = name === "display_name" ? (resource === "reports" ? "title" : "name") : name;
    if (!valid.includes(field)) {
      const near = nearest(given, valid);
      throw badArgument(
        `\`fields\`: ${resource} have no field "${given}"` +
          (near.length > 0 ? `; did you mean ${oneOf(near)}?` : "."),
        `Fields of ${resource}: ${valid.join(", ")}.`,
      );
    }
    kept.add(field).add(`${field}_truncated`);
  }
  return (row) => Object.fromEntries(Object.entries(row).filter(([key]) => kept.has(key)));
}
