/**
 * Measures a large local store read directly beside the real MLflow server on the same file.
 *
 *   deno run -A --no-prompt scripts/bench/local_store.ts [traces]
 */
import { scaleStore } from "../../tests/support/mlflow/scale.ts";
import { startMlflow } from "../../tests/support/mlflow/server.ts";
import { progress } from "../../tests/support/python/command.ts";
import { interleaved } from "./measure.ts";
import { peakMemoryOf } from "./memory.ts";
import { wandflow } from "./programs.ts";
import type { Result, Row } from "./row.ts";
import { StdioClient } from "./stdio_client.ts";

/** Traces in the store; ten spans each. */
const TRACES = 20_000;
const ROUNDS = { warmUp: 1, counted: 5 };

interface Case {
  readonly what: string;
  readonly filter: string;
  readonly order?: string;
  readonly offset?: number;
  readonly limit?: number;
  /** The server looks at all spans for each trace and may not answer. */
  readonly spans?: true;
}

/** How long the server may take for an answer that it gives once, in milliseconds. */
const PATIENCE = 60_000;

/** wandflow on the file, and the server's own answers, of the same questions. */
export async function bench(traces: number = TRACES): Promise<Result> {
  const server = await startMlflow({ version: "newest" });
  try {
    progress(`Writing ${traces} traces`);
    const scaled = scaleStore(server.dbPath, { traces, spansPerTrace: 10 });
    const { size } = await Deno.stat(server.dbPath);
    const program = await wandflow({
      MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}`,
      MAX_RESPONSE_TOKENS: "100000000",
    });
    const { client } = await StdioClient.start(program);
    const rows: Row[] = [];
    const id = `tr-${(traces / 2).toString(16).padStart(32, "0")}`;
    rows.push(await traceRow(client, server.uri, id));
    for (const one of casesOf(scaled.firstMillis, traces)) {
      progress(one.what);
      rows.push(await searchRow(client, server.uri, scaled.experimentId, one));
    }
    const memory = peakMemoryOf(client.pid());
    await client.end();
    rows.push({ what: "Memory at its highest, all of the above", unit: "MB", wandflow: memory });
    return {
      title: "A local MLflow store",
      about:
        `A store of ${traces} traces and ${traces * 10} spans (${
          Math.round(size / 1e6)
        } MB), read by wandflow from the file, over stdio. The original is the MLflow server of the ` +
        "newest pinned release on the same file, asked the same by plain HTTP requests, without an " +
        "MCP server in between. wandflow's search also counts the matching traces.",
      rows,
    };
  } finally {
    await server.stop();
  }
}

function casesOf(first: number, traces: number): readonly Case[] {
  const recent = first + (traces - 20_000) * 1000;
  return [
    { what: "The newest 100 traces", filter: "" },
    {
      what: "100 failed traces of a time range",
      filter: `status = 'ERROR' AND timestamp_ms > ${recent}`,
    },
    { what: "The slowest 100 of all traces", filter: "", order: "execution_time_ms DESC" },
    { what: "100 traces by a tag", filter: "tag.shard = '7'" },
    { what: "The last page of 500", filter: "", offset: traces - 500, limit: 500 },
    {
      what: "10 traces by a span's attribute",
      filter: "span.attributes.`word` LIKE '%w4711%'",
      limit: 10,
      spans: true,
    },
    {
      what: "A text that occurs nowhere, all spans",
      filter: "trace.text LIKE '%no such text%'",
      spans: true,
    },
  ];
}

async function searchRow(
  client: StdioClient,
  uri: string,
  experiment: string,
  { what, filter, order, offset = 0, limit = 100, spans }: Case,
): Promise<Row> {
  const token = offset === 0 ? undefined : btoa(`{"offset": ${offset}}`);
  const body = {
    locations: [{
      type: "MLFLOW_EXPERIMENT",
      mlflow_experiment: { experiment_id: experiment },
    }],
    max_results: limit,
    ...(filter === "" ? {} : { filter }),
    ...(order === undefined ? {} : { order_by: [order] }),
    ...(token === undefined ? {} : { page_token: token }),
  };
  const args = {
    experiment_id: experiment,
    max_results: limit,
    ...(filter === "" ? {} : { filter_string: filter }),
    ...(order === undefined ? {} : { order_by: order }),
    ...(token === undefined ? {} : { page_token: token }),
  };
  const ours = async () => (await client.call("search_traces", args)).milliseconds;
  const theirs = () => ask(`${uri}/api/3.0/mlflow/traces/search`, body);
  return spans === true
    ? await measuredOnce(what, ours, theirs)
    : await measured(what, ours, theirs);
}

/** The server is asked only once, and not for longer than it is waited for. */
async function measuredOnce(
  what: string,
  ours: () => Promise<number>,
  theirs: () => Promise<void>,
): Promise<Row> {
  const { wandflow } = await interleaved({ wandflow: { run: ours } }, ROUNDS);
  const began = performance.now();
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), PATIENCE);
  const answer = theirs().then(() => true);
  answer.catch(() => {});
  const answered = await Promise.race([answer, late.promise]);
  clearTimeout(timer);
  const unit = "ms" as const;
  if (answered) return { what, unit, wandflow, original: performance.now() - began };
  const note = `The server had not answered after ${PATIENCE / 1000} s: for each trace its ` +
    "statement searches the spans of the whole experiment.";
  return { what, unit, wandflow, note };
}

function traceRow(client: StdioClient, uri: string, id: string): Promise<Row> {
  return measured(
    "One trace with its spans",
    async () => (await client.call("get_trace", { trace_id: id })).milliseconds,
    () => ask(`${uri}/api/3.0/mlflow/traces/get?trace_id=${id}`),
  );
}

async function measured(
  what: string,
  ours: () => Promise<number>,
  theirs: () => Promise<void>,
): Promise<Row> {
  const { wandflow, original } = await interleaved(
    { wandflow: { run: ours }, original: { run: theirs } },
    ROUNDS,
  );
  return { what, unit: "ms", wandflow, original };
}

async function ask(url: string, body?: unknown): Promise<void> {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url}: ${text.slice(0, 300)}`);
}

if (import.meta.main) {
  const { title, about, rows } = await bench(Number(Deno.args[0] ?? TRACES));
  progress(`${title}\n${about}`);
  for (const { what, unit, wandflow, original, note = "" } of rows) {
    const beside = original === undefined
      ? ""
      : `; server ${original.toFixed(1)} ${unit}, ${(original / wandflow).toFixed(1)} times`;
    progress(`${what}: ${wandflow.toFixed(1)} ${unit}${beside} ${note}`);
  }
}
