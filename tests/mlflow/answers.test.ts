/**
 * A ledger of what default answers cost: characters of text on the demo's store, by client. A change
 * shows in review; `UPDATE_GOLDEN=1` writes it anew.
 */
import assert from "node:assert/strict";
import { createCatalog } from "../../src/catalog.ts";
import { fitFor } from "../../src/mcp/client_fit.ts";
import { renderReply } from "../../src/mcp/result.ts";
import { fileOf } from "../../scripts/graph.ts";
import { context } from "../mcp/support.ts";
import { configOf, quiet } from "../workflows/client.ts";

const LEDGER = fileOf("tests/golden/answers.json");
const CALLS = {
  search_traces: { experiment_id: "support-agent" },
  get_trace: { trace_id: "tr-d0801e632ec9959da5a094a1c0f0878b" },
};
const CLIENTS = ["another", "claude-code", "codex-mcp-client", "copilot-cli", "@cline/core"];

Deno.test("default answers take as many characters as the ledger says", async () => {
  const { tools } = createCatalog(
    configOf({ MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}` }),
    quiet,
  );
  const ledger: Record<string, Record<string, number>> = {};
  for (const [name, args] of Object.entries(CALLS)) {
    const tool = tools.find((one) => one.name === name);
    assert.ok(tool !== undefined);
    ledger[name] = {};
    for (const client of CLIENTS) {
      const fit = fitFor(client, undefined);
      const outcome = await tool.call(args, context({ maxTokens: fit.tokens }));
      assert.ok(outcome.kind === "reply");
      const { content: [block] } = renderReply(outcome.reply, fit, quiet);
      assert.ok(block?.type === "text");
      ledger[name][client] = block.text.length;
    }
  }
  const text = `${JSON.stringify(ledger, null, 2)}\n`;
  if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(LEDGER, text);
  assert.equal(text, await Deno.readTextFile(LEDGER));
});
