import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { progress } from "../../tests/support/python/command.ts";
import { seed } from "../../tests/support/weave/seeded.ts";
import { type OwnWeave, startWeave } from "../../tests/support/weave/server.ts";
import { type Call, StdioClient, wandflow } from "./client.ts";
import { grouped } from "./report.ts";
import { type Goal, measure, median, type Row, type Section } from "./row.ts";

/** Requests by hand: path and body. */
type Requests = readonly (readonly [path: string, body: Readonly<Record<string, unknown>>])[];

/** A line: the call, the requests by hand, and what W&B's own server took as their multiple. */
type Line = Call & {
  readonly what: string;
  readonly bare: Requests;
  readonly multiple?: number | undefined;
  readonly goals?: readonly Goal[];
  readonly slow?: boolean;
};

const LIGHT = "id trace_id parent_id op_name display_name started_at ended_at summary".split(" ");
const QUERY = "query_weave_traces_tool";

const ABOUT =
  "Both ask Weave's SQLite trace server (the wheel 0.52.35, one process, loopback). No " +
  "release of W&B's own server is on a package index, so it cannot run beside wandflow. Its " +
  "figures are estimates: version 0.3.3 was once measured on the same trace server, as multiples " +
  "of the bare requests, and these multiples are applied to the bare requests of this run. Bare: " +
  "one request with plain `fetch` over kept connections, with the body read as text and thrown " +
  "away. `small` holds 2,000 calls in traces of " +
  "ten, `large` 60 calls with an input of 1 MB. Tokens are exact o200k_base.";

/** Weave tools beside the bare requests, on Weave's own trace server. */
export function bench(): Promise<Section> {
  return onServer({ small: 2000, large: 60 }, async (weave) => {
    const manifest = await seed(weave);
    await using client = await StdioClient.start(await wandflow(weave.env));
    const rows: Row[] = [];
    for (const line of linesFor(weave.project, Object.values(manifest.evaluations))) {
      progress(line.what);
      await weave.forget();
      const { text } = await client.call(line);
      const log = await weave.requests();
      const received = log.reduce((sum, { response_bytes: bytes }) => sum + bytes, 0);
      rows.push(
        await measure({
          what: line.what,
          wandflow: client.repeat(line),
          bare: () => send(weave, line.bare),
          original: line.multiple,
          goals: line.goals,
          rounds: line.slow === true ? 7 : 21,
          note: `${log.length} requests, ${Math.round(received / 1000)} kB received, ` +
            `${grouped(encode(text).length)} tokens answered`,
        }),
      );
    }
    return { title: "Weave", about: ABOUT, rows };
  });
}

function linesFor(seeded: string, evaluations: readonly { readonly id: string }[]): Line[] {
  const [entity, project] = seeded.split("/");
  const query = (
    what: string,
    own: "small" | "large",
    args: Readonly<Record<string, unknown>> & { limit: number },
    more: Partial<Line> = {},
  ): Line => {
    const light = args["detail_level"] === "schema" || args["metadata_only"] === true;
    return {
      what,
      tool: QUERY,
      args: { entity_name: entity, project_name: own, ...args },
      bare: [["/calls/stream_query", {
        project_id: `${entity}/${own}`,
        sort_by: [{ field: "started_at", direction: "desc" }],
        limit: args.limit,
        ...(light ? { columns: LIGHT } : { include_costs: true, include_feedback: true }),
      }]],
      ...more,
    };
  };
  const level = (limit: number, detail_level: string, more: Partial<Line>) =>
    query(
      `query, ${grouped(limit)} calls, \`${detail_level}\``,
      "small",
      { limit, detail_level },
      more,
    );
  const here = { entity_name: entity, project_name: "small" };
  const count: Requests = [["/calls/query_stats", { project_id: `${entity}/small` }]];
  const better = (factor: number): Goal[] => [{ against: "original", factor }];
  return [
    level(10, "schema", { multiple: 13 }),
    level(10, "summary", { multiple: 21 }),
    level(10, "full", { multiple: 22 }),
    level(100, "schema", { multiple: 15 }),
    level(100, "summary", { multiple: 7 }),
    level(100, "full", { multiple: 9.5 }),
    {
      ...{ what: "count", tool: "count_weave_traces_tool", args: here, bare: count, multiple: 2.7 },
    },
    level(2000, "schema", { multiple: 7.6, goals: better(4), slow: true }),
    query("facts about 2,000 calls", "small", { limit: 2000, metadata_only: true }, {
      ...{ multiple: 1770 / 270, slow: true },
    }),
    query("query, 60 calls of 1 MB, `summary`", "large", { limit: 60 }, {
      ...{ multiple: 61, goals: better(20), slow: true },
    }),
    query("query, 3 calls of 1 MB, `full`", "large", { limit: 3, detail_level: "full" }),
    {
      what: "infer the schema of 2,000 calls",
      ...{ tool: "infer_trace_schema_tool", args: here, bare: count },
    },
    {
      what: "summarise two evaluations",
      tool: "summarize_evaluation_tool",
      args: { entity_name: entity, project_name: project, eval_name: "facts-evaluation" },
      bare: [
        ["/calls/stream_query", {
          project_id: seeded,
          filter: { op_names: [`weave:///${seeded}/op/Evaluation.evaluate:*`] },
          limit: 5,
        }],
        [`/v2/${seeded}/eval_results/query`, {
          evaluation_call_ids: evaluations.map(({ id }) => id),
          ...{ include_rows: false, include_summary: true },
        }],
      ],
      multiple: 5.4,
    },
  ];
}

/** A trace server with projects of so many calls, small ones or such with an input of 1 MB. */
async function onServer<T>(
  projects: { readonly small: number; readonly large: number },
  work: (weave: OwnWeave) => Promise<T>,
): Promise<T> {
  const weave = await startWeave();
  try {
    for (const [kind, count] of Object.entries(projects)) {
      progress(`Writing ${count} ${kind} calls`);
      const project = `${weave.project.split("/")[0]}/${kind}`;
      await weave.python("big.py", [weave.database, project, kind, String(count)]);
    }
    return await work(weave);
  } finally {
    await weave.stop();
  }
}

async function send(weave: OwnWeave, requests: Requests): Promise<void> {
  for (const [path, body] of requests) {
    const response = await fetch(`${weave.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`api:${weave.apiKey}`)}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} failed: ${text.slice(0, 300)}`);
  }
}

/** One call in sizes that grow, to see whether memory grows with them. */
interface Series {
  readonly what: (count: string) => string;
  readonly project: "small" | "large";
  readonly counts: readonly number[];
  readonly call: (count: number) => Call;
  readonly env?: Readonly<Record<string, string>>;
}

/** How much more memory the largest of a series may take than the smallest. */
const FLAT = 1.25;
/** Calls start 40 ms times their number after the beginning of 2025; see big.py. */
const startOf = (call: number) => (Date.UTC(2025, 0, 1) + call * 40) / 1000;

const SERIES: readonly Series[] = [
  {
    what: (count) => `${count} calls counted`,
    project: "small",
    counts: [5000, 500_000],
    call: (count) => ({
      tool: "count_weave_traces_tool",
      args: { filters: { time_range: { end: startOf(count) } } },
    }),
  },
  {
    what: (count) => `facts about ${count} calls, each read`,
    project: "small",
    counts: [5000, 500_000],
    call: (limit) => ({ tool: QUERY, args: { limit, metadata_only: true } }),
  },
  {
    what: (count) => `summary of ${count} rows of 1 MB, every one shown`,
    project: "large",
    counts: [200, 1000, 2000],
    call: (limit) => ({ tool: QUERY, args: { limit, truncate_length: 200 } }),
    env: { MAX_RESPONSE_TOKENS: "2000000" },
  },
  {
    what: (count) => `summary of ${count} rows of 1 MB, as many as fit`,
    project: "large",
    counts: [200, 1000, 2000],
    call: (limit) => ({ tool: QUERY, args: { limit } }),
  },
];

const ABOUT_BIG =
  "wandflow's own memory on projects that a server could not hold: 500,000 calls, and 2,000 calls " +
  "with an input of 1 MB each, written to Weave's SQLite trace server with SQL. Each line is one " +
  "call in its own process. The figure is the peak resident memory of the process (VmHWM), from " +
  "its start to the end of the answer; for rows of 1 MB it is the median of three processes, since " +
  "it depends on when garbage is collected. Memory is flat if the largest of a group takes " +
  `at most ${FLAT} times what the smallest takes. "Every one shown": an answer of any length is ` +
  "allowed, so that each row is read and shortened; the answer itself then grows with the rows. " +
  '"As many as fit": the default limit of an answer; rows that do not fit are counted, but not ' +
  "read.";

/** Memory of Weave tools on very large projects. */
export function benchBig(): Promise<Section> {
  return onServer({ small: 500_000, large: 2000 }, async (weave) => {
    const rows: Row[] = [];
    for (const series of SERIES) {
      let limit: number | undefined;
      for (const count of series.counts) {
        const what = series.what(grouped(count));
        progress(what);
        const taken: Record<string, number>[] = [];
        const runs = series.project === "large" ? 3 : 1;
        while (taken.length < runs) taken.push(await takeMemory(weave, series, count));
        const middle = (name: string) => median(taken.map((one) => one[name] ?? 0));
        rows.push({
          ...{ what, unit: "MB", wandflow: middle("peak") },
          ...(limit === undefined ? {} : { goals: [{ against: "limit", factor: limit }] }),
          more: {
            "before the call": `${Math.round(middle("idle"))} MB`,
            requests: String(middle("requests")),
            received: megabytes(middle("received")),
            answered: megabytes(middle("answered")),
            took: `${(middle("milliseconds") / 1000).toFixed(1)} s`,
          },
        });
        limit ??= Math.ceil(middle("peak") * FLAT);
      }
    }
    return { title: "Weave: very large projects", about: ABOUT_BIG, rows };
  });
}

async function takeMemory(weave: OwnWeave, { call, project, env }: Series, count: number) {
  await using client = await StdioClient.start(
    await wandflow({ ...weave.env, WANDB_HTTP_TIMEOUT: "3600", ...env }),
  );
  const idle = client.memory("VmHWM");
  await weave.forget();
  const one = call(count);
  const place = { entity_name: weave.project.split("/")[0], project_name: project };
  const { milliseconds, text } = await client.call({ ...one, args: { ...place, ...one.args } });
  const log = await weave.requests();
  const received = log.reduce((sum, request) => sum + request.response_bytes, 0);
  const peak = client.memory("VmHWM");
  return { idle, peak, milliseconds, requests: log.length, received, answered: text.length };
}

function megabytes(bytes: number): string {
  return `${grouped((bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0))} MB`;
}
