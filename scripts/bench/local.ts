import { scaleStore } from "../../tests/support/mlflow/scale.ts";
import { startMlflow } from "../../tests/support/mlflow/server.ts";
import { progress } from "../../tests/support/python/command.ts";
import { type Case, runCases, stopAtEnd } from "./cases.ts";
import { StdioClient, UNCUT, wandflow } from "./client.ts";
import { post, spend } from "./recorder.ts";
import type { Section } from "./row.ts";

/** A search of traces, as MLflow names its parts. */
interface Search {
  readonly filter?: string;
  readonly order_by?: string;
  readonly page_token?: string;
  readonly max_results?: number;
}

const WHY = "for each trace its statement searches the spans of the whole experiment";

/** Each question to wandflow, and to the server by a plain request; of two of these, only once. */
function casesFor(uri: string, experiment: string, traces: number, since: number): Case[] {
  const location = { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } };
  const search = (what: string, own: Search, slow = false): Case => {
    const { filter, order_by, ...rest } = { max_results: 100, ...own };
    const request = post("/api/3.0/mlflow/traces/search", {
      ...{ locations: [location], filter, order_by: order_by && [order_by], ...rest },
    });
    const run = () => spend(uri, request);
    return {
      ...{ what, tool: "search_traces", rounds: 5 },
      args: { experiment_id: experiment, filter_string: filter, order_by, ...rest },
      ...(slow ? { once: { run, why: WHY } } : { original: run }),
    };
  };
  const id = `tr-${(traces / 2).toString(16).padStart(32, "0")}`;
  const get = {
    method: "GET",
    path: `/api/3.0/mlflow/traces/get?trace_id=${id}`,
    type: null,
    body: "",
  };
  const recent = since + (traces - 20_000) * 1000;
  return [
    {
      ...{ what: "One trace with its spans", tool: "get_trace", args: { trace_id: id }, rounds: 5 },
      original: () => spend(uri, get),
    },
    search("The newest 100 traces", {}),
    search("100 failed traces of a time range", {
      filter: `status = 'ERROR' AND timestamp_ms > ${recent}`,
    }),
    search("The slowest 100 of all traces", { order_by: "execution_time_ms DESC" }),
    search("100 traces by a tag", { filter: "tag.shard = '7'" }),
    search("The last page of 500", {
      ...{ page_token: btoa(`{"offset": ${traces - 500}}`), max_results: 500 },
    }),
    search("10 traces by a span's attribute", {
      ...{ filter: "span.attributes.`word` LIKE '%w4711%'", max_results: 10 },
    }, true),
    search("A text that occurs nowhere, all spans", {
      filter: "trace.text LIKE '%no such text%'",
    }, true),
  ];
}

/** wandflow on a store's file, and the server's own answers to the same questions. */
export async function bench(traces = 20_000): Promise<Section> {
  await using server = stopAtEnd(await startMlflow({ version: "newest" }));
  progress(`Writing ${traces} traces`);
  const { experimentId, firstMillis } = scaleStore(server.dbPath, { traces, spansPerTrace: 10 });
  const { size } = await Deno.stat(server.dbPath);
  await using client = await StdioClient.start(
    await wandflow({ MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}`, ...UNCUT }),
  );
  const cases = casesFor(server.uri, experimentId, traces, firstMillis);
  const rows = await runCases(cases, { wandflow: client });
  const what = "Memory at its highest, all of the above";
  return {
    facts: { traces, spans: traces * 10, megabytes: Math.round(size / 1e6) },
    rows: [...rows, { what, unit: "MB", wandflow: client.memory("VmHWM") }],
  };
}

/** The same with ten times as many, almost 3 GB. */
export const benchBig = (): Promise<Section> => bench(200_000);
