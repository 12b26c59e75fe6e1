import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type MlflowVersion, startMlflow } from "../../tests/support/mlflow/server.ts";
import { must } from "../../tests/support/packages.ts";
import type { Program } from "../../tests/support/product.ts";
import { progress, run } from "../../tests/support/python/command.ts";
import { ensureVenv } from "../../tests/support/python/venv.ts";
import { type Case, runCases, stopAtEnd } from "./cases.ts";
import { officialMlflow, StdioClient, UNCUT, wandflow } from "./client.ts";
import { Recorder, spend, stepsOf } from "./recorder.ts";
import { type Goal, goalOf, measure, type Row, type Section } from "./row.ts";

const Experiment = z.object({ id: z.string(), kilobytes: z.int() });
/** What mlflow_seed.py made: experiments with short, long and very long texts, and single traces. */
const Seeded = z.object({
  experiments: z.tuple([Experiment, Experiment, Experiment]),
  traces: z.int(),
  small_trace_id: z.string(),
  spans: z.int(),
  large_trace_id: z.string(),
  large_spans: z.int(),
});
type Seeded = z.infer<typeof Seeded>;

const [better, ofBare] = [goalOf("original"), goalOf("bare")];
const SPANS = "data.spans.*.name";
const IDS = ["info.trace_id", "ids only"] as const;
const NAMES = [`info.trace_id,${SPANS}`, "ids and span names"] as const;

/** The calls, with the same arguments for both servers; the last two read the 10 MB trace. */
function casesFor({ experiments: [short, long, longest], ...seeded }: Seeded): Case[] {
  const searches: [z.infer<typeof Experiment>, number, typeof IDS | typeof NAMES, ...Goal[]][] = [
    [short, 10, IDS],
    [short, 100, IDS, better(50)],
    [long, 100, IDS, better(50)],
    [longest, 100, IDS, better(50)],
    [short, 10, NAMES],
    [short, 100, NAMES],
  ];
  const gets: [string, string, ...Goal[]][] = [
    [seeded.small_trace_id, `${short.kilobytes} kB`, ofBare(1.3)],
    [seeded.large_trace_id, "10 MB", better(4), ofBare(1.5)],
  ];
  return [
    ...searches.map(([{ id, kilobytes }, size, [fields, named], ...goals]) => ({
      what: `\`search_traces\`, ${size} of ${kilobytes} kB, ${named}`,
      tool: "search_traces",
      args: { experiment_id: id, max_results: size, extract_fields: fields, output: "json" },
      goals: [...goals, ofBare(1.3)],
    })),
    ...gets.flatMap(([id, size, ...goals]) =>
      [{}, { extract_fields: SPANS }].map((fields, index) => ({
        what: `\`get_trace\`, ${size}, ${index === 0 ? "all" : "span names"}`,
        ...{ tool: "get_trace", args: { trace_id: id, ...fields }, goals },
      }))
    ),
  ];
}

/** Side by side with the official MLflow MCP server, on real MLflow servers. */
export async function bench(): Promise<Section> {
  const newest = await measureOn("newest");
  const oldest = await measureOn("3.4");
  return { ...newest, rows: [...newest.rows, ...oldest.rows] };
}

/** Everything on the newest server; on the oldest what has a goal against the original there. */
async function measureOn(version: MlflowVersion): Promise<Section> {
  await using server = stopAtEnd(await startMlflow({ version }));
  progress(`Filling a server of MLflow ${version}`);
  const { uri } = server;
  const { python } = await ensureVenv(`mlflow-${version}`);
  const script = fileURLToPath(new URL("mlflow_seed.py", import.meta.url));
  const made = await must(python, ["-W", "ignore", script], { MLFLOW_TRACKING_URI: uri });
  const seeded = Seeded.parse(JSON.parse(made));
  const cases = casesFor(seeded);
  const servers = { uri, ours: await uncut(uri), theirs: await officialMlflow(uri) };
  if (version !== "newest") {
    const chosen = cases.filter(({ goals = [] }) =>
      goals.some((one) => one.against === "original")
    );
    const named = chosen.map((one) => ({
      ...one,
      what: `MLflow ${version}: ${one.what}`,
      goals: [],
    }));
    return { rows: await callRows(servers, named) };
  }
  const { stdout } = await run(servers.theirs.program, ["--version"]);
  const original = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  const first = [await startRow(servers), ...await memoryRows(servers, cases)];
  const rows = [...first, ...await callRows(servers, cases)];
  return { facts: { ...seeded, original }, rows };
}

/** A back end, and the programs that ask it. */
interface Servers {
  readonly uri: string;
  readonly ours: Program;
  readonly theirs: Program;
}

const uncut = (uri: string) => wandflow({ MLFLOW_TRACKING_URI: uri, ...UNCUT });

function startRow({ ours, theirs }: Servers): Promise<Row> {
  progress("Start");
  return measure({
    what: "start to first `initialize` answer",
    wandflow: StdioClient.starts(ours),
    original: StdioClient.starts(theirs),
    rounds: 13,
    goals: [better(20)],
  });
}

async function memoryRows({ ours, theirs }: Servers, cases: readonly Case[]): Promise<Row[]> {
  progress("Memory");
  const take = async (program: Program) => {
    await using client = await StdioClient.start(program);
    await client.request("tools/list", {});
    const taken = [client.memory()];
    for (const some of [cases.slice(0, -2), cases.slice(-2)]) {
      for (const one of some) await client.call(one);
      // Time to give back what they want to.
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      taken.push(client.memory());
    }
    return [...taken, client.memory("VmHWM")];
  };
  const [own, original] = [await take(ours), await take(theirs)];
  return [
    "memory after start and `tools/list`",
    "memory after the calls below, but for the 10 MB trace",
    "memory after all of the calls below",
    "memory, the most of all that time",
  ].map((what, index) => ({
    ...{ what, unit: "MB", wandflow: own[index] ?? NaN, original: original[index] },
    goals: index === 3 ? [] : [better(3)],
  }));
}

/** Beside each call, the requests that wandflow sends for it. */
async function callRows({ uri, ours, theirs }: Servers, cases: readonly Case[]): Promise<Row[]> {
  const recorded: Case[] = [];
  {
    await using recorder = new Recorder(uri);
    await using client = await StdioClient.start(await uncut(recorder.url));
    for (const one of cases) {
      await client.call(one);
      const before = recorder.seen.length;
      await client.call(one);
      const steps = stepsOf(recorder.seen.slice(before));
      const bare = async () => {
        for (const step of steps) await Promise.all(step.map((sent) => spend(uri, sent)));
      };
      recorded.push({ ...one, bare });
    }
  }
  await using own = await StdioClient.start(ours);
  await using other = await StdioClient.start(theirs);
  return await runCases(recorded, { wandflow: own, original: other });
}
