import { progress } from "../../tests/support/python/command.ts";
import { type OwnWeave, startWeave } from "../../tests/support/weave/server.ts";
import { median } from "./measure.ts";
import { peakMemoryOf } from "./memory.ts";
import { wandflow } from "./programs.ts";
import { grouped } from "./report.ts";
import type { Result, Row } from "./row.ts";
import { StdioClient, textOf } from "./stdio_client.ts";

/** One call, made in sizes that grow, to see whether memory grows with them. */
interface Series {
  /** What is done with so many calls. */
  readonly what: (count: number) => string;
  /** Which calls, and how many of them the project holds. */
  readonly project: Project;
  /** The sizes, smallest first. */
  readonly counts: readonly number[];
  readonly tool: string;
  readonly args: (count: number) => Readonly<Record<string, unknown>>;
  /** Variables of the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Must be in the answer. */
  readonly expect: (count: number) => RegExp;
  /** Processes of which the median is taken; one if not given. */
  readonly runs?: number;
}

/** One call in a process of its own. */
interface Taken {
  /** Most resident memory before the call and ever, MB. */
  readonly idle: number;
  readonly peak: number;
  readonly milliseconds: number;
  /** Requests to the trace server, bytes of its answers, and characters of ours. */
  readonly requests: number;
  readonly received: number;
  readonly answered: number;
}

/** A project of the trace server. */
interface Project {
  readonly name: string;
  readonly kind: "small" | "large";
  readonly count: number;
}

const MANY: Project = { name: "many", kind: "small", count: 500_000 };
const LARGE: Project = { name: "large", kind: "large", count: 2000 };
const QUERY = "query_weave_traces_tool";
/** How much more memory the largest of a series may take than the smallest. */
const FLAT = 1.25;

/** Calls start 40 ms times their number after the beginning of 2025; see big.py. */
const STARTS = { first: Date.UTC(2025, 0, 1), every: 40 };

/** In each, every row is compared with the first. */
const SERIES: readonly Series[] = [
  {
    what: (count) => `${grouped(String(count))} calls counted`,
    project: MANY,
    counts: [5000, 500_000],
    tool: "count_weave_traces_tool",
    args: (count) => ({
      filters: { time_range: { end: (STARTS.first + count * STARTS.every) / 1000 } },
    }),
    expect: (count) => new RegExp(`"total_count":${count}`),
  },
  {
    what: (count) => `facts about ${grouped(String(count))} calls, each read`,
    project: MANY,
    counts: [5000, 500_000],
    tool: QUERY,
    args: (limit) => ({ limit, metadata_only: true }),
    expect: (count) => new RegExp(`"total_traces":${count}`),
  },
  {
    what: (count) => `summary of ${grouped(String(count))} rows of 1 MB, every one shown`,
    project: LARGE,
    counts: [200, 1000, 2000],
    tool: QUERY,
    args: (limit) => ({ limit, truncate_length: 200 }),
    env: { MAX_RESPONSE_TOKENS: "2000000" },
    expect: (count) => new RegExp(`"id":"large-${String(2000 - count).padStart(12, "0")}"`),
    runs: 3,
  },
  {
    what: (count) => `summary of ${grouped(String(count))} rows of 1 MB, as many as fit`,
    project: LARGE,
    counts: [200, 1000, 2000],
    tool: QUERY,
    args: (limit) => ({ limit }),
    expect: (count) => new RegExp(`"total_traces":${count}`),
    runs: 3,
  },
];

const ABOUT =
  "wandflow's own memory on projects that a server could not hold: 500,000 calls, and 2,000 calls " +
  "with an input of 1 MB each, written to Weave's SQLite trace server by SQL. Each line is one " +
  "call in a process of its own; the figure is the most resident memory that the process ever had " +
  "(VmHWM), from its start to the answer's end; of rows of 1 MB the median of three processes, since " +
  "it depends on when garbage is collected. Memory is flat when the largest of a group takes " +
  `at most ${FLAT} times what the smallest takes. "Every one shown": an answer of any length is ` +
  "allowed, so that each row is read and shortened; the answer itself then grows with the rows. " +
  '"As many as fit": the answer\'s default bound; rows that it cannot hold are told of without ' +
  "being read.";

/** Memory of Weave tools on very large projects. */
export async function bench(): Promise<Result> {
  const weave = await startWeave();
  try {
    for (const { name, kind, count } of [MANY, LARGE]) {
      progress(`Writing ${count} ${kind} calls`);
      const place = `${entityOf(weave)}/${name}`;
      await weave.python("big.py", [weave.database, place, kind, String(count)]);
    }
    const rows: Row[] = [];
    for (const series of SERIES) {
      let smallest: number | undefined;
      for (const count of series.counts) {
        const row = await measure(weave, series, count, smallest);
        smallest ??= row.wandflow;
        rows.push(row);
      }
    }
    return { title: "Weave: very large projects", about: ABOUT, rows };
  } finally {
    await weave.stop();
  }
}

function entityOf({ project }: OwnWeave): string {
  return project.split("/")[0] ?? "";
}

async function measure(
  weave: OwnWeave,
  series: Series,
  count: number,
  smallest: number | undefined,
): Promise<Row> {
  const what = series.what(count);
  progress(what);
  const taken: Taken[] = [];
  while (taken.length < (series.runs ?? 1)) taken.push(await take(weave, series, count));
  const middle = (name: keyof Taken) => median(taken.map((one) => one[name]));
  return {
    what,
    unit: "MB",
    wandflow: middle("peak"),
    ...(smallest === undefined
      ? {}
      : { goals: [{ against: "limit", factor: Math.ceil(smallest * FLAT) }] }),
    more: {
      "before the call": `${Math.round(middle("idle"))} MB`,
      requests: String(middle("requests")),
      received: megabytes(middle("received")),
      answered: megabytes(middle("answered")),
      took: `${(middle("milliseconds") / 1000).toFixed(1)} s`,
    },
  };
}

async function take(weave: OwnWeave, series: Series, count: number): Promise<Taken> {
  const env = { ...weave.env, WANDB_HTTP_TIMEOUT: "3600", ...series.env };
  const { client } = await StdioClient.start(await wandflow(env));
  await using _ = client;
  const idle = peakMemoryOf(client.pid());
  await weave.forget();
  const { milliseconds, bytes } = await client.call(series.tool, {
    entity_name: entityOf(weave),
    project_name: series.project.name,
    ...series.args(count),
  });
  const peak = peakMemoryOf(client.pid());
  const text = textOf(bytes);
  const expected = series.expect(count);
  if (!expected.test(text)) {
    throw new Error(`${series.what(count)}: ${expected} is not in the answer.`);
  }
  const log = await weave.requests();
  const received = log.reduce((sum, request) => sum + request.response_bytes, 0);
  return { idle, peak, milliseconds, requests: log.length, received, answered: text.length };
}

function megabytes(bytes: number): string {
  return `${grouped((bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0))} MB`;
}
