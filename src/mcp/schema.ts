import * as z from "zod";
import type { Json, JsonObject } from "../core/json.ts";

/** A JSON Schema as it goes over the wire: always an object, some clients accept nothing else. */
export interface JsonSchema extends JsonObject {
  type: "object";
  properties: JsonObject;
  /** Names of members that must be there. */
  required: string[];
}

/**
 * The JSON Schema of an object schema in the subset that every client accepts: an object root,
 * no `$schema`, no integer bounds that only say "fits a double", open objects without `{}`.
 */
export function toJsonSchema(schema: z.ZodObject, io: "input" | "output"): JsonSchema {
  const { properties, required, additionalProperties } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (isEmptyObject(jsonSchema.additionalProperties)) delete jsonSchema.additionalProperties;
      if (jsonSchema.type === "object") delete jsonSchema.propertyNames;
      // What everybody expects is not worth its tokens; it is checked all the same.
      if (jsonSchema.minLength === 1) delete jsonSchema.minLength;
      if (jsonSchema.minimum === 0 || jsonSchema.minimum === 1) delete jsonSchema.minimum;
      if (jsonSchema.default === false) delete jsonSchema.default;
      if (isEmptyObject(jsonSchema.properties) && jsonSchema.type === "object") {
        delete jsonSchema.properties;
      }
      // A short budget may leave any member out and adds `truncated`; clients check results.
      if (io === "output") {
        delete jsonSchema.required;
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      }
    },
  });
  return {
    type: "object",
    properties: toJsonObject(properties ?? {}),
    required: required ?? [],
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: toJson(additionalProperties) }),
  };
}

/** A plain value as JSON; what JSON has no form for becomes null. */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(toJson);
  return typeof value === "object" ? toJsonObject(value) : null;
}

function toJsonObject(value: object): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, toJson(member)]),
  );
}

function isEmptyObject(value: unknown): boolean {
  return value !== null && typeof value === "object" && Object.keys(value).length === 0;
}
