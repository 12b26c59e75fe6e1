import { z } from "zod";
import { officialMlflow, StdioClient, wandflow } from "./client.ts";
import {
  ask,
  callMessage,
  message,
  pressInTurns,
  quantile,
  readMessage,
  type Seen,
} from "./load/callers.ts";
import {
  cutTrace,
  environment,
  preparePeers,
  recordCalls,
  SPANS,
  startStub,
  startWandflow,
} from "./load/set_up.ts";
import { memoryAfterCalls } from "./load/memory.ts";
import { costBySize } from "./load/cost.ts";
import { progress } from "../../tests/support/python/command.ts";
import type { Row, Section } from "./row.ts";

const CLIENTS = [1, 8, 64] as const;
/** Most spans of a trace whose cost is measured. */
const MOST_SPANS = 3200;

const Listing = z.looseObject({ result: z.looseObject({ tools: z.array(z.unknown()) }) });
const Called = z.looseObject({ result: z.unknown() });

/** Calls a second of one replica; memory after many calls; cost against size. */
export async function bench(): Promise<Section> {
  const recordings = await recordCalls(MOST_SPANS);
  const small = { ...recordings, all: cutTrace(recordings.all, SPANS) };
  await using stub = await startStub(small.all);
  await using ours = await startWandflow(stub.base);
  const { trace, history } = recordings;
  const list = message("tools/list");
  const [traceBody, historyBody] = [callMessage(trace.call), callMessage(history.call)];
  const answerTo = async (body: string) => readMessage(await ask({ url: ours.url, body }));
  const { tools } = Listing.parse(await answerTo(list)).result;
  await using peers = await preparePeers(stub.base, small, {
    tools,
    trace: Called.parse(await answerTo(traceBody)).result,
    history: Called.parse(await answerTo(historyBody)).result,
  });
  await using tracePeer = await peers.http("trace");
  await using historyPeer = await peers.http("history");
  await using mlflow = await peers.mlflow();
  await using fastmcp = await peers.fastmcp("history");
  const fetching = message("tools/call", { name: "fetch", arguments: {} });
  const reading = message("tools/call", { name: "read", arguments: {} });
  const lines = [
    {
      what: `a list of ${tools.length} tools`,
      own: list,
      peer: { base: tracePeer.base, body: list },
      python: { base: mlflow.base, body: list },
      fetches: false,
    },
    {
      what: `a trace of ${SPANS} spans`,
      own: traceBody,
      peer: { base: tracePeer.base, body: fetching },
      python: { base: mlflow.base, body: traceBody },
      fetches: true,
    },
    {
      what: "a run's history",
      own: historyBody,
      peer: { base: historyPeer.base, body: fetching },
      python: { base: fastmcp.base, body: fetching },
      fetches: true,
    },
  ];
  const rows: Row[] = [];
  for (const { what, own, peer, python, fetches } of lines) {
    const targets = [
      { url: ours.url, body: own },
      { url: `${peer.base}/mcp`, body: peer.body },
      { url: `${python.base}/mcp`, body: python.body },
      ...(fetches
        ? [{ url: `${peer.base}/mcp`, body: reading }, { url: `${peer.base}/proxy`, body: "{}" }]
        : []),
    ];
    for (const target of targets) refuseErrors(await ask(target));
    for (const clients of CLIENTS) {
      progress(`${what}, ${clients} clients`);
      const asks = targets.map((target) => () => ask(target));
      const seen = await pressInTurns(asks, { clients, rounds: 3, seconds: 0.5 });
      rows.push(rowFor(`${what}, ${clients} ${clients === 1 ? "client" : "clients"}`, seen));
    }
  }
  rows.push(...await stdioRows(stub.base, peers, small));
  rows.push(...await memoryAfterCalls(ours, [list, traceBody, historyBody]));
  const cost = await costBySize(recordings);
  rows.push(...cost.rows);
  return {
    facts: { spans: SPANS },
    picture: { name: "load-cost.png", title: cost.title, spec: cost.spec },
    headings: { bare: "empty tool", original: "Python" },
    rows,
  };
}

function refuseErrors(text: string): void {
  if (/"isError": ?true|"error": ?\{/.test(text)) throw new Error(text.slice(0, 500));
}

function rowFor(what: string, [own, peer, python, reader, proxy]: readonly Seen[]): Row {
  const { perSecond = 0, milliseconds = [] } = own ?? {};
  const beside = (name: string, seen: Seen | undefined) =>
    seen === undefined ? {} : {
      [name]: `${seen.perSecond.toFixed(0)} calls/s`,
      [`wandflow ÷ ${name}`]: (perSecond / seen.perSecond).toFixed(2),
    };
  const time = (share: number) => `${quantile(milliseconds, share).toFixed(1)} ms`;
  return {
    ...{ what, unit: "calls/s", wandflow: perSecond },
    ...{ bare: peer?.perSecond, original: python?.perSecond },
    goals: [{ against: "bare", factor: 0.8 }],
    more: {
      ...beside("reading tool", reader),
      ...beside("proxy", proxy),
      p50: time(0.5),
      p99: time(0.99),
    },
  };
}

async function stdioRows(
  base: string,
  peers: Awaited<ReturnType<typeof preparePeers>>,
  { trace }: Awaited<ReturnType<typeof recordCalls>>,
): Promise<Row[]> {
  await using own = await StdioClient.start(await wandflow(environment(base)));
  const [program = "", ...args] = peers.stdio("trace");
  await using peer = await StdioClient.start({ program, args, env: Deno.env.toObject() });
  await using python = await StdioClient.start(await officialMlflow(base));
  const fetching = { tool: "fetch", args: {} };
  await own.call(trace.call);
  await peer.call(fetching);
  const rows: Row[] = [];
  for (
    const { what, asks } of [
      {
        what: "a list of tools",
        asks: [own, peer, python].map((one) => () => one.request("tools/list", {})),
      },
      {
        what: `a trace of ${SPANS} spans`,
        asks: [own.repeat(trace.call), peer.repeat(fetching), python.repeat(trace.call)],
      },
    ]
  ) {
    progress(`${what}, stdio`);
    const seen = await pressInTurns(asks, { clients: 1, rounds: 3, seconds: 0.5 });
    rows.push(rowFor(`${what}, stdio, 1 client`, seen));
  }
  return rows;
}
