import type { Tool } from "../../src/mcp/tool.ts";
import { apiKeyCredentials, createAccount } from "../../src/wandb/account.ts";
import { compactDocument, createWandb } from "../../src/wandb/client.ts";
import type { WandbServices } from "../../src/wandb/tool.ts";
import { compareRuns } from "../../src/wandb/tools/compare_runs.ts";
import { diagnoseRun } from "../../src/wandb/tools/diagnose_run.ts";
import { getRunHistory } from "../../src/wandb/tools/get_run_history.ts";
import { listEntities, queryProjects } from "../../src/wandb/tools/query_projects.ts";
import { probeProject } from "../../src/wandb/tools/probe_project.ts";
import { queryWandb } from "../../src/wandb/tools/query_wandb.ts";
import { slowTest } from "../support/slow.ts";
import { DOCUMENTS } from "./documents.ts";
import { contextFor, type Data, memoryLog, startRig, toFailureReport } from "./harness.ts";

import assert from "node:assert/strict";
import fc from "fast-check";

/** Every tool with arguments made from one text. */
function calls(text: string): [Tool<WandbServices>, Data][] {
  const place = { entity_name: text, project_name: text };
  return [
    [listEntities, {}],
    [queryProjects, { entity: text }],
    [queryProjects, {}],
    [probeProject, place],
    [getRunHistory, { ...place, run_id: text, keys: [text] }],
    [getRunHistory, { ...place, run_id: text, keys: [`${text}*`, "system.*"], console_lines: 3 }],
    [compareRuns, { ...place, run_ids: [text, "b"], history_keys: [text] }],
    [diagnoseRun, { ...place, run_id: text }],
    [queryWandb, { entity: text, project: text, fields: [`config.${text}x`], cursor: text }],
    [queryWandb, { entity: text, project: text, resource: "files", run_id: text }],
    [queryWandb, { query: text }],
  ];
}

const NASTY = [
  '") { viewer { id } } #',
  "../../etc/passwd",
  "%2e%2e%2f",
  "\u0000\u001b[31m",
  "\ud800",
  "💣‮x",
  "a".repeat(5000),
  "__proto__",
  "constructor",
  "{}",
  "*****************************a",
  "$where",
];

slowTest(
  "hostile names are sent only as variables, and no call fails in an unforeseen way",
  async () => {
    await using rig = startRig();
    const ours = new Set(Object.values(DOCUMENTS).map(compactDocument));
    const check = async (text: string) => {
      for (const [tool, args] of calls(text)) {
        rig.sim.requests.length = 0;
        try {
          await rig.data(tool, args);
        } catch (error) {
          assert.notEqual(toFailureReport(error)["error"], "internal");
        }
        for (const { path, document } of rig.sim.requests) {
          assert.equal(path, "/graphql");
          if ("query" in args && args["query"] === text) continue;
          assert.ok(ours.has(document ?? ""), document);
        }
      }
    };
    for (const text of NASTY) await check(text);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), check),
      { numRuns: 25 },
    );
  },
);

/** Values as a reply may hold them where something else is expected. */
const ODD: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(null, true, 0, -1, 1e308, "", "NaN", "{}", "[]", "{") },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** A reply of about the right form, with anything in the place of anything. */
function replyOf(odd: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const maybe = (right: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: odd });
  const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
    maybe(fc.record(
      Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, maybe(value)])),
    ));
  const list = (node: fc.Arbitrary<unknown>) =>
    record({
      edges: maybe(fc.array(record({ node, cursor: fc.string() }), { maxLength: 3 })),
      pageInfo: record({ hasNextPage: fc.boolean(), endCursor: fc.constantFrom("c1", null) }),
      totalCount: fc.integer(),
    });
  const text = fc.constantFrom("a", "b", "loss", "sim");
  const jsonText = fc.constantFrom('{"a":NaN,"b":{"value":1}}', '{"loss":[1]}', "nonsense", "null");
  const row = fc.constantFrom({ _step: 1, loss: 2 }, { _step: "x", loss: null }, { loss: {} }, 7);
  const run = record({
    name: text,
    displayName: text,
    state: text,
    tags: fc.array(text),
    config: jsonText,
    summaryMetrics: jsonText,
    historyKeys: fc.constantFrom(
      { keys: { loss: { typeCounts: [{ type: "number", count: 3 }] } }, lastStep: 2 },
      { keys: { loss: null }, lastStep: "9" },
      { keys: 1 },
    ),
    sampledHistory: fc.array(fc.array(row)),
    events: fc.array(fc.constantFrom('{"_runtime":1,"system.gpu.0.gpu":NaN}', "x")),
    logLines: list(record({ line: text, number: fc.integer() })),
  });
  const project = record({
    name: text,
    runCount: fc.nat(),
    runs: list(run),
    list: list(run),
    run,
    named: list(run),
    newest: list(run),
  });
  const entity = record({ name: text, projects: list(project) });
  const viewer = record({ username: text, entity: text, teams: list(entity), names: list(entity) });
  return record({
    data: record({ project, viewer, models: list(project) }),
    errors: fc.array(maybe(record({ message: text })), { maxLength: 1 }),
  });
}

slowTest("no reply makes a tool fail in an unforeseen way", async () => {
  let body = "";
  const log = memoryLog([]);
  const wandb = createWandb(createAccount({
    baseUrl: new URL("http://wandb.test"),
    appUrl: new URL("http://wandb.test"),
    credentials: apiKeyCredentials("k".repeat(40), log),
    timeoutMs: 5000,
    log,
    backoffMs: 0,
    transport: () => Promise.resolve(new Response(body)),
  }));
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(replyOf(ODD), async (reply) => {
      body = JSON.stringify(reply);
      for (const [tool, args] of calls("a")) {
        try {
          await tool.call(args, { ...contextFor(log), wandb });
          whole++;
        } catch (error) {
          assert.ok(error instanceof Error && "report" in error, String(error));
        }
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(whole > 100, `only ${whole} replies were usable`);
});
