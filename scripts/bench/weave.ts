import { progress } from "../../tests/support/python/command.ts";
import { seed } from "../../tests/support/weave/seeded.ts";
import { startWeave, type Weave } from "../../tests/support/weave/server.ts";
import { type Case, observe, runCases, stopAtEnd, type Traffic } from "./cases.ts";
import { StdioClient, wandflow } from "./client.ts";
import { post, spend } from "./recorder.ts";
import { formatBytes, grouped } from "./report.ts";
import { type Goal, goalOf, median, type Row, type Section } from "./row.ts";

const LIGHT = "id trace_id parent_id op_name display_name started_at ended_at summary".split(" ");
const QUERY = "query_weave_traces_tool";
const COUNT = "count_weave_traces_tool";
const better = goalOf("original");

/** Weave tools beside the bare requests, on Weave's own trace server. */
export async function bench(): Promise<Section> {
  await using weave = await startFilled({ small: 2000, large: 60 });
  const { evaluations } = await seed(weave);
  await using client = await StdioClient.start(await wandflow(weave.env));
  const cases = casesFor(weave, Object.values(evaluations).map(({ id }) => id));
  const rows = await runCases(cases, { wandflow: client, traffic: trafficOf(weave) });
  return { rows };
}

/** A trace server with projects of so many calls, small ones or such with an input of 1 MB. */
async function startFilled(projects: { readonly small: number; readonly large: number }) {
  const weave = stopAtEnd(await startWeave());
  for (const [kind, count] of Object.entries(projects)) {
    progress(`Writing ${count} ${kind} calls`);
    const project = `${weave.project.split("/")[0]}/${kind}`;
    await weave.python("big.py", [weave.database, project, kind, String(count)]);
  }
  return weave;
}

function trafficOf(weave: Weave): Traffic {
  return async () => {
    const log = await weave.requests();
    await weave.forget();
    const bytes = log.reduce((sum, { response_bytes }) => sum + response_bytes, 0);
    return { requests: log.length, bytes };
  };
}

/** Each call, the requests by hand, and what W&B's own server took as their multiple. */
function casesFor(weave: Weave, evaluations: readonly string[]): Case[] {
  const [entity, project] = weave.project.split("/");
  const byHand = (...requests: readonly (readonly [path: string, body: object])[]) => async () => {
    const authorization = `Basic ${btoa(`api:${weave.apiKey}`)}`;
    for (const [path, body] of requests) await spend(weave.url, post(path, body), authorization);
  };
  const query = (
    own: "small" | "large",
    limit: number,
    level: "schema" | "summary" | "full" | "facts",
    original?: number,
    ...goals: Goal[]
  ): Case => {
    const light = level === "schema" || level === "facts";
    const calls = `${grouped(limit)} calls${own === "large" ? " of 1 MB" : ""}`;
    return {
      what: level === "facts" ? `facts about ${calls}` : `query, ${calls}, \`${level}\``,
      tool: QUERY,
      args: {
        ...{ entity_name: entity, project_name: own, limit },
        ...(level === "facts" ? { metadata_only: true } : { detail_level: level }),
      },
      bare: byHand(["/calls/stream_query", {
        ...{ project_id: `${entity}/${own}`, limit },
        sort_by: [{ field: "started_at", direction: "desc" }],
        ...(light ? { columns: LIGHT } : { include_costs: true, include_feedback: true }),
      }]),
      ...{ original, goals, rounds: limit === 2000 || limit === 60 ? 7 : 21 },
    };
  };
  const here = { entity_name: entity, project_name: "small" };
  const counted = byHand(["/calls/query_stats", { project_id: `${entity}/small` }]);
  return [
    query("small", 10, "schema", 13),
    query("small", 10, "summary", 21),
    query("small", 10, "full", 22),
    query("small", 100, "schema", 15),
    query("small", 100, "summary", 7),
    query("small", 100, "full", 9.5),
    { what: "count", tool: COUNT, args: here, bare: counted, original: 2.7, rounds: 21 },
    query("small", 2000, "schema", 7.6, better(4)),
    query("small", 2000, "facts", 1770 / 270),
    query("large", 60, "summary", 61, better(20)),
    query("large", 3, "full"),
    {
      what: "infer the schema of 2,000 calls",
      ...{ tool: "infer_trace_schema_tool", args: here, bare: counted, rounds: 21 },
    },
    {
      what: "summarise two evaluations",
      tool: "summarize_evaluation_tool",
      args: { entity_name: entity, project_name: project, eval_name: "facts-evaluation" },
      bare: byHand(
        ["/calls/stream_query", {
          project_id: weave.project,
          filter: { op_names: [`weave:///${weave.project}/op/Evaluation.evaluate:*`] },
          limit: 5,
        }],
        [`/v2/${weave.project}/eval_results/query`, {
          ...{ evaluation_call_ids: evaluations, include_rows: false, include_summary: true },
        }],
      ),
      ...{ original: 5.4, rounds: 21 },
    },
  ];
}

/** One call in sizes that grow, to see whether memory grows with them. */
interface Series {
  readonly what: (count: string) => string;
  readonly tool: string;
  readonly args: (count: number) => Readonly<Record<string, unknown>>;
  readonly project: "small" | "large";
  readonly counts: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How much more memory the largest of a series may take than the smallest. */
const FLAT = 1.25;
/** Calls start 40 ms times their number after the beginning of 2025; see big.py. */
const startOf = (call: number) => (Date.UTC(2025, 0, 1) + call * 40) / 1000;
const SMALL = { project: "small", counts: [5000, 500_000] } as const;
const LARGE = { project: "large", counts: [200, 1000, 2000], tool: QUERY } as const;

const SERIES: readonly Series[] = [
  {
    ...{ ...SMALL, what: (count) => `${count} calls counted`, tool: COUNT },
    args: (count) => ({ filters: { time_range: { end: startOf(count) } } }),
  },
  {
    ...{ ...SMALL, what: (count) => `facts about ${count} calls, each read`, tool: QUERY },
    args: (limit) => ({ limit, metadata_only: true }),
  },
  {
    ...{ ...LARGE, what: (count) => `summary of ${count} rows of 1 MB, every one shown` },
    args: (limit) => ({ limit, truncate_length: 200 }),
    env: { MAX_RESPONSE_TOKENS: "2000000" },
  },
  {
    ...{ ...LARGE, what: (count) => `summary of ${count} rows of 1 MB, as many as fit` },
    args: (limit) => ({ limit }),
  },
];

/** Memory of Weave tools on very large projects. */
export async function benchBig(): Promise<Section> {
  await using weave = await startFilled({ small: 500_000, large: 2000 });
  const rows: Row[] = [];
  for (const series of SERIES) {
    let most: number | undefined;
    for (const count of series.counts) {
      const what = series.what(grouped(count));
      progress(what);
      const taken: Awaited<ReturnType<typeof takeMemory>>[] = [];
      const runs = series.project === "large" ? 3 : 1;
      while (taken.length < runs) taken.push(await takeMemory(weave, series, count));
      const middle = (name: keyof typeof taken[0]) => median(taken.map((one) => one[name]));
      const peak = middle("peak");
      rows.push({
        ...{ what, unit: "MB", wandflow: peak },
        goals: most === undefined ? [] : [{ against: "limit", factor: most }],
        more: {
          "before the call": `${Math.round(middle("idle"))} MB`,
          requests: String(middle("requests")),
          received: formatBytes(middle("bytes"), "MB"),
          answered: formatBytes(middle("answered"), "MB"),
          took: `${(middle("milliseconds") / 1000).toFixed(1)} s`,
        },
      });
      most ??= Math.ceil(peak * FLAT);
    }
  }
  return { facts: { flat: FLAT }, rows };
}

async function takeMemory(weave: Weave, { tool, args, project, env }: Series, count: number) {
  const settings = { ...weave.env, WANDB_HTTP_TIMEOUT: "3600", ...env };
  await using client = await StdioClient.start(await wandflow(settings));
  const idle = client.memory("VmHWM");
  const here = { entity_name: weave.project.split("/")[0], project_name: project };
  const call = { tool, args: { ...here, ...args(count) } };
  const { text, ...seen } = await observe(client, call, trafficOf(weave));
  return { ...seen, idle, answered: text.length, peak: client.memory("VmHWM") };
}
