import assert from "node:assert/strict";
import fc from "fast-check";
import { compareVersions, listRequirements } from "../../../src/mlflow/query.ts";
import { FilterError } from "../../../src/mlflow/filter/clause.ts";
import { parseFilter } from "../../../src/mlflow/filter/filter.ts";
import { parseOrderBy, printOrderBy } from "../../../src/mlflow/filter/order.ts";
import { orderTerms } from "./arbitrary.ts";

Deno.test("orders in the server's grammar pass without notes", () => {
  const cases: [string | string[], string[]][] = [
    ["execution_time_ms DESC", ["execution_time_ms DESC"]],
    ["timestamp", ["timestamp_ms ASC"]],
    [["status asc", "timestamp_ms desc"], ["status ASC", "timestamp_ms DESC"]],
    ["name, tag.env DESC", ["name ASC", "tag.env DESC"]],
    ["tags.`a,b c` desc", ["tag.`a,b c` DESC"]],
    ["metadata.mlflow.trace.session", ["metadata.`mlflow.trace.session` ASC"]],
    ["", []],
  ];
  for (const [text, expected] of cases) {
    const order = parseOrderBy(text);
    assert.deepEqual(printOrderBy(order), expected);
    assert.deepEqual(order.notes, [], String(text));
  }
});

Deno.test("other spellings are translated and reported", () => {
  const cases: [string, string[]][] = [
    ["-execution_time_ms", ["execution_time_ms DESC"]],
    ["+name", ["name ASC"]],
    ["timestamp_ms:desc", ["timestamp_ms DESC"]],
    ["latency descending", ["execution_time_ms DESC"]],
    ["state", ["status ASC"]],
    ["trace_id DESC", ["request_id DESC"]],
    ["session_id", ["metadata.`mlflow.trace.session` ASC"]],
    ["info.execution_duration DESC", ["execution_time_ms DESC"]],
    ["tag.name DESC", ["name DESC"]],
    ["timestamp_ms DESC, timestamp ASC", ["timestamp_ms DESC"]],
    ["name, tag.mlflow.traceName DESC", ["name ASC"]],
  ];
  for (const [text, expected] of cases) {
    const order = parseOrderBy(text);
    assert.deepEqual(printOrderBy(order), expected);
    assert.equal(order.notes.length, 1, text);
  }
});

Deno.test("a field that cannot be sorted by is refused with the reason", () => {
  const cases: [string, RegExp][] = [
    ["timestmp DESC", /did you mean timestamp_ms/],
    ["name sideways", /not a direction.*DESC/],
    ["feedback.x DESC", /cannot be sorted/],
    ["tag.timestamp", /reads the name as/],
    ['tag.`a"b`', /cannot sort by a key that contains/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseOrderBy(text), (error) => {
      assert.ok(error instanceof FilterError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("property: reading a printed order gives the same order", () => {
  fc.assert(fc.property(orderTerms, fc.boolean(), (terms, joined) => {
    const printed = printOrderBy({ terms });
    const order = parseOrderBy(joined ? printed.join(", ") : printed);
    assert.deepEqual(order.terms, terms);
  }));
});

Deno.test("property: any text is read as an order or refused", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[-a-z. `,:DESC]{0,20}$/));
  fc.assert(fc.property(text, (input) => {
    try {
      printOrderBy(parseOrderBy(input));
    } catch (error) {
      assert.ok(error instanceof FilterError);
    }
  }));
});

Deno.test("a filter tells which release it needs", () => {
  const cases: [string, string | undefined][] = [
    ["status = 'OK' AND tag.x != 'a' AND name = 'x' AND span.name LIKE 'a%'", undefined],
    ["timestamp_ms > 1 AND execution_time_ms < 2 AND request_id IN ('a')", undefined],
    ["tag.x LIKE 'a'", "3.6"],
    ["span.name RLIKE 'a'", "3.6"],
    ["span.type = 'TOOL'", "3.6"],
    ["span.attributes.x LIKE '%a%'", "3.6"],
    ["trace.text LIKE '%a%'", "3.6"],
    ["end_time_ms > 1", "3.6"],
    ["feedback.x = 'a'", "3.6"],
    ["prompt = 'a/1'", "3.7"],
    ["metadata.x IS NULL", "3.9"],
    ["feedback.x IS NULL", "3.10"],
    ["tag.x IS NOT NULL", "3.11"],
    ["issue.id = 'x'", "3.11"],
    ["feedback.x = 'a' AND feedback.x > 0.5", "3.15"],
  ];
  for (const [text, version] of cases) {
    const [first] = listRequirements(parseFilter(text, { now: 0 }));
    assert.equal(first?.version, version, text);
  }
});

Deno.test("an order tells which release it needs", () => {
  const { terms, notes } = parseOrderBy("end_time DESC");
  assert.deepEqual(printOrderBy({ terms }), ["end_time_ms DESC"]);
  assert.deepEqual(notes, []);
  assert.equal(listRequirements({ clauses: [] }, terms)[0]?.version, "3.18");
  assert.deepEqual(listRequirements({ clauses: [] }, parseOrderBy("timestamp").terms), []);
});

Deno.test("versions compare by number", () => {
  assert.ok(compareVersions("3.15.0", "3.6") > 0);
  assert.ok(compareVersions("3.4.0", "3.4") === 0);
  assert.ok(compareVersions("3.9.1rc0", "3.10") < 0);
});
