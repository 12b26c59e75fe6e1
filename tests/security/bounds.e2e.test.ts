/** Answers that no server should give: the product stays small, goes on answering and lets go. */
import assert from "node:assert/strict";
import { memoryOf } from "../support/memory.ts";
import { answerTo, initialize, type Message, send } from "../e2e/rpc.ts";
import { startStdio } from "../support/product.ts";

const MEGABYTE = 1_000_000;
const encoder = new TextEncoder();

/** Text in pieces, with one of them as often as it takes, or without end. */
function* pieces(open: string, piece: string, times: number, close: string) {
  yield encoder.encode(open);
  const bytes = encoder.encode(piece);
  for (let time = 0; time < times; time++) yield bytes;
  yield encoder.encode(close);
}

/** A tracking server that answers a search with one body and everything about spans with another. */
function server(bodies: { search?: () => BodyInit; spans?: () => BodyInit; packed?: boolean }) {
  const asked = Promise.withResolvers<void>();
  const trace_info = {
    trace_id: "tr-1",
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_time: "2026-01-01T00:00:00Z",
    state: "OK",
    tags: { "mlflow.trace.spansLocation": "TRACKING_STORE" },
  };
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    const headers = bodies.packed === true ? { "content-encoding": "gzip" } : undefined;
    if (pathname.endsWith("/traces/tr-1")) return Response.json({ trace: { trace_info } });
    const make = pathname.endsWith("/search") ? bodies.search : bodies.spans;
    if (make === undefined) return new Response("", { status: 404 });
    asked.resolve();
    return new Response(make(), headers === undefined ? {} : { headers });
  });
  return {
    url: `http://127.0.0.1:${http.addr.port}`,
    asked: asked.promise,
    [Symbol.asyncDispose]: () => http.shutdown(),
  };
}

function stream(
  parts: Generator<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(parts);
}

const textOf = (answer: Message) => JSON.stringify(answer.result);
const call = (name: string, args: Record<string, unknown>) => ({
  method: "tools/call",
  params: { name, arguments: args },
});

Deno.test("a compressed reply of many small values is refused, in little memory", async () => {
  const packed = await new Response(
    stream(pieces("[", "{},".repeat(10_000), 1750, "{}]")).pipeThrough(
      new CompressionStream("gzip"),
    ),
  ).arrayBuffer();
  await using tracker = server({ search: () => packed, packed: true });
  await using product = await startStdio({ MLFLOW_TRACKING_URI: tracker.url });
  await initialize(product);
  await send(product, { id: 1, ...call("search_traces", { experiment_id: "1" }) });
  await send(product, { id: 2, method: "ping" });
  assert.deepEqual((await answerTo(product, 2)).result, {});
  assert.match(textOf(await answerTo(product, 1)), /more than 1000000 values/);
  const peak = memoryOf(product.pid, "VmHWM");
  assert.ok(peak < 600, `${peak} MB`);
});

Deno.test("a span of 60 MB is not kept if only its name is requested", async () => {
  const open = '{"spans":[{"name":"the only one","span_id":"1","attributes":{"document":"';
  await using tracker = server({
    spans: () => stream(pieces(open, "x".repeat(MEGABYTE), 60, '"}}]}')),
  });
  await using product = await startStdio({ MLFLOW_TRACKING_URI: tracker.url });
  await initialize(product);
  const args = { trace_id: "tr-1", extract_fields: "data.spans.*.name" };
  await send(product, { id: 1, ...call("get_trace", args) });
  assert.match(textOf(await answerTo(product, 1)), /the only one/);
  const peak = memoryOf(product.pid, "VmHWM");
  assert.ok(peak < 250, `${peak} MB`);
});

Deno.test("reading endless spans stops when the call is cancelled", async () => {
  const span = JSON.stringify({
    name: "again",
    span_id: "1",
    attributes: { text: "x".repeat(900) },
  });
  const left = Promise.withResolvers<void>();
  const endless = async function* () {
    try {
      yield encoder.encode('{"spans":[');
      for (;;) {
        yield encoder.encode(`${span},`.repeat(100));
        // Lets this process read what the product says.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } finally {
      left.resolve();
    }
  };
  await using tracker = server({ spans: () => ReadableStream.from(endless()) });
  await using product = await startStdio({ MLFLOW_TRACKING_URI: tracker.url });
  await initialize(product);
  const args = { trace_id: "tr-1", extract_fields: "data.spans.*.name" };
  await send(product, { id: 1, ...call("get_trace", args) });
  await tracker.asked;
  await send(product, { id: 2, method: "ping" });
  await answerTo(product, 2);
  await send(product, { method: "notifications/cancelled", params: { requestId: 1 } });
  await left.promise;
  await send(product, { id: 3, method: "ping" });
  assert.deepEqual((await answerTo(product, 3)).result, {});
});
