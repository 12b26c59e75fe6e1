/** What every client's JSON Schema reader accepts, as complaints about one that strays. */
import { isRecord } from "../../src/core/json.ts";

/** The complaints about the schema of a tool's arguments or result. */
export function schemaComplaints(schema: unknown): string[] {
  const complaints: string[] = [];
  if (!isRecord(schema)) return ["the root is no object schema"];
  if (schema.type !== "object") complaints.push("the root's type is not object");
  if (!isRecord(schema.properties)) complaints.push("the root has no properties");
  for (const name of stringsIn(schema.required)) {
    if (!isRecord(schema.properties) || !Object.hasOwn(schema.properties, name)) {
      complaints.push(`required: ${name} is no property`);
    }
  }
  for (const key of ["$schema", "$defs", "definitions", "$id", "anyOf", "oneOf", "allOf"]) {
    if (key in schema) complaints.push(`the root has ${key}`);
  }
  inside(schema, "", complaints);
  return complaints;
}

function inside(schema: Record<string, unknown>, path: string, complaints: string[]): void {
  const complain = (what: string) =>
    void complaints.push(`${path === "" ? "root" : path}: ${what}`);
  for (const key of ["$ref", "anyOf", "oneOf", "allOf", "not", "if", "prefixItems", "const"]) {
    if (key in schema) complain(`${key} is not understood everywhere`);
  }
  if (Array.isArray(schema.type)) complain("more than one type");
  if (schema.nullable !== undefined) complain("nullable is no JSON Schema");
  if (schema.type === "null") complain("null alone is refused by some clients");
  if (schema.type === "array" && !isRecord(schema.items)) complain("an array without items");
  if (Array.isArray(schema.enum) && schema.enum.some((value) => typeof value !== "string")) {
    complain("an enum with values that are no text");
  }
  for (
    const [name, child] of Object.entries(isRecord(schema.properties) ? schema.properties : {})
  ) {
    const where = path === "" ? name : `${path}.${name}`;
    if (isRecord(child)) inside(child, where, complaints);
    else complaints.push(`${where}: a bare ${String(child)}`);
  }
  for (const key of ["items", "additionalProperties"]) {
    const child = schema[key];
    if (isRecord(child)) inside(child, `${path}.${key}`, complaints);
    else if (key === "additionalProperties" && child === true) complain(`a bare true in ${key}`);
  }
}

/** Properties without a `type`, which only what takes any JSON value may be. */
export function untyped(schema: unknown, path = ""): string[] {
  if (!isRecord(schema)) return [];
  const properties = isRecord(schema.properties) ? Object.entries(schema.properties) : [];
  return properties.flatMap(([name, child]) => {
    const where = path === "" ? name : `${path}.${name}`;
    const own = isRecord(child) && child.type === undefined ? [where] : [];
    return [...own, ...untyped(child, where), ...untyped(isRecord(child) ? child.items : 0, where)];
  });
}

function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
