import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { progress } from "../../tests/support/python/command.ts";
import { startWandbSim } from "../../tests/support/wandb/mod.ts";
import { startDocsServer } from "../../tests/wandb/docs_server.ts";
import { everydayCalls, type EverydaySize, fillEveryday } from "../../tests/wandb/everyday.ts";
import { type Program, StdioClient, wandflow } from "./client.ts";
import { grouped } from "./report.ts";
import { median, type Row, type Section } from "./row.ts";

/** 1,234 runs with those that only use an artifact, as in the recorded call. */
const SIZE: EverydaySize = { runs: 1212, steps: 1_000_000, files: 60 };
const DELAY_MS = 100;
const ROUNDS = 5;

/**
 * Figures of W&B's own MCP server 0.3.3, recorded when it ran. It cannot be measured again beside
 * wandflow: no release of it that works is on a package index.
 */
const RECORDED = {
  /** Requests of a call; `create_wandb_report_tool` took so many or more. */
  requests: new Map([
    ["probe_project_tool", 1495],
    ["get_run_history_tool", 8],
    ["get_artifact_details_tool", 64],
    ["create_wandb_report_tool", 14],
    ["log_analysis_to_wandb", 8],
  ]),
  startMs: 3300,
  memoryMegabytes: 176,
};

const ABOUT =
  "wandflow calls the W&B simulator of the tests (loopback), which delays each answer by " +
  `${DELAY_MS} ms; its project has ${grouped(SIZE.runs + 22)} runs of up to ` +
  `${grouped(SIZE.steps)} steps, its artifact 8 versions of ${SIZE.files} files. Each call is ` +
  "first made to a server that has just started, so that nothing is known from earlier calls, " +
  `then ${ROUNDS} times more; the latency is the median of these. Received: the bodies of all ` +
  "answers before compression. Tokens are exact o200k_base, of the answer's text.\n\n**The " +
  "original's " +
  "figures are recorded, not measured in this run**: no release of W&B's own server that works is " +
  "on a package index. They are from version 0.3.3, recorded on other data and another machine; " +
  "where a figure is missing, none was recorded. Each of its calls sends two viewer queries " +
  "besides its own requests, and comparing or diagnosing runs with their history reads the whole " +
  "history, page by page. The goal for requests (at most a third) is checked where there is a " +
  "recorded number.";

/** The W&B tools on the simulator, beside the original's recorded figures. */
export async function bench(): Promise<Section> {
  const sim = startWandbSim();
  await using docs = startDocsServer(DELAY_MS);
  try {
    progress("Filling the W&B simulator");
    await fillEveryday(sim, SIZE);
    sim.behaviour.delayMs = DELAY_MS;
    const program = await wandflow({
      WANDB_BASE_URL: sim.url,
      WANDB_API_KEY: sim.apiKey,
      WANDBOT_BASE_URL: docs.url,
      WANDFLOW_TOOLSETS: "wandb,weave",
    });
    const rows: Row[] = [];
    for (const call of everydayCalls(SIZE)) {
      progress(`${call.tool} ${call.what}`);
      await using client = await StdioClient.start(program);
      sim.requests.length = 0;
      docs.answers.length = 0;
      const { text } = await client.call(call);
      const received = [...sim.requests.map(({ answerBytes }) => answerBytes), ...docs.answers];
      const times: number[] = [];
      while (times.length < ROUNDS) times.push((await client.call(call)).milliseconds);
      const original = RECORDED.requests.get(call.tool);
      const name = call.tool === "search_wandb_docs_tool" ? `${call.tool} (a stand-in)` : call.tool;
      const bytes = received.reduce((sum, one) => sum + one, 0);
      rows.push({
        what: call.what === "" ? name : `${name}: ${call.what}`,
        ...{ unit: "requests", wandflow: received.length, original },
        goals: original === undefined ? [] : [{ against: "original", factor: 3 }],
        more: {
          latency: `${median(times).toFixed(0)} ms`,
          received: `${grouped((bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0))} kB`,
          answer: `${grouped(encode(text).length)} tokens`,
        },
      });
    }
    if (sim.defects.length > 0) throw new Error(`The simulator failed: ${sim.defects.join("\n")}`);
    return {
      title: "Weights & Biases",
      about: ABOUT,
      headings: { original: "original, recorded" },
      rows: [...rows, ...await startRows(program)],
    };
  } finally {
    await sim.stop();
  }
}

async function startRows(program: Program): Promise<Row[]> {
  const taken: { start: number; memory: number }[] = [];
  while (taken.length < ROUNDS) {
    await using client = await StdioClient.start(program);
    await client.request("tools/list", {});
    taken.push({ start: client.startMilliseconds, memory: client.memory() });
  }
  const note = "recorded on another machine";
  return [
    {
      what: "start to the answer of `initialize`",
      ...{ unit: "ms", wandflow: median(taken.map(({ start }) => start)) },
      ...{ original: RECORDED.startMs, note },
    },
    {
      what: "memory after `tools/list`",
      ...{ unit: "MB", wandflow: median(taken.map(({ memory }) => memory)) },
      ...{ original: RECORDED.memoryMegabytes, note },
    },
  ];
}
