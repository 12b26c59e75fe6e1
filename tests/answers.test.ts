/**
 * A ledger of what answers cost where a call leaves everything to its defaults: characters of text
 * by client, and tokens. On the demo's store they are exact, on the simulator of W&B within 3 %,
 * since ids and times differ. `UPDATE_GOLDEN=1` updates it; docs/TOKENS.md shows it.
 */
import assert from "node:assert/strict";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { fileOf } from "../scripts/graph.ts";
import { type Answer, AnswerLedger, ANSWERS, CLIENTS } from "../scripts/ledger/answers.ts";
import { chooseFit } from "../src/mcp/fit.ts";
import { renderReply } from "../src/mcp/result.ts";
import type { BoundTool } from "../src/mcp/tool.ts";
import { context } from "./mcp/support.ts";
import { slowTest } from "./support/slow.ts";
import { startWandbSim } from "./support/wandb/mod.ts";
import { startWeaveStub, type StubCall } from "./support/weave/stub.ts";
import { startDocsServer } from "./wandb/docs_server.ts";
import { type EverydaySize, fillEveryday } from "./wandb/everyday.ts";
import { configFor } from "./wandb/harness.ts";
import { catalogOf, quiet } from "./workflows/client.ts";

// Late, as the catalog loads it: Deno 2.9.6 does not wait for a module that a static import has begun.
const { wandbBackends } = await import("../src/wandb/backend.ts");

type Calls = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const MLFLOW: Calls = {
  search_traces: { experiment_id: "support-agent" },
  get_trace: { trace_id: "tr-d0801e632ec9959da5a094a1c0f0878b" },
  plot_traces: { experiment_id: "support-agent" },
};

const SIZE: EverydaySize = { runs: 100, steps: 20_000, files: 60 };
const AT = { entity: "sim-team", project: "everyday" };
const HERE = { entity_name: AT.entity, project_name: AT.project };
const IMAGES = `${AT.entity}/${AT.project}/images`;
const WANDB: Calls = {
  list_entities_tool: {},
  query_wandb_entity_projects: {},
  probe_project_tool: HERE,
  query_wandb_tool: AT,
  get_run_history_tool: { ...HERE, run_id: "run0" },
  compare_runs_tool: { ...HERE, run_id_a: "run0", run_id_b: "run1" },
  diagnose_run_tool: { ...HERE, run_id: "run0" },
  plot_runs_tool: { ...HERE, run_ids: ["run0", "run1", "run2"] },
  list_registries_tool: {},
  list_registry_collections_tool: { registry_name: "data" },
  list_artifact_versions_tool: { collection_name: IMAGES },
  get_artifact_details_tool: { artifact_name: `${IMAGES}:first` },
  compare_artifact_versions_tool: {
    artifact_name_a: `${IMAGES}:first`,
    artifact_name_b: `${IMAGES}:v7`,
  },
  search_wandb_docs_tool: { query: "log artifacts" },
};

/** An agent's calls as Weave keeps them: a request, and below it a model's answer. */
const CALLS: readonly StubCall[] = Array.from({ length: 300 }, (_, index) => {
  const started = Date.UTC(2026, 0, 1) + Math.floor(index / 2) * 60_000;
  const isRoot = index % 2 === 0;
  const question = `Why was order ${1000 + index} not delivered, and when will it be?`;
  const told = "The parcel was held at the depot since its label could not be read. ".repeat(6);
  return {
    id: `call-${String(index).padStart(4, "0")}`,
    project_id: "test-entity/agents",
    trace_id: `trace-${String(Math.floor(index / 2)).padStart(4, "0")}`,
    parent_id: isRoot ? null : `call-${String(index - 1).padStart(4, "0")}`,
    op_name: `weave:///test-entity/agents/op/${isRoot ? "answer" : "openai.chat"}:v1`,
    started_at: new Date(started).toISOString(),
    ended_at: new Date(started + 1500 + index).toISOString(),
    attributes: {},
    inputs: isRoot
      ? { question }
      : { model: "gpt-4o", messages: [{ role: "user", content: question }] },
    output: isRoot ? told : { choices: [{ message: { role: "assistant", content: told } }] },
    summary: isRoot
      ? {}
      : { usage: { "gpt-4o": { prompt_tokens: 200, completion_tokens: 90, requests: 1 } } },
  };
});

const AGENTS = { entity_name: "test-entity", project_name: "agents" };
const WEAVE: Calls = {
  query_weave_traces_tool: AGENTS,
  count_weave_traces_tool: AGENTS,
  infer_trace_schema_tool: AGENTS,
  resolve_trace_roots_tool: { ...AGENTS, trace_ids: ["trace-0001", "trace-0002"] },
};

async function measureWeave(): Promise<Record<string, Answer>> {
  const stub = startWeaveStub({ calls: CALLS });
  try {
    const { tools } = catalogOf({
      WANDB_BASE_URL: stub.url,
      WF_TRACE_SERVER_URL: stub.url,
      WANDB_API_KEY: stub.apiKey,
    });
    return await measure(tools, WEAVE);
  } finally {
    await stub.stop();
  }
}

async function measure(tools: readonly BoundTool[], calls: Calls): Promise<Record<string, Answer>> {
  const answers: Record<string, Answer> = {};
  for (const [name, args] of Object.entries(calls)) {
    const tool = tools.find((one) => one.name === name);
    assert.ok(tool !== undefined, name);
    const characters: Record<string, number> = {};
    let tokens = 0;
    let picture: Answer["picture"];
    for (const client of CLIENTS) {
      const fit = chooseFit(client, undefined);
      const outcome = await tool.call(args, context({ maxTokens: fit.tokens }));
      assert.ok(outcome.kind === "reply");
      const { content: [block, image] } = renderReply(outcome.reply, fit, quiet);
      assert.ok(block?.type === "text");
      characters[client] = block.text.length;
      if (client !== CLIENTS[0]) continue;
      tokens = encode(block.text).length;
      if (image?.type === "image") picture = sizeOf(Uint8Array.fromBase64(image.data));
    }
    answers[name] = { characters, tokens, ...(picture === undefined ? {} : { picture }) };
  }
  return answers;
}

/** Width and height of a PNG, from its head. */
function sizeOf({ buffer, byteOffset }: Uint8Array): { width: number; height: number } {
  const head = new DataView(buffer, byteOffset);
  return { width: head.getUint32(16), height: head.getUint32(20) };
}

/** The same answers, each figure within a share of the ledger's. */
function assertNear(measured: Record<string, Answer>, kept: Record<string, Answer>, share: number) {
  assert.deepEqual(Object.keys(measured), Object.keys(kept));
  for (const [name, { characters, tokens, picture }] of Object.entries(measured)) {
    const pairs: [string, number, number | undefined][] = [
      ["tokens", tokens, kept[name]?.tokens],
      ...CLIENTS.map((client): [string, number, number | undefined] => [
        client,
        characters[client] ?? 0,
        kept[name]?.characters[client],
      ]),
    ];
    for (const [what, now, then = 0] of pairs) {
      assert.ok(Math.abs(now - then) <= share * then, `${name}, ${what}: ${now}, was ${then}`);
    }
    const then = kept[name]?.picture;
    assert.equal(picture === undefined, then === undefined, name);
    // The ledger's price is an area: what changes it by little may.
    const area = ({ width, height } = { width: 0, height: 0 }) => width * height;
    assert.ok(Math.abs(area(picture) - area(then)) <= 0.1 * area(then), `${name}: picture`);
  }
}

slowTest("default answers take the tokens that the ledger says", async () => {
  const { tools } = catalogOf({
    MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}`,
  });
  const mlflow = await measure(tools, MLFLOW);
  const weave = await measureWeave();
  const sim = startWandbSim();
  await using docs = startDocsServer();
  try {
    await fillEveryday(sim, SIZE);
    const [backend] = wandbBackends(configFor(sim, docs.url), quiet);
    const own = backend?.tools ?? [];
    const wandb = await measure(own, WANDB);
    const reading = own.filter(({ effect }) => effect === "read").map(({ name }) => name);
    assert.deepEqual(reading.filter((name) => WANDB[name] === undefined), []);
    const curves = await measure(own, {
      get_run_history_tool: { ...HERE, run_id: "run0", keys: ["train/loss"] },
    });
    const history = curves["get_run_history_tool"];
    assert.ok(history !== undefined);
    const ledger = { mlflow, wandb, weave, curve: { get_run_history_tool: history } };
    if (Deno.env.get("UPDATE_GOLDEN") === "1") {
      await Deno.writeTextFile(fileOf(ANSWERS), `${JSON.stringify(ledger, null, 2)}\n`);
    }
    const kept = AnswerLedger.parse(JSON.parse(await Deno.readTextFile(fileOf(ANSWERS))));
    assertNear(mlflow, kept.mlflow, 0);
    assertNear(weave, kept.weave, 0);
    assertNear(wandb, kept.wandb, 0.03);
    assertNear(ledger.curve, kept.curve, 0.03);
  } finally {
    await sim.stop();
  }
});
