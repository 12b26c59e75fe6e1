import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type MlflowVersion, startMlflow } from "../../tests/support/mlflow/server.ts";
import { progress, run } from "../../tests/support/python/command.ts";
import { ensureVenv } from "../../tests/support/python/venv.ts";
import { type Call, officialMlflow, type Program, StdioClient, wandflow } from "./client.ts";
import { Recorder, send, type Sent, stepsOf } from "./recorder.ts";
import { type Goal, measure, median, type Row, type Run, type Section } from "./row.ts";

/** What mlflow_seed.py made: experiments with short, long and very long texts, and single traces. */
const Seeded = z.object({
  experiments: z.tuple([Experiment(), Experiment(), Experiment()]),
  traces: z.int(),
  small_trace_id: z.string(),
  spans: z.int(),
  large_trace_id: z.string(),
  large_spans: z.int(),
});
type Seeded = z.infer<typeof Seeded>;

/** Its id, and the size of each of its traces. */
function Experiment() {
  return z.object({ id: z.string(), kilobytes: z.int() });
}

/** A line of the table, with the same arguments for both servers. */
interface Line extends Call {
  readonly what: string;
  readonly goals: readonly Goal[];
  /** It reads the 10 MB trace. */
  readonly large: boolean;
}

function linesFor({ experiments, ...seeded }: Seeded): Line[] {
  const bare = (factor: number): Goal => ({ against: "bare", factor });
  const original = (factor: number): Goal => ({ against: "original", factor });
  const [short, long, longest] = experiments;
  const search = (
    { id, kilobytes }: Seeded["experiments"][0],
    size: number,
    [fields, named]: readonly [string, string],
    ...goals: Goal[]
  ): Line => ({
    what: `\`search_traces\`, ${size} of ${kilobytes} kB, ${named}`,
    tool: "search_traces",
    args: { experiment_id: id, max_results: size, extract_fields: fields, output: "json" },
    goals: [...goals, bare(1.3)],
    large: false,
  });
  const trace = (id: string, size: string, fields: string | undefined): Line => {
    const large = id === seeded.large_trace_id;
    return {
      what: `\`get_trace\`, ${size}, ${fields === undefined ? "all" : "span names"}`,
      tool: "get_trace",
      args: { trace_id: id, ...(fields === undefined ? {} : { extract_fields: fields }) },
      goals: large ? [original(4), bare(1.5)] : [bare(1.3)],
      large,
    };
  };
  const ids = ["info.trace_id", "ids only"] as const;
  const spans = "data.spans.*.name";
  const names = [`info.trace_id,${spans}`, "ids and span names"] as const;
  return [
    search(short, 10, ids),
    search(short, 100, ids, original(50)),
    search(long, 100, ids, original(50)),
    search(longest, 100, ids, original(50)),
    search(short, 10, names),
    search(short, 100, names),
    trace(seeded.small_trace_id, `${short.kilobytes} kB`, undefined),
    trace(seeded.small_trace_id, `${short.kilobytes} kB`, spans),
    trace(seeded.large_trace_id, "10 MB", undefined),
    trace(seeded.large_trace_id, "10 MB", spans),
  ];
}

/** Side by side with the official MLflow MCP server, on real MLflow servers. */
export async function bench(): Promise<Section> {
  const newest = await onServer("newest", async (servers, seeded) => {
    const lines = linesFor(seeded);
    const version = (await run(servers.theirs.command, ["--version"])).stdout;
    return {
      about: about(/\d+\.\d+\.\d+\S*/.exec(version)?.[0] ?? "", seeded),
      rows: [
        await startRow(servers),
        ...await memoryRows(servers, lines),
        ...await callRows(servers, lines),
      ],
    };
  });
  // What has a goal against the original, on the oldest server; the goals are for the newest.
  const oldest = await onServer("3.4", (servers, seeded) =>
    callRows(
      servers,
      linesFor(seeded).filter(({ goals }) => goals.some(({ against }) => against === "original"))
        .map((line) => ({ ...line, what: `MLflow 3.4: ${line.what}`, goals: [] })),
    ));
  return { title: "MLflow traces", about: newest.about, rows: [...newest.rows, ...oldest] };
}

function about(original: string, { traces, spans, large_spans }: Seeded): string {
  return `The original is \`mlflow mcp run\` of MLflow ${original} with the tools it lists by ` +
    "default, over stdio; both ask the same MLflow server of that release (SQLite store, one " +
    `worker, loopback), with the same arguments. It holds ${traces} traces of ${spans} spans ` +
    `three times, with short, long and very long texts, and one of ${large_spans} spans and 10 MB. ` +
    "wandflow's results are not cut (`MAX_RESPONSE_TOKENS` is set to a hundred million). Bare: " +
    "the requests that wandflow sent for the call, in parallel where it sent them so, made with " +
    "plain `fetch` over kept connections, with bodies read as text and thrown away. No client can " +
    "be faster, so a goal against the original that these miss too is out of reach, as noted. " +
    "The original reads all spans of the traces it lists, even if only ids are requested. " +
    "The last rows repeat this on MLflow 3.4, which keeps spans in files. " +
    "Memory is the resident memory of the server's processes, ten seconds after the calls.";
}

/** A back end, and the programs that ask it. */
interface Servers {
  readonly uri: string;
  readonly ours: Program;
  readonly theirs: Program;
}

async function onServer<T>(
  version: MlflowVersion,
  work: (servers: Servers, seeded: Seeded) => Promise<T>,
): Promise<T> {
  const server = await startMlflow({ version });
  try {
    progress(`Filling a server of MLflow ${version}`);
    const { uri } = server;
    const { python } = await ensureVenv(`mlflow-${version}`);
    const script = fileURLToPath(new URL("mlflow_seed.py", import.meta.url));
    const env = { MLFLOW_TRACKING_URI: uri };
    const { code, stdout, stderr } = await run(python, ["-W", "ignore", script], { env });
    if (code !== 0) throw new Error(`Filling the MLflow server failed:\n${stderr}`);
    const servers = { uri, ours: await uncut(uri), theirs: await officialMlflow(uri) };
    return await work(servers, Seeded.parse(JSON.parse(stdout)));
  } finally {
    await server.stop();
  }
}

function uncut(uri: string): Promise<Program> {
  return wandflow({ MLFLOW_TRACKING_URI: uri, MAX_RESPONSE_TOKENS: "100000000" });
}

async function startRow({ ours, theirs }: Servers): Promise<Row> {
  progress("Start");
  const start = (program: Program) => async () => {
    await using client = await StdioClient.start(program);
    return client.startMilliseconds;
  };
  return await measure({
    what: "start to first `initialize` answer",
    wandflow: start(ours),
    original: start(theirs),
    rounds: 13,
    goals: [{ against: "original", factor: 20 }],
  });
}

async function memoryRows({ ours, theirs }: Servers, lines: readonly Line[]): Promise<Row[]> {
  progress("Memory");
  const take = async (program: Program) => {
    await using client = await StdioClient.start(program);
    await client.request("tools/list", {});
    const idle = client.memory();
    const after = async (large: boolean) => {
      for (const line of lines) if (line.large === large) await client.call(line);
      // Time to give back what they want to.
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      return client.memory();
    };
    return [idle, await after(false), await after(true), client.memory("VmHWM")];
  };
  const [own, original] = [await take(ours), await take(theirs)];
  return [
    "memory after start and `tools/list`",
    "memory after the calls below, but for the 10 MB trace",
    "memory after all of the calls below",
    "memory, the most of all that time",
  ].map((what, index) => ({
    what,
    unit: "MB",
    wandflow: median(own.slice(index, index + 1)),
    original: original[index],
    goals: index === 3 ? [] : [{ against: "original", factor: 3 }],
  }));
}

async function callRows({ uri, ours, theirs }: Servers, lines: readonly Line[]): Promise<Row[]> {
  await using own = await StdioClient.start(ours);
  await using other = await StdioClient.start(theirs);
  const bare = await requestsOf(uri, lines);
  const rows: Row[] = [];
  for (const [index, line] of lines.entries()) {
    progress(line.what);
    for (const client of [own, other]) await client.call(line);
    rows.push(
      await measure({
        what: line.what,
        wandflow: own.repeat(line),
        bare: bare[index],
        original: other.repeat(line),
        rounds: 13,
        goals: line.goals,
      }),
    );
  }
  return rows;
}

/** For each call, the requests that wandflow sends for it. */
async function requestsOf(uri: string, lines: readonly Line[]): Promise<Run[]> {
  await using recorder = new Recorder(uri);
  await using client = await StdioClient.start(await uncut(recorder.url));
  const runs: Run[] = [];
  for (const line of lines) {
    await client.call(line);
    const before = recorder.seen.length;
    await client.call(line);
    const steps = stepsOf(recorder.seen.slice(before));
    runs.push(async () => {
      for (const step of steps) await Promise.all(step.map((one) => read(uri, one)));
    });
  }
  return runs;
}

async function read(uri: string, request: Sent): Promise<void> {
  const response = await send(uri, request);
  const text = await response.text();
  if (!response.ok) throw new Error(`${request.path}: ${response.status} ${text.slice(0, 200)}`);
}
