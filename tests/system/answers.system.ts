/** What real clients do with answers: the model must get all of what we send. */
import assert from "node:assert/strict";
import { AGENTS, ask, claude } from "./agents.ts";
import { makeHome } from "./home.ts";
import type { ScriptedCall } from "./model/model.ts";

/** Traces in the demo's experiment. */
const TRACES = 36;

/** The plain question, and then page after page for as long as there is a cursor. */
const PAGES: readonly ScriptedCall[] = Array.from({ length: 12 }, (_, index) => ({
  tool: "search_traces",
  arguments: (before) => {
    const plain = { experiment_id: "support-agent" };
    const [, cursor] = /"next_page_token\\*":\s*\\*"([^"\\]+)/.exec(before) ?? [];
    if (index === 0) return plain;
    return cursor === undefined ? undefined : { ...plain, page_token: cursor };
  },
}));

for (const agent of AGENTS) {
  Deno.test(`${agent.name}: a plain search arrives whole, or with a cursor that leads to the rest`, async () => {
    await using home = await makeHome();
    await agent.setServer(home, home.demo);
    const { answers, output } = await ask(agent, home, PAGES);
    const seen = new Set<string>();
    for (const answer of answers) {
      const ids = [
        ...answer.matchAll(/"info\\*":\s*\{\s*\\*"trace_id\\*":\s*\\*"(tr-[0-9a-f]{32})/g),
      ];
      const [, returned] = /"returned\\*":\s*(\d+)/.exec(answer) ?? [];
      assert.equal(ids.length, Number(returned), answer);
      const facts = answer.slice(0, ids[0]?.index);
      assert.match(facts, /"total_matching\\*":\s*36\b/);
      for (const [, id = ""] of ids) seen.add(id);
    }
    assert.equal(seen.size, TRACES, output);
  });
}

Deno.test("claude: with a higher limit set by the user, a longer answer arrives whole", async () => {
  await using home = await makeHome();
  const env = { ...home.demo.env, MAX_RESPONSE_TOKENS: "30000" };
  await claude.setServer(home, { ...home.demo, env });
  const { answers: [answer = ""], output } = await ask(claude, home, PAGES.slice(0, 1));
  // More than it passes on otherwise.
  assert.ok(answer.length > 50_000, `${answer.length} characters; ${output}`);
  assert.equal(new Set(answer.match(/tr-[0-9a-f]{32}/g)).size, TRACES);
});
