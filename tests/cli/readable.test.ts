import assert from "node:assert/strict";
import fc from "fast-check";
import { renderForPeople } from "../../src/cli/call.ts";

Deno.test("flat lists become tables, the rest is indented", () => {
  const text = renderForPeople({
    traces: [{ id: "tr-1", state: "OK" }, { id: "tr-22", state: "ERROR" }],
    info: { name: "x", tags: { a: 1 } },
    none: [],
    mixed: [1, { a: null }],
  });
  assert.equal(
    text,
    [
      "traces:",
      "  ID     STATE",
      "  -----  -----",
      "  tr-1   OK",
      "  tr-22  ERROR",
      "info:",
      "  name: x",
      "  tags:",
      "    a: 1",
      "none: (none)",
      "mixed:",
      "  - 1",
      "  - [2]",
      "    a: null",
    ].join("\n"),
  );
});

Deno.test("every value can be rendered, with all of its short texts", () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  const value = fc.dictionary(word, fc.oneof(word, fc.integer(), fc.array(word), fc.jsonValue()));
  fc.assert(fc.property(value, (data) => {
    const text = renderForPeople(data);
    for (const [key, child] of Object.entries(data)) {
      assert.ok(text.includes(key));
      if (typeof child === "string") assert.ok(text.includes(child));
    }
  }));
});
