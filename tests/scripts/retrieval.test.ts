/** Clients that hide tools find them by the words of their descriptions. */
import assert from "node:assert/strict";
import { allTools } from "../../scripts/docs.ts";
import { FIRST, measureRetrieval } from "../../scripts/retrieval/measure.ts";
import { ASKED_FOR, QUESTIONS } from "../../scripts/retrieval/questions.ts";

const tools = allTools();
const names = tools.map(({ name }) => name);

Deno.test("every tool has its own questions, and every question has a tool", () => {
  assert.deepEqual([...ASKED_FOR].sort(), [...names].sort());
  for (const { asked, right } of QUESTIONS) {
    for (const name of right) assert.ok(names.includes(name), asked);
  }
  assert.equal(new Set(QUESTIONS.map(({ asked }) => asked)).size, QUESTIONS.length);
});

for (const { method, found, first, amongThree } of measureRetrieval(tools)) {
  Deno.test(`questions find their tool by ${method}`, () => {
    assert.ok(first >= FIRST * QUESTIONS.length, `${first} of ${QUESTIONS.length} first`);
    const lost = found.filter(({ place }) => place > 2).map(({ asked }) => asked);
    assert.deepEqual(lost, []);
    assert.equal(amongThree, QUESTIONS.length);
  });
}

Deno.test("the measure distinguishes empty descriptions from real ones", () => {
  const blank = tools.map((tool) => ({
    ...tool,
    listing: () => ({ ...tool.listing(), description: "Ask it something." }),
  }));
  for (const { first } of measureRetrieval(blank)) assert.ok(first < 0.6 * QUESTIONS.length);
});
