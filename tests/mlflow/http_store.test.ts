import assert from "node:assert/strict";
import type { Failure } from "../../src/core/failure.ts";
import { createLog } from "../../src/core/log.ts";
import { createTransport } from "../../src/http/transport.ts";
import { readMlflowError } from "../../src/mlflow/errors.ts";
import { HttpTraceStore, newServerMemory } from "../../src/mlflow/http/store.ts";
import { at, listAt, type Tools, toolsWith } from "./harness.ts";

/** A server that answers by path; every request is kept. */
function fake(answers: Record<string, (url: URL, request: Request) => Response | undefined>) {
  const requests: { method: string; path: string; query: URLSearchParams; headers: Headers }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    requests.push({
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
    });
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

Deno.test("spans: without the flat route the artifact file is read, and the route not tried again", async () => {
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

Deno.test("spans: once a server is seen to keep files, they are read directly", async () => {
  const located = (id: string) =>
    info(id, { "mlflow.artifactLocation": `mlflow-artifacts:/1/traces/${id}/artifacts` });
  const file = (id: string) =>
    `/api/2.0/mlflow-artifacts/artifacts/1/traces/${id}/artifacts/traces.json`;
  const flat = "/ajax-api/2.0/mlflow/get-trace-artifact";
  await using server = fake({
    "/api/3.0/mlflow/traces/tr-1": () => Response.json({ trace: { trace_info: located("tr-1") } }),
    "/api/3.0/mlflow/traces/tr-2": () => Response.json({ trace: { trace_info: located("tr-2") } }),
    [file("tr-1")]: () => new Response(text({ spans: [span("from the file")] })),
    [flat]: () => new Response(text({ spans: [span("written again")] })),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const names = async (trace_id: string, extract_fields: string) =>
    listAt(await tools.ok("get_trace", { trace_id, extract_fields }), "data", "spans")
      .map((one) => at(one, "name"));
  const both = "info.state,data.spans.*.name";
  assert.deepEqual(await names("tr-1", both), ["written again"], "nothing is known yet");
  for (const fields of [both, "data.spans.*.name"]) {
    const before = server.requests.length;
    assert.deepEqual(await names("tr-1", fields), ["from the file"]);
    assert.deepEqual(
      server.requests.slice(before).map(({ path }) => path.split("?")[0]).sort(),
      [file("tr-1"), "/api/3.0/mlflow/traces/tr-1"],
    );
  }
  // A trace without its file, such as one that still runs.
  assert.deepEqual(await names("tr-2", "data.spans.*.name"), ["written again"]);
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

Deno.test("spans: an artifact path that leaves its folder is refused", async () => {
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
  assert.ok(server.requests.length > 0);
  assert.ok(server.requests.every(({ path }) => !path.includes("artifacts/")));
});

Deno.test("get_trace: when info and spans both fail, the info's failure is reported, last or first", async () => {
  for (const slow of ["info", "spans"]) {
    const other = Promise.withResolvers<void>();
    const inTurn = async (what: string, response: () => Response) => {
      if (what === slow) await other.promise;
      else setTimeout(other.resolve, 20);
      return response();
    };
    const missing = (message: string) => () =>
      Response.json({ error_code: "RESOURCE_DOES_NOT_EXIST", message }, { status: 404 });
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) =>
        request.url.includes("get-trace-artifact")
          ? inTurn("spans", missing("no such artifact"))
          : inTurn("info", missing("no such trace")),
    );
    const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}` });
    const failure = await tools.fails("get_trace", { trace_id: "tr-1" });
    assert.match(failure.message, /no such trace/, `${slow} last`);
  }
});

Deno.test("search: a wrong server that answers {} is an error, not an empty result", async () => {
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

Deno.test("retries: a request is repeated after a 503, not after a 500", async () => {
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

Deno.test("a write is not repeated after a 503, which MLflow may send halfway through", async () => {
  for (
    const [body, expected] of [
      ['{"error_code":"TEMPORARILY_UNAVAILABLE","message":"no database"}', "unknown"],
      ['{"message":"Service Unavailable"}', "unknown"],
      ["<html>Service Unavailable</html>", "unknown"],
      [
        "Endpoint: /api/3.0/mlflow/traces/<trace_id>/assessments disabled due to the mlflow server " +
        "running in `--artifacts-only` mode. To enable tracking server functionality, run",
        "none",
      ],
    ] as const
  ) {
    await using server = fake({ "/api/3.0": () => new Response(body, { status: 503 }) });
    const store = new HttpTraceStore(
      {
        service: "MLflow",
        setting: "MLFLOW_TRACKING_URI",
        baseUrl: new URL(server.uri),
        headers: () => ({}),
        transport: createTransport(),
        timeoutMs: 10_000,
        retry: { maxRetries: 2, backoffMs: 1, jitterMs: 0, respectRetryAfter: true },
        readError: readMlflowError,
      },
      newServerMemory(),
      new AbortController().signal,
    );
    await assert.rejects(
      store.createAssessment("tr-1", {}),
      (error: Failure) => error.effect === expected && !error.retryable,
      body,
    );
    assert.equal(server.requests.length, 1, body);
  }
});

Deno.test("a wrong server's JSON is reported as its fault, wherever it is invalid", async () => {
  for (
    const [infoBody, fields, spansBody, hint] of [
      [{ trace: { trace_info: 5 } }, "info.*", { spans: [] }, /address/],
      [{ trace: {} }, "data.*", { spans: [1, null] }, /Without data\.\* fields/],
      [{ trace: { trace_info: info("tr-1") } }, "data.*", {}, /address/],
    ] as const
  ) {
    await using server = fake({
      "/api/3.0/mlflow/traces/search": () => Response.json({ traces: [1, "x"] }),
      "/api/3.0/mlflow/traces/tr-1": () => Response.json(infoBody),
      "/ajax-api/": () => Response.json(spansBody),
      "/api/3.0/mlflow/traces/get": () => Response.json(spansBody),
    });
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
    for (
      const [tool, args, expected] of [
        ["get_trace", { trace_id: "tr-1", extract_fields: fields }, hint],
        ["search_traces", { experiment_id: "1" }, /address/],
      ] as const
    ) {
      const failure = await tools.fails(tool, args);
      assert.deepEqual([failure.error, failure.retryable], ["upstream_error", false]);
      assert.match(String(failure.hint), expected);
    }
  }
});

/** Traces whose spans are in the database, found by a search; each has one span, named after it. */
function searchable(found: readonly { readonly id: string; readonly bytes: number }[]) {
  const infos = found.map(({ id, bytes }) => ({
    ...info(id, { "mlflow.trace.spansLocation": "TRACKING_STORE", "mlflow.traceName": "chat" }),
    trace_metadata: { "mlflow.trace.sizeBytes": String(bytes) },
  }));
  return fake({
    "/api/3.0/mlflow/traces/search": () => Response.json({ traces: infos }),
    "/api/3.0/mlflow/traces/batchGet": (url) =>
      new Response(text({
        traces: url.searchParams.getAll("trace_ids").map((id) => ({
          trace_info: info(id),
          spans: [span(`span of ${id}`)],
        })),
      })),
    "/ajax-api/2.0/mlflow/get-trace-artifact": (url) =>
      new Response(text({ spans: [span(`span of ${url.searchParams.get("request_id")}`)] })),
  });
}

/** What a search for span names gives, trace by trace. */
async function spanNames(tools: Tools): Promise<unknown[]> {
  const data = await tools.ok("search_traces", {
    experiment_id: "1",
    extract_fields: "info.trace_id,data.spans.*.name",
  });
  return listAt(data, "traces").map((one) => [
    at(one, "info", "trace_id"),
    listAt(one, "data", "spans").map((each) => at(each, "name")),
  ]);
}

/** The requests for spans: last part of the route, and the ids asked for. */
const spanRequests = (requests: readonly { path: string; query: URLSearchParams }[]) =>
  requests.filter(({ path }) => !path.endsWith("/traces/search")).map(({ path, query }) => [
    path.slice(path.lastIndexOf("/") + 1),
    query.getAll("trace_ids").concat(query.getAll("request_id")),
  ]);

Deno.test("search: spans of small traces come in one request, those of huge ones each alone", async () => {
  const small = ["tr-1", "tr-2", "tr-3"].map((id) => ({ id, bytes: 4000 }));
  const huge = ["tr-4", "tr-5"].map((id) => ({ id, bytes: 60_000_000 }));
  const namesOf = (traces: readonly { id: string }[]) =>
    traces.map(({ id }) => [id, [`span of ${id}`]]);
  const batch = ["batchGet", ["tr-1", "tr-2", "tr-3"]];
  const flat = [["get-trace-artifact", ["tr-4"]], ["get-trace-artifact", ["tr-5"]]];
  for (
    const [traces, expected] of [
      [small, [batch]],
      [huge, flat],
      // In the order of the search, whichever way their spans come.
      [[...huge, ...small], [batch, ...flat]],
    ] as const
  ) {
    await using server = searchable(traces);
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
    assert.deepEqual(await spanNames(tools), namesOf(traces));
    assert.deepEqual(spanRequests(server.requests).sort(), expected);
  }
});

Deno.test("search: without a path under data no spans of named traces are requested", async () => {
  await using server = searchable([{ id: "tr-1", bytes: 10 }, { id: "tr-2", bytes: 60_000_000 }]);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  for (const more of [{}, { extract_fields: "info.trace_id,info.trace_metadata.*" }]) {
    const data = await tools.ok("search_traces", { experiment_id: "1", ...more });
    assert.equal(listAt(data, "traces").length, 2);
  }
  assert.deepEqual(spanRequests(server.requests), []);
});

Deno.test("get_trace: progress is reported while spans arrive, and only grows", async () => {
  const total = 650;
  const told = Promise.withResolvers<void>();
  const sent = { all: false };
  const encode = (part: string) => new TextEncoder().encode(part);
  // Large enough not to be waiting in some buffer: 250 of them are half a megabyte.
  const items = Array.from({ length: total }, (_, index) =>
    text({
      ...span(`span ${index}`),
      attributes: { "mlflow.spanInputs": JSON.stringify("x".repeat(2000)) },
    }));
  await using server = fake({
    "/ajax-api/2.0/mlflow/get-trace-artifact": () =>
      new Response(
        new ReadableStream({
          start: async (controller) => {
            controller.enqueue(encode(`{"spans":[${items.slice(0, 250).join(",")},`));
            // The rest is sent only once the call has reported the first part.
            await told.promise;
            sent.all = true;
            controller.enqueue(encode(`${items.slice(250).join(",")}]}`));
            controller.close();
          },
        }),
      ),
  });
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: server.uri,
    MLFLOW_HTTP_REQUEST_TIMEOUT: "20",
  });
  const steps: { done: number; early: boolean }[] = [];
  const answer = await tools.call("get_trace", {
    trace_id: "tr-1",
    extract_fields: "data.spans.*.name",
  }, {
    progress: ({ done }) => {
      steps.push({ done, early: !sent.all });
      told.resolve();
    },
  });
  // Where nothing was told, the server still waits.
  told.resolve();
  assert.equal(answer.failure, undefined);
  assert.equal(listAt(answer.data, "data", "spans").length, total);
  const early = steps.filter((step) => step.early);
  assert.ok(early.length > 0);
  assert.ok(early.every(({ done }) => done > 0 && done <= 250), JSON.stringify(early));
  assert.ok(steps.length > early.length);
  for (const [index, { done }] of steps.entries()) {
    assert.ok(done <= total && done > (steps[index - 1]?.done ?? 0), JSON.stringify(steps));
  }
});

Deno.test("spans: a body that stalls past the deadline is reported as a time-out", async () => {
  const stalled = Promise.withResolvers<void>();
  await using server = fake({
    "/ajax-api/2.0/mlflow/get-trace-artifact": () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode('{"spans":['));
            await stalled.promise;
            controller.close();
          },
        }),
      ),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri, MLFLOW_HTTP_REQUEST_TIMEOUT: "0.3" });
  const failure = await tools.fails("get_trace", {
    trace_id: "tr-1",
    extract_fields: "data.spans.*.name",
  });
  stalled.resolve();
  assert.equal(failure.error, "timeout");
});

Deno.test("a workspace on a server without workspaces is reported", async () => {
  await using server = fake({
    "/": () =>
      Response.json({
        error_code: "INTERNAL_ERROR",
        message: "Workspace APIs are not available: workspaces are not enabled on this server",
      }, { status: 500 }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri, MLFLOW_WORKSPACE: "team" });
  const failure = await tools.fails("search_traces", { experiment_id: "1" });
  assert.equal(failure.error, "unsupported");
  assert.match(String(failure.hint), /MLFLOW_WORKSPACE/);
});

Deno.test("after a gateway refuses the shortcut, the documented route decides", async () => {
  const stored = { "mlflow.trace.spansLocation": "TRACKING_STORE" };
  const refusals = [
    ...[401, 403, 404, 405, 500].map((status) => () => new Response("<html>", { status })),
    () => new Response("<!doctype html><title>Log in</title>"),
    () => new Response(null, { status: 302, headers: { location: "/login" } }),
  ];
  for (const refuse of refusals) {
    await using server = fake({
      "/ajax-api/": refuse,
      "/api/3.0/mlflow/traces/get": () =>
        new Response(text({ trace: { trace_info: info("tr-1", stored), spans: [span("root")] } })),
      "/api/3.0/mlflow/traces/tr-1": () =>
        Response.json({ trace: { trace_info: info("tr-1", stored) } }),
    });
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
    const data = await tools.ok("get_trace", { trace_id: "tr-1" });
    assert.equal(at(data, "data", "spans", 0, "name"), "root");
  }
});

Deno.test("a server of 3.6 behind such a gateway gives the spans of a batch of one", async () => {
  const stored = { "mlflow.trace.spansLocation": "TRACKING_STORE" };
  await using server = fake({
    "/api/3.0/mlflow/traces/get": () =>
      Response.json({
        error_code: "RESOURCE_DOES_NOT_EXIST",
        message: "Trace with ID 'get' not found.",
      }, { status: 404 }),
    "/api/3.0/mlflow/traces/batchGet": () =>
      new Response(text({ traces: [{ trace_info: info("tr-1"), spans: [span("root")] }] })),
    "/api/3.0/mlflow/traces/tr-1": () =>
      Response.json({ trace: { trace_info: info("tr-1", stored) } }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const data = await tools.ok("get_trace", { trace_id: "tr-1" });
  assert.equal(at(data, "data", "spans", 0, "name"), "root");
});

Deno.test("a trace that cannot be read is named with the reason, and the others are returned", async () => {
  const ids = Array.from({ length: 30 }, (_, index) => `tr-${index}`);
  const inFile = (id: string) => ["tr-3", "tr-4", "tr-5"].includes(id);
  const found = ids.map((id) =>
    info(
      id,
      inFile(id)
        ? { "mlflow.artifactLocation": `mlflow-artifacts:/1/${id}` }
        : { "mlflow.trace.spansLocation": "TRACKING_STORE" },
    )
  );
  const failing = "tr-17";
  const failed = () =>
    Response.json({ error_code: "INTERNAL_ERROR", message: "damaged row" }, { status: 500 });
  await using server = fake({
    "/api/3.0/mlflow/traces/search": () => Response.json({ traces: found }),
    "/api/3.0/mlflow/traces/batchGet": (url) => {
      const asked = url.searchParams.getAll("trace_ids");
      if (asked.includes(failing)) return failed();
      const traces = asked.map((id) => ({
        trace_info: info(id),
        spans: id === "tr-20" ? [{ name: 5 }] : [span(id)],
      }));
      return new Response(text({ traces }));
    },
    "/api/3.0/mlflow/traces/get": failed,
    "/ajax-api/": (url) => {
      const id = String(url.searchParams.get("request_id"));
      return id === failing || inFile(id) ? failed() : new Response(text({ spans: [span(id)] }));
    },
    "/api/2.0/mlflow-artifacts/artifacts/1/tr-3/": () => new Response('{"spans": [{"name": "a'),
    "/api/2.0/mlflow-artifacts/artifacts/1/tr-4/": () => new Response(""),
    "/api/2.0/mlflow-artifacts/artifacts/1/tr-5/": () => new Response("<html>"),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const data = await tools.ok("search_traces", {
    experiment_id: "1",
    extract_fields: "info.trace_id,data.spans.*.name",
  });
  const notes = listAt(data, "notes").join("\n");
  const bad = ["tr-3", "tr-4", "tr-5", failing, "tr-20"];
  for (const [index, id] of ids.entries()) {
    assert.equal(at(data, "traces", index, "info", "trace_id"), id);
    const names = listAt(data, "traces", index, "data", "spans").map((one) => at(one, "name"));
    assert.deepEqual(names, bad.includes(id) ? [] : [id]);
    assert.equal(new RegExp(`\\b${id}\\b`).test(notes), bad.includes(id), notes);
  }
  assert.match(notes, /damaged row/);
});

Deno.test("a token in the tracking URI is in no link, and the links are valid", async () => {
  await using server = fake({
    "/prefix/api/3.0/mlflow/traces/tr-1": () =>
      Response.json({ trace: { trace_info: info("tr-1") } }),
    "/prefix/api/3.0/mlflow/traces/get": () =>
      Response.json({ trace: { trace_info: info("tr-1"), spans: [] } }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `${server.uri}/prefix/?token=canary-0001#top` });
  const tool = tools.list.find(({ name }) => name === "get_trace");
  const links: unknown[] = [];
  const outcome = await tool?.call({ trace_id: "tr-1" }, {
    signal: new AbortController().signal,
    progress: () => {},
    maxTokens: 30_000,
    log: createLog({ level: "ERROR", format: "human", secrets: [], write: () => {} }),
    consent: { canAsk: false, answer: undefined, trustConfirm: false },
  });
  if (outcome?.kind === "reply") links.push(...outcome.reply.links ?? []);
  assert.equal(links.length, 2);
  assert.doesNotMatch(JSON.stringify(links), /canary/);
  const page = at(links, 1, "uri");
  assert.equal(
    page,
    `${server.uri}/prefix/#/experiments/1/traces?selectedEvaluationId=tr-1`,
  );
  // An id, its address and its page are the same trace.
  for (const trace_id of ["tr-1", '"tr-1"', at(links, 0, "uri"), page]) {
    const data = await tools.ok("get_trace", { trace_id, extract_fields: "info.trace_id" });
    assert.deepEqual(data["info"], { trace_id: "tr-1" }, String(trace_id));
  }
  const foreign = await tools.fails("get_trace", { trace_id: "trace:/main.traces/0123" });
  assert.match(foreign.message, /Databricks/);
});

Deno.test("an id is suggested only if its trace exists", async () => {
  const hex = "0123456789abcdef0123456789abcdef";
  await using server = fake({
    [`/api/3.0/mlflow/traces/tr-${hex}`]: () =>
      Response.json({ trace: { trace_info: info(`tr-${hex}`) } }),
    "/api/3.0/mlflow/traces/": () =>
      Response.json({ error_code: "RESOURCE_DOES_NOT_EXIST", message: "none" }, { status: 404 }),
  });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const hint = async (trace_id: string) =>
    (await tools.fails("get_trace", { trace_id, extract_fields: "info.state" })).hint;
  assert.equal(await hint(hex.toUpperCase()), `Did you mean tr-${hex}?`);
  assert.equal(await hint(hex.replace("0", "1")), "search_traces finds the ids of traces.");
});

Deno.test("a trace that could not be looked up is not reported as missing", async () => {
  const wrong = () =>
    Response.json(
      { error_code: "RESOURCE_DOES_NOT_EXIST", message: "Workspace 'nope' not found" },
      {
        status: 404,
      },
    );
  await using server = fake({ "/api/": wrong });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri, MLFLOW_WORKSPACE: "nope" });
  for (
    const [tool, args] of [
      ["search_traces", { experiment_id: "team exp" }],
      ["search_traces", { experiment_id: "1" }],
      ["delete_traces", { experiment_id: "1", older_than: "1d", confirm: true }],
      ["get_trace", { trace_id: "tr-1" }],
      ["get_assessment", { trace_id: "tr-1", assessment_id: "a-1" }],
      ["delete_trace_tag", { trace_id: "tr-1", key: "x" }],
    ] as const
  ) {
    const failure = await tools.fails(tool, args);
    assert.match(failure.message, /Workspace 'nope' not found/, tool);
    assert.match(String(failure.hint), /MLFLOW_WORKSPACE/);
  }
  await using down = fake({
    "/api/2.0/mlflow/experiments/get-by-name": () =>
      Response.json({ error_code: "RESOURCE_DOES_NOT_EXIST", message: "none" }, { status: 404 }),
    "/api/2.0/mlflow/experiments/search": () => new Response("", { status: 500 }),
  });
  const failure = await toolsWith({ MLFLOW_TRACKING_URI: down.uri })
    .fails("search_traces", { experiment_id: "team exp" });
  assert.match(String(failure.hint), /could not be listed: MLflow failed \(HTTP 500\)/);
});

Deno.test("if a server fails while spans are read, the traces before are kept", async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `tr-${index}`);
  const read: string[] = [];
  let broken = "tr-7";
  await using server = fake({
    "/api/3.0/mlflow/traces/search": () =>
      Response.json({ traces: ids.map((id) => info(id, { "mlflow.traceName": "chat" })) }),
    "/ajax-api/2.0/mlflow/get-trace-artifact": (url) => {
      const id = url.searchParams.get("request_id") ?? "";
      read.push(id);
      return id === broken
        ? new Response("slow down", { status: 429 })
        : new Response(text({ spans: [span(`root of ${id}`)] }));
    },
  });
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: server.uri,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
  });
  const args = { experiment_id: "1", extract_fields: "info.trace_id,data.spans.*.name" };
  const data = await tools.ok("search_traces", args);
  assert.deepEqual(
    listAt(data, "traces"),
    ids.slice(0, 7).map((id) => ({
      info: { trace_id: id },
      data: { spans: [{ name: `root of ${id}` }] },
    })),
  );
  const notes = listAt(data, "notes").join("\n");
  assert.match(notes, /Only the first 7 of 12 traces are here, since the spans of the next could/);
  assert.equal(at(data, "has_more"), true);
  assert.equal(atob(String(at(data, "next_page_token"))), '{"offset": 7}');
  assert.equal(at(data, "returned"), 7);
  // Nothing more is asked of a server that has failed.
  assert.ok(read.length < ids.length, read.join());
  // Where the very first fails, the infos are what there is.
  broken = "tr-0";
  const infos = await tools.ok("search_traces", args);
  assert.equal(listAt(infos, "traces").length, 12);
  assert.equal(at(infos, "has_more"), false);
  assert.match(listAt(infos, "notes").join("\n"), /could not be read \(tr-0/);
});

Deno.test("an assessment stored differently from what was sent is not logged as without effect", async () => {
  await using server = fake({
    "/api/3.0/mlflow/traces/tr-1/assessments": () =>
      Response.json({
        assessment: { assessment_id: "a-1", assessment_name: "f", feedback: { value: "cut" } },
      }),
  });
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLog({ level: "ERROR", format: "json", secrets: [], write });
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
  const args = { trace_id: "tr-1", name: "f", value: "cut off" };
  const { failure } = await tools.call("log_feedback", args, { log });
  assert.match(String(failure?.message), /stored the assessment a-1, but not as sent: value/);
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]), /"outcome":"partly done"/);
});
