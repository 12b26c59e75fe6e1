import { isFailure } from "../../src/core/failure.ts";
import type { Entry } from "../../src/wandb/artifacts/files.ts";
import { readRegistryName, splitName } from "../../src/wandb/artifacts/names.ts";
import { registryFilter } from "../../src/wandb/artifacts/registries.ts";
import { diffFiles } from "../../src/wandb/tools/compare_artifact_versions.ts";
import { parseFilter } from "../support/wandb/mongo.ts";

import assert from "node:assert/strict";
import fc from "fast-check";

const WORD = fc.stringMatching(/^[A-Za-z0-9_.][A-Za-z0-9_. -]{0,20}[A-Za-z0-9_.]$/);
const ALIAS = fc.stringMatching(/^[A-Za-z0-9_./:-]{1,20}$/);

Deno.test("a name splits into the parts that it was made of", () => {
  fc.assert(fc.property(
    fc.option(WORD, { nil: undefined }),
    WORD,
    WORD,
    fc.option(ALIAS, { nil: undefined }),
    fc.constantFrom("", "wandb-artifact://"),
    (entity, project, collection, alias, scheme) => {
      const path = [entity, project, collection].filter((part) => part !== undefined).join("/");
      const name = `${scheme}${path}${alias === undefined ? "" : `:${alias}`}`;
      assert.deepEqual(splitName(name, "x"), { entity, project, collection, alias });
    },
  ));
});

Deno.test("the address of a version's page splits into the same parts as its name", () => {
  fc.assert(fc.property(WORD, WORD, WORD, WORD, (entity, project, collection, alias) => {
    fc.pre(![entity, project, collection, alias].some((part) => /^\.{1,2}$/.test(part)));
    const at = (...parts: string[]) => parts.map(encodeURIComponent).join("/");
    const page = at(entity, project, "artifacts", "dataset", collection, alias);
    const expected = { entity, project, collection, alias };
    assert.deepEqual(splitName(`https://wandb.ai/${page}`, "x"), expected);
    const selection = encodeURIComponent(`${entity}/${project}/${collection}`);
    const registry = `https://wandb.ai/orgs/o/registry/r?selectionPath=${selection}` +
      `&version=${encodeURIComponent(alias)}`;
    assert.deepEqual(splitName(registry, "x"), expected);
  }));
});

Deno.test("any text is a name or is refused as an argument", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom("a", "/", ":", "..", "https://", "\u0000", "%2f", "\ud800", " "))
      .map((parts) => parts.join("")),
  );
  fc.assert(fc.property(hostile, (text) => {
    for (const read of [splitName, readRegistryName]) {
      try {
        const found = Object.values(read(text, "x"));
        // deno-lint-ignore no-control-regex
        assert.ok(found.every((part) => part !== "" && !/[\u0000-\u001f]/.test(part ?? "a")));
      } catch (error) {
        assert.ok(isFailure(error, "invalid_arguments"));
      }
    }
  }));
});

Deno.test("a registry filter always excludes projects that are not registries", () => {
  const scalar = fc.oneof(WORD, fc.constant("wandb-registry-model"), fc.integer());
  const operand = fc.oneof(
    scalar,
    fc.record({ $in: fc.array(WORD) }),
    fc.record({ $ne: WORD }),
    fc.record({ $regex: fc.constantFrom("^model", "model", "(?i)^model", "^wandb-registry-m") }),
  );
  const { filter } = fc.letrec((tie) => ({
    filter: fc.oneof(
      { depthSize: "small" },
      fc.dictionary(fc.constantFrom("name", "description"), operand),
      fc.record({ $and: fc.array(tie("filter"), { maxLength: 3 }) }),
    ),
  }));
  fc.assert(fc.property(filter, WORD, (given, name) => {
    const matches = parseFilter(
      registryFilter(Object.fromEntries(Object.entries(Object(given)))),
    );
    const project = (fields: Record<string, unknown>) => (field: string) => fields[field];
    assert.ok(!matches(project({ name: `x${name}` })));
    const plain = parseFilter(registryFilter({ name }));
    assert.ok(plain(project({ name: `wandb-registry-${name}` })));
  }));
});

Deno.test("a file difference counts every entry once, and swaps sides with its arguments", () => {
  const entry: fc.Arbitrary<Entry> = fc.record({
    digest: fc.constantFrom("a", "b", undefined),
    size: fc.constantFrom(1, 2),
  });
  const entries = fc.dictionary(fc.constantFrom("p", "q", "r", "s", "__proto__"), entry)
    .map((files) => new Map(Object.entries(files)));
  fc.assert(fc.property(entries, entries, (a, b) => {
    const there = diffFiles(a, b);
    const back = diffFiles(b, a);
    const shared = there.modified.length + there.unchanged;
    assert.equal(there.removed.length + shared, a.size);
    assert.equal(there.added.length + shared, b.size);
    assert.deepEqual(there.added, back.removed);
    assert.deepEqual(
      there.modified.map(({ name }) => name),
      back.modified.map(({ name }) => name),
    );
    assert.equal(diffFiles(a, a).unchanged, a.size);
  }));
});
