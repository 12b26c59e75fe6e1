import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { progress } from "../../tests/support/python/command.ts";
import { type Manifest, seed } from "../../tests/support/weave/seeded.ts";
import { type OwnWeave, startWeave } from "../../tests/support/weave/server.ts";
import { interleaved } from "./measure.ts";
import { wandflow } from "./programs.ts";
import { grouped } from "./report.ts";
import { type Goal, ratioFor, type Result, type Row } from "./row.ts";
import { StdioClient, textOf } from "./stdio_client.ts";
import { answersRow } from "./weave_answers.ts";

/** One thing that is measured: a tool call and the request that a program by hand would send. */
interface Case {
  readonly what: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The same by hand: path and body. */
  readonly bare: readonly (readonly [path: string, body: Readonly<Record<string, unknown>>])[];
  /** What W&B's own server 0.3.3 took, as a multiple of the bare requests measured beside it. */
  readonly multiple?: number;
  readonly goals?: readonly Goal[];
  /** Must be in the answer: a quick wrong one is no good figure. */
  readonly expect: RegExp;
  /** Takes long. */
  readonly slow?: boolean;
}

const LIGHT = [
  ...["id", "trace_id", "parent_id", "op_name", "display_name", "started_at", "ended_at"],
  "summary",
];
const NEWEST = [{ field: "started_at", direction: "desc" }];
const STREAM = "/calls/stream_query";
const SMALL = 2000;
const LARGE = 60;

/** Weave tools beside the bare requests, on Weave's own trace server. */
export async function bench(): Promise<Result> {
  const weave = await startWeave();
  try {
    progress("Filling a Weave trace server");
    const manifest = await seed(weave);
    await fill(weave, "small", SMALL);
    await fill(weave, "large", LARGE);
    const { client } = await StdioClient.start(await wandflow(weave.env));
    await using _ = client;
    const rows: Row[] = [];
    for (const one of casesOf(weave, manifest)) rows.push(await measure(weave, client, one));
    rows.push(await answersRow(client, weave, manifest));
    return { title: "Weave", about: ABOUT, rows };
  } finally {
    await weave.stop();
  }
}

const ABOUT =
  "Both ask Weave's SQLite trace server (the wheel 0.52.35, one process, loopback). No " +
  "release of W&B's own server is on a package index, so it cannot run beside: its figures are " +
  "the multiples of the bare requests that version 0.3.3 was measured to take on the same trace " +
  "server, times the bare requests of this run. Bare: one request by plain `fetch` over kept " +
  "connections, its body read as text and thrown away. `small` holds 2,000 calls in traces of " +
  "ten, `large` 60 calls with an input of 1 MB. Tokens are exact o200k_base.";

async function fill(weave: OwnWeave, kind: "small" | "large", count: number): Promise<void> {
  const project = `${entityOf(weave)}/${kind}`;
  await weave.python("big.py", [weave.database, project, kind, String(count)]);
}

function entityOf({ project }: OwnWeave): string {
  return project.split("/")[0] ?? "";
}

function casesOf(weave: OwnWeave, manifest: Manifest): Case[] {
  const entity = entityOf(weave);
  const at = (project: string, args: Readonly<Record<string, unknown>>) => ({
    entity_name: entity,
    project_name: project,
    ...args,
  });
  const query = (
    what: string,
    project: "small" | "large",
    args: Readonly<Record<string, unknown>> & { limit: number },
    more: Pick<Case, "expect" | "multiple" | "goals" | "slow">,
  ): Case => {
    const light = args["detail_level"] === "schema" || args["metadata_only"] === true;
    const body = {
      project_id: `${entity}/${project}`,
      sort_by: NEWEST,
      limit: args.limit,
      ...(light ? { columns: LIGHT } : { include_costs: true, include_feedback: true }),
    };
    const tool = "query_weave_traces_tool";
    return { what, tool, args: at(project, args), bare: [[STREAM, body]], ...more };
  };
  const [, project = ""] = weave.project.split("/");
  const { good, weak } = manifest.evaluations;
  const levels = ["schema", "summary", "full"] as const;
  const few: readonly (readonly [number, readonly number[]])[] = [
    [10, [13, 21, 22]],
    [100, [15, 7, 9.5]],
  ];
  return [
    ...few.flatMap(([limit, multiples]) =>
      levels.map((level, index) =>
        query(`query, ${limit} calls, \`${level}\``, "small", { limit, detail_level: level }, {
          expect: new RegExp(`"total_traces":${limit}`),
          ...(multiples[index] === undefined ? {} : { multiple: multiples[index] }),
        })
      )
    ),
    {
      what: "count",
      tool: "count_weave_traces_tool",
      args: at("small", {}),
      bare: [["/calls/query_stats", { project_id: `${entity}/small` }]],
      multiple: 2.7,
      expect: /"total_count":2000/,
    },
    query("query, 2,000 calls, `schema`", "small", { limit: SMALL, detail_level: "schema" }, {
      expect: /"total_traces":2000/,
      multiple: 7.6,
      goals: [{ against: "original", factor: 4 }],
      slow: true,
    }),
    query("facts about 2,000 calls", "small", { limit: SMALL, metadata_only: true }, {
      expect: /"total_traces":2000/,
      multiple: 1770 / 270,
      slow: true,
    }),
    query("query, 60 calls of 1 MB, `summary`", "large", { limit: LARGE }, {
      expect: /"total_traces":60/,
      multiple: 61,
      goals: [{ against: "original", factor: 20 }],
      slow: true,
    }),
    query("query, 3 calls of 1 MB, `full`", "large", { limit: 3, detail_level: "full" }, {
      expect: /"total_traces":3/,
    }),
    {
      what: "infer the schema of 2,000 calls",
      tool: "infer_trace_schema_tool",
      args: at("small", {}),
      bare: [["/calls/query_stats", { project_id: `${entity}/small` }]],
      expect: /"path":"inputs.number","type":"int"/,
    },
    {
      what: "summarise two evaluations",
      tool: "summarize_evaluation_tool",
      args: at(project, { eval_name: "facts-evaluation" }),
      bare: [
        [STREAM, {
          project_id: weave.project,
          filter: { op_names: [`weave:///${weave.project}/op/Evaluation.evaluate:*`] },
          limit: 5,
        }],
        [`/v2/${weave.project}/eval_results/query`, {
          evaluation_call_ids: [good.id, weak.id],
          include_rows: false,
          include_summary: true,
        }],
      ],
      multiple: 5.4,
      expect: /"passed":5/,
    },
  ];
}

async function measure(weave: OwnWeave, client: StdioClient, one: Case): Promise<Row> {
  progress(one.what);
  await weave.forget();
  const { bytes } = await client.call(one.tool, one.args);
  const log = await weave.requests();
  const text = textOf(bytes);
  if (!one.expect.test(text)) throw new Error(`${one.what}: ${one.expect} is not in the answer.`);
  const figures = await interleaved({
    wandflow: { run: async () => (await client.call(one.tool, one.args)).milliseconds },
    bare: { run: () => send(weave, one.bare) },
  }, { warmUp: 1, counted: one.slow === true ? 7 : 21 });
  const received = log.reduce((sum, request) => sum + request.response_bytes, 0);
  return {
    what: one.what,
    unit: "ms",
    ...figures,
    ...(one.multiple === undefined ? {} : { original: one.multiple * figures.bare }),
    ...(one.goals === undefined ? {} : { goals: one.goals }),
    note: `${log.length} requests, ${Math.round(received / 1000)} kB received, ` +
      `${grouped(String(encode(text).length))} tokens answered`,
  };
}

async function send(weave: OwnWeave, requests: Case["bare"]): Promise<void> {
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

if (import.meta.main) {
  const { rows } = await bench();
  const lines = rows.map((row) => {
    const figures = `${row.wandflow.toFixed(1)} ms, bare ${row.bare?.toFixed(1)} ms`;
    const times = `${ratioFor(row, "bare")?.toFixed(2)} x bare`;
    const original = ratioFor(row, "original");
    const faster = original === undefined ? "" : `, ${original.toFixed(1)} x the original's speed`;
    return `${row.what}: ${figures}, ${times}${faster} (${row.note})`;
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
