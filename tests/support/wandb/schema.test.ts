import assert from "node:assert/strict";
import {
  buildSchema,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  validateSchema,
} from "graphql";
import { buildSimSchema, readReconstructedSchema } from "./schema.ts";

/** `Type.field(argument: T): T` of everything there is. */
function shape(schema: GraphQLSchema): Map<string, string> {
  const lines = new Map<string, string>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith("__")) continue;
    if (isEnumType(type)) {
      for (const { name } of type.getValues()) lines.set(`${type.name}.${name}`, "");
    } else if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        lines.set(`${type.name}.${field.name}`, String(field.type));
        for (const { name, type: argument } of field.args) {
          lines.set(`${type.name}.${field.name}(${name})`, String(argument));
        }
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        lines.set(`${type.name}.${field.name}`, String(field.type));
      }
    }
  }
  return lines;
}

/** What the simulator does not offer, and where newer clients tell otherwise. */
const APART = [
  /Integration/,
  /Trigger/i,
  /^RunQueue\./,
  /^NoOpTriggeredAction/,
  /^NotificationTriggeredAction/,
  /^FilterEvent/,
  /^Entity\.integrations/,
  /^(Add|Delete)AliasesInput\.aliases$/,
  /^LinkArtifactInput\.(artifactPortfolioName|entityName|projectName)$/,
];

Deno.test("the schema builds and is valid", () => {
  assert.deepEqual(validateSchema(buildSimSchema()), []);
});

Deno.test("fields can be left out", () => {
  const gone = "Project.artifactCollectionMembership";
  const older = shape(buildSimSchema([gone]));
  assert.ok(shape(buildSimSchema()).has(gone));
  assert.ok(!older.has(gone));
  assert.ok(older.has("Project.artifactCollection"));
});

Deno.test("the schema has every field of the reconstructed schema, of the same type", async () => {
  const ours = shape(buildSimSchema());
  const theirs = shape(buildSchema(await readReconstructedSchema()));
  assert.ok(theirs.size > 300, `it has only ${theirs.size} fields`);
  for (const [name, type] of theirs) {
    if (APART.some((pattern) => pattern.test(name))) continue;
    assert.equal(ours.get(name), type, name);
  }
});
