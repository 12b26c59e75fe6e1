import { progress } from "../../tests/support/python/command.ts";
import type { Program } from "../../tests/support/product.ts";
import { startWandbSim } from "../../tests/support/wandb/mod.ts";
import { startDocsServer } from "../../tests/wandb/docs_server.ts";
import { everydayCalls, type EverydaySize, fillEveryday } from "../../tests/wandb/everyday.ts";
import { countTokens, observe, stopAtEnd, type Traffic } from "./cases.ts";
import { StdioClient, wandflow } from "./client.ts";
import { formatBytes, grouped } from "./report.ts";
import { goalOf, median, type Row, type Section } from "./row.ts";

/** 1,234 runs with those that only use an artifact, as in the recorded call. */
const SIZE: EverydaySize = { runs: 1212, steps: 1_000_000, files: 60 };
const DELAY_MS = 100;
const ROUNDS = 5;

/**
 * Requests of calls of W&B's own MCP server 0.3.3, recorded when it ran. It cannot be measured again
 * beside wandflow: no release of it that works is on a package index.
 */
const RECORDED: Readonly<Record<string, number>> = {
  probe_project_tool: 1495,
  get_run_history_tool: 8,
  get_artifact_details_tool: 64,
};

/** The W&B tools on the simulator, beside the original's recorded figures. */
export async function bench(): Promise<Section> {
  await using sim = stopAtEnd(startWandbSim());
  await using docs = startDocsServer(DELAY_MS);
  progress("Filling the W&B simulator");
  await fillEveryday(sim, SIZE);
  sim.behaviour.delayMs = DELAY_MS;
  const program = await wandflow({
    WANDB_BASE_URL: sim.url,
    WANDB_API_KEY: sim.apiKey,
    WANDBOT_BASE_URL: docs.url,
    WANDFLOW_TOOLSETS: "wandb,weave",
  });
  const traffic: Traffic = () => {
    const answers = [...sim.requests.map((one) => one.answerBytes), ...docs.answers];
    sim.requests.length = docs.answers.length = 0;
    const bytes = answers.reduce((sum, one) => sum + one, 0);
    return Promise.resolve({ requests: answers.length, bytes });
  };
  const rows: Row[] = [];
  for (const call of everydayCalls(SIZE)) {
    progress(`${call.tool} ${call.what}`);
    await using client = await StdioClient.start(program);
    const { requests, bytes, text } = await observe(client, call, traffic);
    const times: number[] = [];
    while (times.length < ROUNDS) times.push((await client.call(call)).milliseconds);
    const original = RECORDED[call.tool];
    const name = call.tool === "search_wandb_docs_tool" ? `${call.tool} (a stand-in)` : call.tool;
    rows.push({
      what: call.what === "" ? name : `${name}: ${call.what}`,
      ...{ unit: "requests", wandflow: requests, original },
      goals: original === undefined ? [] : [goalOf("original")(3)],
      more: {
        latency: `${median(times).toFixed(0)} ms`,
        received: formatBytes(bytes, "kB"),
        answer: countTokens(text),
      },
    });
  }
  if (sim.defects.length > 0) throw new Error(`The simulator failed: ${sim.defects.join("\n")}`);
  return {
    facts: {
      ...{ delay: DELAY_MS, rounds: ROUNDS, files: SIZE.files },
      ...{ runs: grouped(SIZE.runs + 22), steps: grouped(SIZE.steps) },
    },
    headings: { original: "original, recorded" },
    rows: [...rows, ...await startRows(program)],
  };
}

async function startRows(program: Program): Promise<Row[]> {
  const [times, memory]: [number[], number[]] = [[], []];
  while (times.length < ROUNDS) {
    await using client = await StdioClient.start(program);
    await client.request("tools/list", {});
    times.push(client.startMilliseconds);
    memory.push(client.memory());
  }
  const note = "recorded on another machine";
  const start = {
    what: "start to the answer of `initialize`",
    unit: "ms",
    original: 3300,
  } as const;
  const listed = { what: "memory after `tools/list`", unit: "MB", original: 176 } as const;
  return [
    { ...start, wandflow: median(times), note },
    { ...listed, wandflow: median(memory), note },
  ];
}
