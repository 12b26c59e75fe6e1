import { buildSchema, parse, validate } from "graphql";
import { compactDocument, removeFields } from "../../src/wandb/client.ts";
import { buildSimSchema, readReconstructedSchema } from "../support/wandb/schema.ts";
import { DOCUMENTS, OPERATIONS } from "./documents.ts";

import assert from "node:assert/strict";

/** The simulator's schema, and the smaller one that was put together from published clients. */
const SCHEMAS = [buildSimSchema(), buildSchema(await readReconstructedSchema())];

/** Names on a document's optional lines. */
function optionalFields(document: string): string[] {
  return document.split("\n").flatMap((line) => {
    const optional = /^(.*)#\s*optional\s*$/.exec(line)?.[1];
    return optional?.match(/[A-Za-z]\w*/g) ?? [];
  });
}

Deno.test("every document is valid, whole and without each of its optional fields", () => {
  for (const schema of SCHEMAS) {
    for (const [name, document] of Object.entries(DOCUMENTS)) {
      const optional = optionalFields(document);
      const all = optional.map((field) => ({ type: "", field }));
      const forms = [document, removeFields(document, all)].concat(
        all.map((field) => removeFields(document, [field])),
      );
      for (const form of forms) {
        const errors = validate(schema, parse(compactDocument(form)));
        // A field that only the newest servers have is optional, and may be missing here too.
        const unexpected = errors.map(({ message }) => message).filter((message) =>
          !optional.some((field) => message.includes(`"${field}"`) && form.includes("# optional"))
        );
        assert.deepEqual(unexpected, [], `${name}:\n${form}`);
      }
    }
  }
});

Deno.test("every document is exported, and so tested here", () => {
  const exported = Object.values(DOCUMENTS).map((text) => /^\w+ (\w+)/.exec(text)?.[1]);
  assert.deepEqual(OPERATIONS.toSorted(), exported.toSorted());
  assert.ok(exported.length > 25);
});

Deno.test("compacting keeps a document's meaning", () => {
  for (const document of Object.values(DOCUMENTS)) {
    const names = (text: string) => text.replaceAll(/#.*$/gm, "").match(/\w+|"[^"]*"/g);
    assert.deepEqual(names(compactDocument(document)), names(document));
    assert.ok(compactDocument(document).length <= document.length);
  }
});
