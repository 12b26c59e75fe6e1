import { fileURLToPath } from "node:url";
import { z } from "zod";
import { progress, run } from "../../tests/support/python/command.ts";
import { ensureVenv } from "../../tests/support/python/venv.ts";
import { startMlflow } from "../../tests/support/mlflow/server.ts";
import { interleaved } from "./measure.ts";
import { type Call, mlflowCalls, Seeded } from "./mlflow_calls.ts";
import { send, summary } from "./mlflow_requests.ts";
import { officialMlflow, wandflow } from "./programs.ts";
import type { Result, Row } from "./row.ts";
import { type ServerProgram, StdioClient, textOf } from "./stdio_client.ts";

/** How long after the calls memory is read, in milliseconds. */
const SETTLE = 10_000;

const SEED = fileURLToPath(new URL("./mlflow_seed.py", import.meta.url));

/** Side by side with the official MLflow MCP server, on one real MLflow server. */
export async function bench(): Promise<Result> {
  const server = await startMlflow({ version: "newest" });
  try {
    progress("Filling an MLflow server");
    const seeded = await seed(server.uri);
    const env = { MLFLOW_TRACKING_URI: server.uri, MAX_RESPONSE_TOKENS: "100000000" };
    const ours = await wandflow(env);
    const theirs = await officialMlflow(server.uri);
    const calls = await mlflowCalls(server.uri, seeded);
    await compareRequests(ours, calls);
    return {
      title: "MLflow traces",
      about: about(await versionOf(theirs), seeded),
      rows: [
        await startRow(ours, theirs),
        ...await memoryRows(ours, theirs, calls),
        ...await callRows(ours, theirs, calls, server.uri),
        ...await olderRows(),
      ],
    };
  } finally {
    await server.stop();
  }
}

/**
 * What has a goal against the original, on the oldest server that wandflow knows; the goals are
 * those for the newest.
 */
async function olderRows(): Promise<Row[]> {
  const server = await startMlflow({ version: "3.4" });
  try {
    progress("Filling an MLflow 3.4 server");
    const seeded = await seed(server.uri, "mlflow-3.4");
    const env = { MLFLOW_TRACKING_URI: server.uri, MAX_RESPONSE_TOKENS: "100000000" };
    const ours = await wandflow(env);
    const theirs = await officialMlflow(server.uri);
    const calls = (await mlflowCalls(server.uri, seeded))
      .filter(({ goals }) => goals.some(({ against }) => against === "original"))
      .map((call) => ({ ...call, what: `MLflow 3.4: ${call.what}`, goals: [] }));
    await compareRequests(ours, calls);
    return await callRows(ours, theirs, calls, server.uri);
  } finally {
    await server.stop();
  }
}

function about(original: string, { traces, spans, large_spans }: Seeded): string {
  return `The original is \`mlflow mcp run\` of MLflow ${original} with the tools it lists by ` +
    "default, over stdio; both ask the same MLflow server of that release (SQLite store, one " +
    `worker, loopback), with the same arguments. It holds ${traces} traces of ${spans} spans ` +
    `thrice, with short, long and very long texts, and one of ${large_spans} spans and 10 MB. ` +
    "wandflow's results are not cut (`MAX_RESPONSE_TOKENS` is set to a hundred million). Bare: " +
    "the requests that wandflow sends for the call, side by side where wandflow does so, by " +
    "plain `fetch` over kept connections, bodies read as text and thrown away: no client can be " +
    "faster, so a goal against the original that these miss too cannot be reached, and says so. " +
    "The original reads all spans of the traces it lists, also where only ids are asked for. " +
    "The last rows are the same on a server of MLflow 3.4, which keeps spans in files. " +
    "Memory is the resident memory of the server's processes, ten seconds after the calls.";
}

async function seed(uri: string, client = "mlflow-newest"): Promise<Seeded> {
  const venv = await ensureVenv(client);
  const env = { MLFLOW_TRACKING_URI: uri };
  const { code, stdout, stderr } = await run(venv.python, ["-W", "ignore", SEED], { env });
  if (code !== 0) throw new Error(`Filling the MLflow server failed:\n${stderr}`);
  return Seeded.parse(JSON.parse(stdout));
}

async function versionOf(program: ServerProgram): Promise<string> {
  const { stdout } = await run(program.command, ["--version"]);
  return /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? "of an unknown version";
}

const LogLine = z.looseObject({
  message: z.string(),
  method: z.string().optional(),
  path: z.string().optional(),
});

/** The bare requests must be those that wandflow sends, or the comparison means nothing. */
async function compareRequests(ours: ServerProgram, calls: readonly Call[]): Promise<void> {
  const env = { ...ours.env, MCP_SERVER_LOG_LEVEL: "DEBUG", WANDFLOW_LOG_FORMAT: "json" };
  const { client } = await StdioClient.start({ ...ours, env });
  for (const call of calls) await client.call(call.tool, call.args);
  const sent: string[][] = [[]];
  for (const line of (await client.end()).split("\n")) {
    if (!line.startsWith("{")) continue;
    const { message, method, path } = LogLine.parse(JSON.parse(line));
    if (message === "Call finished") sent.push([]);
    else if (path !== undefined) sent.at(-1)?.push(`${method} ${path}`);
  }
  for (const [index, call] of calls.entries()) {
    const found = (sent[index] ?? []).sort().join("\n");
    const expected = summary(call.steps).join("\n");
    if (found === expected) continue;
    throw new Error(`${call.what}: wandflow sent\n${found}\nand the bench sends\n${expected}`);
  }
}

async function startRow(ours: ServerProgram, theirs: ServerProgram): Promise<Row> {
  progress("Start");
  const start = (program: ServerProgram) => async () => {
    const { client, milliseconds } = await StdioClient.start(program);
    await client.end();
    return milliseconds;
  };
  const { wandflow, original } = await interleaved({
    wandflow: { run: start(ours) },
    original: { run: start(theirs), every: 2 },
  }, { warmUp: 1, counted: 13 });
  return {
    what: "start to first `initialize` answer",
    unit: "ms",
    wandflow,
    original,
    goals: [{ against: "original", factor: 20 }],
  };
}

async function memoryRows(
  ours: ServerProgram,
  theirs: ServerProgram,
  calls: readonly Call[],
): Promise<Row[]> {
  progress("Memory");
  const measure = async (program: ServerProgram) => {
    const { client } = await StdioClient.start(program);
    await using _ = client;
    await client.request("tools/list", {});
    const idle = client.memory();
    const callAll = async (large: boolean) => {
      for (const call of calls) {
        if (call.large === large) await client.call(call.tool, call.args);
      }
      await settle();
      return client.memory();
    };
    return { idle, small: await callAll(false), large: await callAll(true), peak: client.peak() };
  };
  const [own, other] = [await measure(ours), await measure(theirs)];
  const row = (what: string, wandflow: number, original: number): Row => ({
    what,
    unit: "MB",
    wandflow,
    original,
    goals: [{ against: "original", factor: 3 }],
  });
  const { goals: _, ...peak } = row("memory, the most of all that time", own.peak, other.peak);
  return [
    row("memory after start and `tools/list`", own.idle, other.idle),
    row("memory after the calls below, but for the 10 MB trace", own.small, other.small),
    row("memory after all of the calls below", own.large, other.large),
    peak,
  ];
}

/** Both give back what they want to. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE));
}

async function callRows(
  ours: ServerProgram,
  theirs: ServerProgram,
  calls: readonly Call[],
  uri: string,
): Promise<Row[]> {
  const { client: own } = await StdioClient.start(ours);
  await using _own = own;
  const { client: other } = await StdioClient.start(theirs);
  await using _other = other;
  const rows: Row[] = [];
  for (const call of calls) {
    progress(call.what);
    await callOnce(own, call);
    await callOnce(other, call);
    const timed = (client: StdioClient) => async () =>
      (await client.call(call.tool, call.args)).milliseconds;
    const figures = await interleaved({
      wandflow: { run: timed(own) },
      bare: { run: () => send(uri, call.steps) },
      original: { run: timed(other), every: 4 },
    }, { warmUp: 2, counted: 21 });
    rows.push({ what: call.what, unit: "ms", ...figures, goals: call.goals });
  }
  return rows;
}

/** A quick wrong answer is no good figure: what was asked for must be in the text. */
async function callOnce(client: StdioClient, call: Call): Promise<void> {
  const { bytes } = await client.call(call.tool, call.args);
  const found = [...textOf(bytes).matchAll(call.expect.pattern)].length;
  if (found !== call.expect.count) {
    throw new Error(`${call.what}: ${found} times ${call.expect.pattern} in the answer.`);
  }
}
