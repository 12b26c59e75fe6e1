import { scaleStore } from "../../tests/support/mlflow/scale.ts";
import { startMlflow } from "../../tests/support/mlflow/server.ts";
import { progress } from "../../tests/support/python/command.ts";
import { type Call, StdioClient, wandflow } from "./client.ts";
import { measure, type Row, type Section } from "./row.ts";

/** A search of traces, as MLflow names its parts. */
interface Search {
  readonly filter?: string;
  readonly order_by?: string;
  readonly offset?: number;
  readonly max_results?: number;
}

/** The lines of the table; `once`: the server is asked only once, for it may not answer. */
function searches(traces: number, since: number): [string, Search, once?: true][] {
  const recent = since + (traces - 20_000) * 1000;
  return [
    ["The newest 100 traces", {}],
    ["100 failed traces of a time range", {
      filter: `status = 'ERROR' AND timestamp_ms > ${recent}`,
    }],
    ["The slowest 100 of all traces", { order_by: "execution_time_ms DESC" }],
    ["100 traces by a tag", { filter: "tag.shard = '7'" }],
    ["The last page of 500", { offset: traces - 500, max_results: 500 }],
    ["10 traces by a span's attribute", {
      filter: "span.attributes.`word` LIKE '%w4711%'",
      max_results: 10,
    }, true],
    ["A text that occurs nowhere, all spans", {
      filter: "trace.text LIKE '%no such text%'",
    }, true],
  ];
}

/** How long the server may take for an answer that it gives once, in milliseconds. */
const PATIENCE = 20_000;

/** wandflow on a store's file, and the server's own answers to the same questions. */
export async function bench(traces = 20_000): Promise<Section> {
  const server = await startMlflow({ version: "newest" });
  try {
    progress(`Writing ${traces} traces`);
    const { experimentId, firstMillis } = scaleStore(server.dbPath, { traces, spansPerTrace: 10 });
    const { size } = await Deno.stat(server.dbPath);
    await using client = await StdioClient.start(
      await wandflow({
        MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}`,
        MAX_RESPONSE_TOKENS: "100000000",
      }),
    );
    const id = `tr-${(traces / 2).toString(16).padStart(32, "0")}`;
    const get: Call = { tool: "get_trace", args: { trace_id: id } };
    await client.call(get);
    const rows: Row[] = [
      await measure({
        what: "One trace with its spans",
        wandflow: client.repeat(get),
        original: () => ask(`${server.uri}/api/3.0/mlflow/traces/get?trace_id=${id}`),
        rounds: 5,
      }),
    ];
    for (const [what, search, once] of searches(traces, firstMillis)) {
      progress(what);
      const { filter, offset, ...same } = { max_results: 100, ...search };
      const token = offset === undefined ? {} : { page_token: btoa(`{"offset": ${offset}}`) };
      const found: Call = {
        tool: "search_traces",
        args: {
          ...{ experiment_id: experimentId, ...same, ...token },
          ...(filter === undefined ? {} : { filter_string: filter }),
        },
      };
      await client.call(found);
      const location = {
        type: "MLFLOW_EXPERIMENT",
        mlflow_experiment: { experiment_id: experimentId },
      };
      const { order_by: order, ...rest } = same;
      const body = {
        ...{ locations: [location], ...rest, ...token },
        ...(filter === undefined ? {} : { filter }),
        ...(order === undefined ? {} : { order_by: [order] }),
      };
      const original = () => ask(`${server.uri}/api/3.0/mlflow/traces/search`, body);
      const own = { what, wandflow: client.repeat(found), rounds: 5 };
      rows.push(
        once === true
          ? { ...await measure(own), ...await askedOnce(original) }
          : await measure({ ...own, original }),
      );
    }
    const wandflowMemory = client.memory("VmHWM");
    rows.push({
      what: "Memory at its highest, all of the above",
      unit: "MB",
      wandflow: wandflowMemory,
    });
    return {
      title: "A local MLflow store",
      about:
        `A store of ${traces} traces and ${traces * 10} spans (${Math.round(size / 1e6)} MB), ` +
        "read by wandflow from the file, over stdio. The original is the MLflow server of the " +
        "newest pinned release on the same file, called with plain HTTP requests, without an MCP " +
        "server in between. wandflow's search also counts the matching traces.",
      rows,
    };
  } finally {
    await server.stop();
  }
}

async function askedOnce(run: () => Promise<void>): Promise<Partial<Row>> {
  const began = performance.now();
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), PATIENCE);
  const answer = run().then(() => true);
  answer.catch(() => {});
  const answered = await Promise.race([answer, late.promise]);
  clearTimeout(timer);
  if (answered) return { original: performance.now() - began };
  return {
    note: `The server had not answered after ${PATIENCE / 1000} s: for each trace its statement ` +
      "searches the spans of the whole experiment.",
  };
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

/** The same with ten times as many, almost 3 GB. */
export function benchBig(): Promise<Section> {
  return bench(200_000);
}
