import assert from "node:assert/strict";
import { buildSchema, type GraphQLSchema, parse, validate } from "graphql";
import { DOCUMENTS } from "../../src/wandb/documents.ts";
import { compact, withoutFields } from "../../src/wandb/graphql.ts";
import { buildSimSchema } from "../support/wandb/schema.ts";

const SHARED = new URL("../../../shared/wandb-schema.graphql", import.meta.url);

/** The schemas at hand: the simulator's always, the reconstructed one where it lies beside us. */
function schemas(): GraphQLSchema[] {
  const own = buildSimSchema();
  try {
    return [own, buildSchema(Deno.readTextFileSync(SHARED))];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [own];
    throw error;
  }
}

/** Names on a document's optional lines. */
function optionalFields(document: string): string[] {
  return document.split("\n").flatMap((line) => {
    const optional = /^(.*)#\s*optional\s*$/.exec(line)?.[1];
    return optional?.match(/[A-Za-z]\w*/g) ?? [];
  });
}

Deno.test("every document validates, whole and without each of its optional fields", () => {
  for (const schema of schemas()) {
    for (const [name, document] of Object.entries(DOCUMENTS)) {
      const optional = optionalFields(document);
      const all = optional.map((field) => ({ type: "", field }));
      const forms = [document, withoutFields(document, all)].concat(
        all.map((field) => withoutFields(document, [field])),
      );
      for (const form of forms) {
        const errors = validate(schema, parse(compact(form)));
        // A field that only the newest servers have is optional, and may be missing here too.
        const unexpected = errors.map(({ message }) => message).filter((message) =>
          !optional.some((field) => message.includes(`"${field}"`) && form.includes("# optional"))
        );
        assert.deepEqual(unexpected, [], `${name}:\n${form}`);
      }
    }
  }
});

Deno.test("compacting keeps a document's meaning", () => {
  for (const document of Object.values(DOCUMENTS)) {
    const names = (text: string) => text.replaceAll(/#.*$/gm, "").match(/\w+|"[^"]*"/g);
    assert.deepEqual(names(compact(document)), names(document));
    assert.ok(compact(document).length <= document.length);
  }
});
