/**
 * A worker that is a tracking server with answers that no server should give: `/<scenario>/…`
 * answers every route with that scenario's body. Tells its port.
 */
const MEBIBYTE = 1024 * 1024;
const encoder = new TextEncoder();

function* repeated(open: string, item: (index: number) => string, bytes: number, close: string) {
  yield encoder.encode(open);
  let part = "";
  let sent = 0;
  for (let index = 0; sent < bytes; index++) {
    part += `${index === 0 ? "" : ","}${item(index)}`;
    if (part.length < 8192) continue;
    sent += part.length;
    yield encoder.encode(part);
    part = "";
  }
  yield encoder.encode(part + close);
}

const span = (index: number, text: string) =>
  JSON.stringify({
    name: `span ${index}`,
    context: { trace_id: "0x1", span_id: `0x${index.toString(16)}` },
    parent_id: index === 0 ? null : "0x0",
    start_time: 1762387200123456789n.toString(),
    end_time: 1762387200223456789n.toString(),
    status_code: "OK",
    attributes: { "mlflow.spanType": '"LLM"', "mlflow.spanInputs": JSON.stringify(text) },
    events: [],
  });

type Parts = Generator<Uint8Array<ArrayBuffer>> | AsyncGenerator<Uint8Array<ArrayBuffer>>;

/** Bodies by scenario. */
const BODIES: Readonly<Record<string, () => Parts>> = {
  objects52: () => repeated("[", () => "{}", 52 * MEBIBYTE, "]"),
  objects315: () => repeated("[", () => "{}", 315 * MEBIBYTE, "]"),
  oneSpan20: () => repeated('{"spans":[', (i) => span(i, "x".repeat(20e6)), 1, "]}"),
  oneSpan80: () => repeated('{"spans":[', (i) => span(i, "x".repeat(80e6)), 1, "]}"),
  thousandSpans: () => repeated('{"spans":[', (i) => span(i, "x".repeat(80e3)), 80e6, "]}"),
  tenMegabytes: () => repeated('{"spans":[', (i) => span(i, "x".repeat(5e3)), 10e6, "]}"),
  endlessSpans: () => repeated('{"spans":[', (i) => span(i, "x".repeat(1e3)), Infinity, "]}"),
  endlessObjects: () => repeated('{"spans":[', () => "{}", Infinity, "]}"),
  endlessRows: () => rows(Infinity),
  manyTraces: () => repeated('{"spans":[', (i) => span(i, "x".repeat(5e6)), 1, "]}"),
  slowDrip: () => drip(),
};

/** Some bytes at a time, without end. */
async function* drip() {
  yield encoder.encode('{"spans":[');
  for (let index = 0;; index++) {
    for (const character of `${span(index, "slow")},`) {
      yield encoder.encode(character);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function* rows(count: number) {
  for (let index = 0; index < count;) {
    let part = "";
    for (; part.length < 65536; index++) {
      part += `${
        JSON.stringify({
          id: `call-${index}`,
          project_id: "team/project",
          op_name: "weave:///team/project/op/f:x",
          trace_id: `t-${index}`,
          started_at: "2026-01-01T00:00:00Z",
          inputs: { text: "x".repeat(1000) },
          attributes: {},
          output: null,
        })
      }\n`;
    }
    yield encoder.encode(part);
  }
}

const info = (id: string) => ({
  trace_id: id,
  trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
  request_time: "2026-01-01T00:00:00Z",
  state: "OK",
  tags: { "mlflow.trace.spansLocation": "TRACKING_STORE" },
  trace_metadata: { "mlflow.trace.sizeBytes": "5000000" },
});

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
  const [, scenario = "", ...rest] = new URL(request.url).pathname.split("/");
  const route = rest.join("/");
  const make = BODIES[scenario];
  if (make === undefined) return new Response("", { status: 404 });
  if (scenario.endsWith("Rows") && route === "calls/query_stats") {
    return Response.json({ count: 1 });
  }
  if (scenario === "manyTraces" && route.endsWith("traces/search")) {
    return Response.json({ traces: Array.from({ length: 30 }, (_, index) => info(`tr-${index}`)) });
  }
  const searched = scenario.startsWith("objects");
  if (!searched && /traces\/tr-\w+$/.test(route)) {
    return Response.json({ trace: { trace_info: info("tr-1") } });
  }
  const body = ReadableStream.from(make());
  return searched
    ? new Response(body.pipeThrough(new CompressionStream("gzip")), {
      headers: { "content-encoding": "gzip" },
    })
    : new Response(body);
});
self.postMessage(server.addr.port);
