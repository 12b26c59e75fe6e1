import assert from "node:assert/strict";
import { at, listAt, toolsWith } from "./harness.ts";

/** A server that answers by path; every request is kept. */
function fake(answers: Record<string, (url: URL, request: Request) => Response | undefined>) {
  const requests: { method: string; path: string; headers: Headers }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    requests.push({ method: request.method, path: url.pathname, headers: request.headers });
    for (const [prefix, answer] of Object.entries(answers)) {
      const response = url.pathname.startsWith(prefix) ? answer(url, request) : undefined;
      if (response !== undefined) return response;
    }
    return new Response("<!doctype html><title>404</title>", {
      status: 404,
      headers: { "content-type": "text/html" },
    });
  });
  return {
    uri: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const info = (id: string, tags: Record<string, string> = {}) => ({
  trace_id: id,
  state: "OK",
  request_time: "2026-11-06T00:00:00Z",
  execution_duration: "1.016s",
  trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
  tags,
});
const span = (name: string) => ({
  name,
  span_id: "AAAAAAAAAAE=",
  start_time_unix_nano: 1762387200123456789n,
  attributes: { "mlflow.spanType": '"AGENT"' },
});
const text = (value: unknown) =>
  JSON.stringify(value, (_, one) => typeof one === "bigint" ? `#${one}#` : one)
    .replaceAll(/"#(\d+)#"/g, "$1");

Deno.test("spans: a server without the flat route is asked for the artifact file, once learnt", async () => {
  await using server = fake({
    "/api/3.0/mlflow/traces/tr-1": () =>
      Response.json({
        trace: {
          trace_info: info("tr-1", {
            "mlflow.artifactLocation": "mlflow-artifacts:/1/traces/tr-1/artifacts",
          }),
        },
      }),
    "/api/2.0/mlflow-artifacts/artifacts/1/traces/tr-1/artifacts/traces.json": () =>
      new Response(text({ spans: [span("root")] })),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  for (let turn = 0; turn < 2; turn++) {
    const data = await tools.ok("get_trace", {
      trace_id: "tr-1",
      extract_fields: "data.spans.*.name,data.spans.*.start_time_unix_nano",
    });
    assert.deepEqual(listAt(data, "data", "spans"), [
      { name: "root", start_time_unix_nano: "1762387200123456789" },
    ]);
  }
  const flat = server.requests.filter(({ path }) => path.includes("get-trace-artifact"));
  assert.equal(flat.length, 1);
});

Deno.test("spans: a server without the flat route gives database traces whole", async () => {
  await using server = fake({
    "/api/3.0/mlflow/traces/get": (url) =>
      url.searchParams.get("trace_id") === "tr-1"
        ? new Response(text({ trace: { trace_info: info("tr-1"), spans: [span("root")] } }))
        : undefined,
    "/api/3.0/mlflow/traces/tr-1": () =>
      Response.json({
        trace: { trace_info: info("tr-1", { "mlflow.trace.spansLocation": "TRACKING_STORE" }) },
      }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const data = await tools.ok("get_trace", { trace_id: "tr-1" });
  assert.equal(at(data, "data", "spans", 0, "name"), "root");
  assert.equal(at(data, "data", "spans", 0, "attributes", "mlflow.spanType"), "AGENT");
  assert.equal(at(data, "info", "execution_duration_ms"), 1016);
});

Deno.test("spans: an artifact path that climbs is refused", async () => {
  await using server = fake({
    "/api/3.0/mlflow/traces/tr-1": () =>
      Response.json({
        trace: {
          trace_info: info("tr-1", { "mlflow.artifactLocation": "mlflow-artifacts:/1/../../x" }),
        },
      }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const failure = await tools.fails("get_trace", {
    trace_id: "tr-1",
    extract_fields: "data.spans.*.name",
  });
  assert.equal(failure.error, "invalid_arguments");
  assert.ok(server.requests.every(({ path }) => !path.includes("artifacts/")));
});

Deno.test("search: a wrong server that answers {} with anything is no empty result", async () => {
  await using server = fake({ "/": () => Response.json({}) });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const failure = await tools.fails("search_traces", { experiment_id: "1" });
  assert.equal(failure.error, "upstream_error");
  assert.match(String(failure.hint), /MLFLOW_TRACKING_URI/);
});

Deno.test("search: many traces come in parallel pages, in order, without a gap", async () => {
  const all = Array.from({ length: 1730 }, (_, index) => `tr-${index}`);
  let together = 0;
  let most = 0;
  const paged = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      most = Math.max(most, ++together);
      const body: unknown = await request.json();
      await new Promise((resolve) => setTimeout(resolve, 20));
      together--;
      if (!request.url.endsWith("/traces/search")) return Response.json({}, { status: 404 });
      const token = at(body, "page_token");
      const from = typeof token === "string" ? Number(at(JSON.parse(atob(token)), "offset")) : 0;
      const to = from + Number(at(body, "max_results"));
      return Response.json({
        traces: all.slice(from, to).map((id) => info(id)),
        ...(to < all.length ? { next_page_token: btoa(JSON.stringify({ offset: to })) } : {}),
      });
    },
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${paged.addr.port}` });
  for (const wanted of [1, 500, 501, 1700, 1730, 5000]) {
    const data = await tools.ok("search_traces", {
      experiment_id: "1",
      max_results: wanted,
      extract_fields: "info.trace_id",
    });
    const ids = listAt(data, "traces").map((one) => at(one, "info", "trace_id"));
    assert.deepEqual(ids, all.slice(0, wanted));
    assert.equal(data.has_more, wanted < all.length);
  }
  assert.ok(most > 1 && most <= 5, `${most} at once`);
  await paged.shutdown();
});

Deno.test("requests carry the workspace and the token, and no Origin", async () => {
  await using server = fake({
    "/api/3.0/mlflow/traces/tr-1": () => Response.json({ trace: { trace_info: info("tr-1") } }),
  });
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: `${server.uri}/`,
    MLFLOW_WORKSPACE: "team-a",
    MLFLOW_TRACKING_TOKEN: "token-1234567890",
  });
  await tools.ok("get_trace", { trace_id: "tr-1", extract_fields: "info.state" });
  assert.deepEqual(
    server.requests.map(({ path, headers }) => [
      path,
      headers.get("x-mlflow-workspace"),
      headers.get("authorization"),
      headers.get("origin"),
    ]),
    [["/api/3.0/mlflow/traces/tr-1", "team-a", "Bearer token-1234567890", null]],
  );
});

Deno.test("retries: a busy server is asked again, a failed one is not", async () => {
  for (
    const [status, body, expected] of [
      [503, "{}", 3],
      [500, '{"error_code":"INTERNAL_ERROR","message":"bad"}', 1],
    ] as const
  ) {
    await using server = fake({ "/api/3.0": () => new Response(body, { status }) });
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.uri,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "2",
      MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR: "0.01",
      MLFLOW_HTTP_REQUEST_BACKOFF_JITTER: "0",
    });
    const failure = await tools.fails("get_trace", {
      trace_id: "tr-1",
      extract_fields: "info.state",
    });
    assert.equal(failure.error, "upstream_error");
    assert.equal(server.requests.length, expected);
  }
});

Deno.test("a wrong server's JSON is its fault, whatever part of it is strange", async () => {
  for (
    const [infoBody, spansBody] of [
      [{ trace: { trace_info: 5 } }, { spans: [] }],
      [{ trace: { trace_info: info("tr-1") } }, { spans: [1, null] }],
      [{ trace: { trace_info: info("tr-1") } }, {}],
    ]
  ) {
    await using server = fake({
      "/api/3.0/mlflow/traces/search": () => Response.json({ traces: [1, "x"] }),
      "/api/3.0/mlflow/traces/tr-1": () => Response.json(infoBody),
      "/ajax-api/": () => Response.json(spansBody),
    });
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
    for (
      const [tool, args] of [["get_trace", { trace_id: "tr-1" }], ["search_traces", {
        experiment_id: "1",
      }]] as const
    ) {
      const failure = await tools.fails(tool, args);
      assert.deepEqual([failure.error, failure.retryable], ["upstream_error", false]);
      assert.match(String(failure.hint), /address/);
    }
  }
});
