import assert from "node:assert/strict";
import { chooseFit } from "../../src/mcp/client_fit.ts";
import { renderReply } from "../../src/mcp/result.ts";
import { keptLog } from "./support.ts";

const ROWS = Array.from({ length: 200 }, (_, index) => ({
  id: `row-${index}`,
  note: "what was asked and what was answered ".repeat(8),
}));
const reply = () => ({
  data: { items: ROWS, returned: ROWS.length },
  rows: [{
    path: "items",
    resume: (kept: number) => ({ returned: kept, next: `after-${kept}` }),
  }],
});
const render = (client: string | undefined, userSet?: number) => {
  const { content: [block], structuredContent } = renderReply(
    reply(),
    chooseFit(client, userSet),
    keptLog().log,
  );
  assert.ok(block?.type === "text");
  return { text: block.text, structuredContent };
};

Deno.test("an answer is as long as the client passes on, and says what was cut and why", () => {
  for (
    const [client, most] of [
      ["codex-mcp-client", 11_000],
      ["@cline/core", 6_000],
      ["qwen-cli-mcp-client-wandflow", 25_000],
    ] as const
  ) {
    const { text, structuredContent } = render(client);
    assert.ok(text.length <= most && text.length > 0.7 * most, `${client}: ${text.length}`);
    assert.deepEqual(JSON.parse(text), structuredContent);
    assert.match(text, new RegExp(`"limit":"${most} characters`));
    assert.match(text, /"next":"after-\d+"/);
  }
});

Deno.test("what the user set is the bound, whoever the client is", () => {
  const { text } = render("@cline/core", 30_000);
  assert.ok(text.length > 50_000);
  assert.doesNotMatch(text, /"truncated"/);
});

Deno.test("facts stand before the rows, and each row on a line of its own", () => {
  const [head = "", ...lines] = render("opencode").text.split("\n");
  assert.match(head, /^\{"returned":\d+,.*"items":\[$/);
  assert.ok(lines.length > 10);
  for (const line of lines.slice(0, -1)) assert.match(line, /^\{"id":"row-\d+"/);
});

Deno.test("clients that drop a text only where it is the structure get just that", () => {
  for (const client of ["qwen-cli-mcp-client-x", "copilot-cli"]) {
    const { text, structuredContent } = render(client);
    assert.equal(text, JSON.stringify(structuredContent));
  }
});
