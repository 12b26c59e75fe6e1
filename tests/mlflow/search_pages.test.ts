/** A search of several pages, on servers that change or fail meanwhile. */
import assert from "node:assert/strict";
import { at, listAt, toolsWith } from "./harness.ts";

interface Page {
  readonly ids: readonly string[];
  readonly token?: string;
}

/** A server of traces, whose pages a test makes: by offset, size and token. */
function paged(page: (offset: number, size: number, token: string) => Page | Response) {
  let requests = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (!request.url.endsWith("/traces/search")) return Response.json({}, { status: 404 });
      requests += 1;
      const body: unknown = await request.json();
      const token = String(at(body, "page_token") ?? "");
      const offset = /^eyJ/.test(token) ? Number(at(JSON.parse(atob(token)), "offset")) : 0;
      const made = page(offset, Number(at(body, "max_results")), token);
      if (made instanceof Response) return made;
      return Response.json({
        traces: made.ids.map((trace_id) => ({
          trace_id,
          state: "OK",
          request_time: "2026-11-06T00:00:00Z",
          tags: { "mlflow.traceName": "chat" },
        })),
        ...(made.token === undefined ? {} : { next_page_token: made.token }),
      });
    },
  );
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}`,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
    MAX_RESPONSE_TOKENS: "200000",
  });
  return {
    requests: () => requests,
    search: async (args: Record<string, unknown>) => {
      const data = await tools.ok("search_traces", {
        experiment_id: "1",
        extract_fields: "info.trace_id",
        ...args,
      });
      return {
        data,
        ids: listAt(data, "traces").map((one) => String(at(one, "info", "trace_id"))),
        notes: listAt(data, "notes").join("\n"),
      };
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const byOffset = (all: readonly string[], offset: number, size: number): Page => ({
  ids: all.slice(offset, offset + size),
  ...(offset + size < all.length ? { token: btoa(`{"offset": ${offset + size}}`) } : {}),
});
const many = (count: number) => Array.from({ length: count }, (_, index) => `tr-${index}`);

Deno.test("a trace that comes twice, after another was added, is returned once and reported", async () => {
  const all = many(900);
  await using server = paged((offset, size) => {
    const page = byOffset(all, offset, size);
    if (offset === 0) all.unshift("tr-new");
    return page;
  });
  const { ids, notes, data } = await server.search({ max_results: 899 });
  assert.deepEqual(ids, many(899));
  assert.match(notes, /^1 traces came twice and are listed once: others were added meanwhile/m);
  assert.equal(data.has_more, true);
  const rest = await server.search({ page_token: data.next_page_token });
  assert.deepEqual([rest.ids, rest.notes], [["tr-899"], ""]);
});

Deno.test("a complete search in which traces came twice gives no total", async () => {
  const all = many(900);
  await using server = paged((offset, size) => {
    const page = byOffset(all, offset, size);
    if (offset === 0) all.unshift("tr-new");
    return page;
  });
  const { notes, data } = await server.search({ max_results: 2000 });
  assert.match(notes, /came twice/);
  assert.deepEqual([data.has_more, data.total_matching], [false, undefined]);
});

Deno.test("without changes between pages nothing is reported", async () => {
  await using server = paged((offset, size) => byOffset(many(900), offset, size));
  const { ids, notes } = await server.search({ max_results: 2000 });
  assert.deepEqual([ids, notes], [many(900), ""]);
});

Deno.test("endless page tokens, with one trace each or none, end after a limited number of requests", async () => {
  for (const each of [1, 0]) {
    let made = 0;
    await using server = paged(() => {
      made += 1;
      return { ids: each === 0 ? [] : [`tr-${made}`], token: `next ${made}` };
    });
    const { ids, notes, data } = await server.search({ max_results: 100 });
    assert.equal(server.requests(), 22);
    assert.deepEqual(ids, each === 0 ? [] : many(23).slice(1));
    assert.match(notes, /returned (22|0) traces in 22 pages and says there are more/);
    assert.deepEqual([data.has_more, data.next_page_token], [true, "next 22"]);
    assert.equal(data.total_matching, undefined);
  }
});

Deno.test("if a page fails, those before it are kept, and the next call continues there", async () => {
  let ill = true;
  await using server = paged((offset, size) =>
    ill && offset >= 1000
      ? Response.json({ error_code: "INTERNAL_ERROR", message: "damaged row" }, { status: 500 })
      : byOffset(many(1700), offset, size)
  );
  const { ids, notes, data } = await server.search({ max_results: 1700 });
  assert.deepEqual(ids, many(1000));
  assert.match(notes, /^Only the first 1000 traces were read; .* damaged row/m);
  assert.equal(data.has_more, true);
  ill = false;
  const rest = await server.search({ max_results: 1700, page_token: data.next_page_token });
  assert.deepEqual(rest.ids, many(1700).slice(1000));
});

Deno.test("a failure of the first page fails the search", async () => {
  await using server = paged(() =>
    Response.json({ error_code: "INTERNAL_ERROR" }, { status: 500 })
  );
  await assert.rejects(server.search({}), /upstream_error/);
});

Deno.test("if a server repeats a page, the traces read before are kept", async () => {
  // It does not look at the token.
  await using server = paged((_, size) => byOffset(many(900), 0, size));
  const { ids, notes, data } = await server.search({ max_results: 800 });
  assert.deepEqual(ids, many(500));
  assert.match(notes, /^Only the first 500 traces were read: MLflow returned the same page again/);
  assert.deepEqual([data.has_more, data.total_matching], [true, undefined]);
  assert.equal(atob(String(data.next_page_token)), '{"offset": 500}');
});

Deno.test("pages of a search by root spans' names belong to that search, without any counts", async () => {
  // It counts nothing, and knows only traces without a name.
  const filters: string[] = [];
  const roots = ["a 1", "b", "a 2"];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.endsWith("/get-trace-artifact")) {
        const place = Number(searchParams.get("request_id")?.slice(3));
        return Response.json({ spans: [{ name: roots[place], span_id: "AAAAAAAAAAE=" }] });
      }
      if (!pathname.endsWith("/traces/search")) return Response.json({}, { status: 404 });
      const body: unknown = await request.json();
      const filter = String(at(body, "filter"));
      const token = String(at(body, "page_token") ?? "0");
      filters.push(filter);
      const place = Number(token);
      return Response.json(
        filter.includes("IS NULL")
          ? {
            traces: [{ trace_id: `tr-${place}`, state: "OK", tags: {} }],
            ...(place + 1 < roots.length ? { next_page_token: String(place + 1) } : {}),
          }
          : { traces: [] },
      );
    },
  );
  try {
    const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${server.addr.port}` });
    const args = {
      experiment_id: "1",
      filter_string: "name LIKE 'a%'",
      extract_fields: "info.trace_id",
      max_results: 1,
    };
    const first = await tools.ok("search_traces", args);
    assert.deepEqual(listAt(first, "traces"), [{ info: { trace_id: "tr-0" } }]);
    filters.length = 0;
    const rest = await tools.ok("search_traces", { ...args, page_token: first.next_page_token });
    assert.deepEqual(listAt(rest, "traces"), [{ info: { trace_id: "tr-2" } }]);
    assert.ok(filters.every((filter) => filter.includes("IS NULL")), filters.join("\n"));
    const failure = await tools.fails("search_traces", {
      ...args,
      filter_string: "status = 'OK'",
      page_token: first.next_page_token,
    });
    assert.match(failure.message, /`page_token`/);
  } finally {
    await server.shutdown();
  }
});
