import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { progress } from "../../tests/support/python/command.ts";
import { startWandbSim, type WandbSim } from "../../tests/support/wandb/mod.ts";
import { type DocsServer, startDocsServer } from "../../tests/wandb/docs_server.ts";
import {
  type EverydayCall,
  everydayCalls,
  type EverydaySize,
  fillEveryday,
} from "../../tests/wandb/everyday.ts";
import { BUDGET, isWandb, type ListingCost, listingCost } from "../budget.ts";
import { allTools } from "../docs.ts";
import { median } from "./measure.ts";
import { wandflow } from "./programs.ts";
import { grouped } from "./report.ts";
import type { Result, Row } from "./row.ts";
import { type ServerProgram, StdioClient, textOf } from "./stdio_client.ts";
import { RECORDED } from "./wandb_recorded.ts";

/** 1,234 runs with those that only use an artifact, as in the recorded call. */
const SIZE: EverydaySize = { runs: 1212, steps: 1_000_000, files: 60 };
const DELAY_MS = 100;
const ROUNDS = 5;

/** The W&B tools on the simulator, beside the original's recorded figures. */
export async function bench(): Promise<Result> {
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
    const cost = listingCost(allTools().filter(isWandb));
    const rows: Row[] = [];
    for (const call of everydayCalls(SIZE)) {
      const row = await measure(program, sim, docs, call);
      const description = `${cost.each[call.tool] ?? "?"} tokens`;
      rows.push({ ...row, more: { ...row.more, description } });
    }
    if (sim.defects.length > 0) throw new Error(`The simulator failed: ${sim.defects.join("\n")}`);
    return {
      title: "Weights & Biases",
      about: ABOUT,
      originalHeading: "original, recorded",
      rows: [...rows, ...descriptionRows(cost), ...await startRows(program)],
    };
  } finally {
    await sim.stop();
  }
}

const ABOUT =
  "wandflow asks the W&B simulator of the tests (loopback), which answers each request " +
  `${DELAY_MS} ms late; its project has ${grouped(String(SIZE.runs + 22))} runs of up to ` +
  `${
    grouped(String(SIZE.steps))
  } steps, the artifact 8 versions of ${SIZE.files} files. Each call ` +
  "is made to a server that has just started, so nothing is known from a call before; then " +
  `${ROUNDS} times more, of which the latency is the median. Received are the bodies of all ` +
  "answers before compression. Tokens are exact o200k_base: of the answer's text, and of name, " +
  "description and input schema (of every tool: `tests/golden/tokens.json`).\n\n**The original's figures are recorded, not measured in this " +
  "run**: no release of W&B's own server that works is on a package index. They are those of " +
  "its version 0.3.3, recorded on other data and another machine; calls without a figure were " +
  "not recorded as a number. Each of its calls sends two viewer queries besides what it asks, " +
  "and comparing or diagnosing runs with their history reads the whole history, page by page. " +
  "The goal of the requests (at most a third) is checked where there is a recorded number.";

async function measure(
  program: ServerProgram,
  sim: WandbSim,
  docs: DocsServer,
  { tool, what, args, expect }: EverydayCall,
): Promise<Row> {
  progress(`${tool} ${what}`);
  const { client } = await StdioClient.start(program);
  await using _ = client;
  sim.requests.length = 0;
  docs.answers.length = 0;
  const text = textOf((await client.call(tool, args)).bytes);
  if (!expect.test(text)) throw new Error(`${tool} ${what}: ${expect} is not in ${text}`);
  const received = [...sim.requests.map(({ answerBytes }) => answerBytes), ...docs.answers];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push((await client.call(tool, args)).milliseconds);
  }
  const recorded = RECORDED.requests[tool];
  const name = tool === "search_wandb_docs_tool" ? `${tool} (a stand-in)` : tool;
  return {
    what: what === "" ? name : `${name}: ${what}`,
    unit: "requests",
    wandflow: received.length,
    ...(recorded === undefined
      ? {}
      : { original: recorded, goals: [{ against: "original", factor: 3 }] }),
    more: {
      latency: `${median(times).toFixed(0)} ms`,
      received: `${kilobytes(received.reduce((sum, bytes) => sum + bytes, 0))} kB`,
      answer: `${grouped(String(encode(text).length))} tokens`,
    },
  };
}

function descriptionRows({ each, wandb }: ListingCost): Row[] {
  const names = Object.keys(each);
  const missing = Object.entries(RECORDED.absent).filter(([name]) => !names.includes(name));
  const left = missing.reduce((sum, [, tokens]) => sum + tokens, 0);
  if (names.length + missing.length !== RECORDED.tools) {
    throw new Error(`${names.length} tools and ${missing.length} missing: not the recorded ones.`);
  }
  return [
    {
      what: `description of all ${names.length} W&B and Weave tools`,
      unit: "tokens",
      wandflow: wandb,
      original: RECORDED.tokens - left,
      goals: [{ against: "limit", factor: BUDGET.wandb }],
      note: missing.length === 0
        ? `the original's ${RECORDED.tools} tools`
        : `the original's same tools; all its ${RECORDED.tools}, ` +
          `${missing.map(([name]) => name).join(" and ")} with them, take ` +
          `${grouped(String(RECORDED.tokens))}`,
    },
    ...names.flatMap((name): Row[] => {
      const original = RECORDED.descriptions[name];
      const goals = [{ against: "limit", factor: BUDGET.each }] as const;
      const what = `description of ${name}`;
      return original === undefined
        ? []
        : [{ what, unit: "tokens", wandflow: each[name] ?? NaN, original, goals }];
    }),
  ];
}

async function startRows(program: ServerProgram): Promise<Row[]> {
  const starts: number[] = [];
  const memory: number[] = [];
  let listing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { client, milliseconds } = await StdioClient.start(program);
    await using _ = client;
    listing = (await client.request("tools/list", {})).bytes.length;
    starts.push(milliseconds);
    memory.push(client.memory());
  }
  const { listingKilobytes, startMs, memoryMegabytes } = RECORDED;
  const note = "recorded on another machine";
  return [
    { what: "`tools/list`", unit: "kB", wandflow: listing / 1000, original: listingKilobytes },
    {
      what: "start to the answer of `initialize`",
      unit: "ms",
      wandflow: median(starts),
      original: startMs,
      note,
    },
    {
      what: "memory after `tools/list`",
      unit: "MB",
      wandflow: median(memory),
      original: memoryMegabytes,
      note,
    },
  ];
}

function kilobytes(bytes: number): string {
  return grouped((bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0));
}
