/** Every W&B tool answers an everyday question with at most three requests. */
import assert from "node:assert/strict";
import type { BoundTool } from "../../src/mcp/tool.ts";
import { wandbBackends } from "../../src/wandb/backend.ts";
import { startWandbSim } from "../support/wandb/mod.ts";
import { startDocsServer } from "./docs_server.ts";
import { everydayCalls, type EverydaySize, fillEveryday } from "./everyday.ts";
import { configFor, contextFor, memoryLog } from "./harness.ts";
import { slowTest } from "../support/slow.ts";

/** More runs and files than fit in one page. */
const SIZE: EverydaySize = { runs: 120, steps: 20_000, files: 60 };
const MOST = 3;

/** What the original was recorded to send (0.3.3); ours is to be at most a third. */
const RECORDED: Readonly<Record<string, number>> = {
  get_run_history_tool: 8,
  get_artifact_details_tool: 64,
};

slowTest("no W&B tool sends more than three requests for an everyday question", async () => {
  const sim = startWandbSim();
  await using docs = startDocsServer();
  try {
    await fillEveryday(sim, SIZE);
    const log = memoryLog([]);
    // Each call finds a server that has just started, so that nothing is known from a call before.
    const tools = (): readonly BoundTool[] =>
      wandbBackends(configFor(sim, docs.url), log).slice(0, 1).flatMap(({ tools }) => tools);
    const asked = new Set<string>();
    for (const { tool: name, what, args, expect } of everydayCalls(SIZE)) {
      const tool = tools().find((one) => one.name === name);
      assert.ok(tool !== undefined, name);
      sim.requests.length = 0;
      docs.answers.length = 0;
      const outcome = await tool.call(args, contextFor(log));
      assert.ok(outcome.kind === "reply");
      const { data, text = "" } = outcome.reply;
      assert.match(JSON.stringify(data) + text, expect, `${name} ${what}`);
      const count = sim.requests.length + docs.answers.length;
      const most = Math.min(MOST, (RECORDED[name] ?? Infinity) / 3);
      assert.ok(count >= 1 && count <= most, `${name} ${what}: ${count} requests`);
      asked.add(name);
    }
    const reading = tools().filter(({ effect }) => effect === "read").map(({ name }) => name);
    assert.deepEqual(reading.filter((name) => !asked.has(name)), [], "tools without a call here");
    assert.deepEqual(sim.defects, []);
  } finally {
    await sim.stop();
  }
});
