/**
 * A trace server in memory that answers as the hosted service documents, for what Weave's SQLite
 * store cannot do: costs, feedback filters, refusals of unknown fields and mixed types, timeouts and
 * memory limits, streams cut short, an older release without evaluation results.
 */
import { z } from "zod";
import { evaluationResults } from "./stub_evaluations.ts";
import { type Price, select, type StubOptions } from "./stub_select.ts";
import { Refusal, type StubCall } from "./stub_query.ts";

export type { StubCall, StubFeedback } from "./stub_query.ts";

export type { Price, StubOptions };

/** What goes wrong with the next request to a path. */
export type Fault =
  | {
    readonly kind: "status";
    readonly status: number;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  }
  | { readonly kind: "cut"; readonly afterRows: number }
  | { readonly kind: "hang" };

/** One request as the stub saw it. */
export interface StubRequest {
  /** Path without host and query. */
  readonly path: string;
  /** Parsed body. */
  readonly body: unknown;
  /** Value of the Authorization header. */
  readonly authorization: string;
}

/** A running stub. */
export interface Stub {
  /** Origin, without a trailing slash. */
  readonly url: string;
  /** The key that it accepts. */
  readonly apiKey: string;
  /** `entity/project`. */
  readonly project: string;
  /** Requests so far. */
  readonly requests: StubRequest[];
  /** Makes the next request to `path` fail; several faults are met one after the other. */
  fail(path: string, fault: Fault): void;
  /** Ends the stub; requests that hang are dropped. */
  stop(): Promise<void>;
}

/** Starts a stub on a free loopback port. */
export function startWeaveStub(options: StubOptions): Stub {
  const project = options.project ?? "test-entity/agents";
  const apiKey = `local-${crypto.randomUUID().replaceAll("-", "")}`;
  const requests: StubRequest[] = [];
  const faults = new Map<string, Fault[]>();
  const closing = new AbortController();
  const handle = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.replace(/^\/traces(?=\/)/, "");
    const authorization = request.headers.get("authorization") ?? "";
    const text = await request.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    requests.push({ path, body, authorization });
    if (authorization !== `Basic ${btoa(`api:${apiKey}`)}`) {
      return Response.json({ detail: "Unauthenticated" }, { status: 401 });
    }
    const fault = faults.get(path)?.shift();
    if (fault?.kind === "status") {
      return Response.json(fault.body ?? { reason: "Temporary backend error" }, {
        status: fault.status,
        headers: fault.headers ?? {},
      });
    }
    if (fault?.kind === "hang") {
      await new Promise((resolve) => {
        closing.signal.addEventListener("abort", resolve);
        request.signal.addEventListener("abort", resolve);
      });
      return new Response(null, { status: 499 });
    }
    try {
      return answer(options, project, path, body, fault);
    } catch (error) {
      if (error instanceof Refusal) {
        return Response.json({ reason: error.message }, { status: error.status });
      }
      if (error instanceof z.ZodError) {
        return Response.json({ detail: error.issues }, { status: 422 });
      }
      throw error;
    }
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    apiKey,
    project,
    requests,
    fail: (path, fault) => faults.set(path, [...(faults.get(path) ?? []), fault]),
    stop: async () => {
      closing.abort();
      await server.shutdown();
    },
  };
}

function answer(
  options: StubOptions,
  project: string,
  path: string,
  body: unknown,
  fault: Fault | undefined,
): Response {
  switch (path) {
    case "/calls/stream_query":
      return stream(select(options, project, body), fault);
    case "/calls/query_stats": {
      const { length: count } = select(options, project, body);
      return Response.json({ count, total_storage_size_bytes: null });
    }
    case "/call/read": {
      const { project_id: id, id: callId, ...rest } = z.looseObject({
        project_id: z.string(),
        id: z.string(),
      }).parse(body);
      const query = { project_id: id, filter: { call_ids: [callId] }, ...rest };
      return Response.json({ call: select(options, project, query)[0] ?? null });
    }
    case "/objs/query": {
      // Ops are published when they are first called, unless a call names none by a URI.
      const uris = options.calls.flatMap((call) =>
        /\/op\/(.+):[^:]*$/.exec(String(call["op_name"]))?.[1] ?? []
      );
      const objs = [...new Set(uris)].map((name) => ({ object_id: name }));
      return Response.json({ objs });
    }
    case "/agents/query":
      if (options.agents === undefined) return new Response("Not Found", { status: 404 });
      return Response.json({ agents: options.agents, total_count: options.agents.length });
    case "/feedback/query":
      return Response.json({ result: options.feedback ?? [] });
    case "/cost/query":
      return Response.json({
        results: Object.entries(options.prices ?? {}).map(([model, price]) => ({
          llm_id: model,
          prompt_token_cost: price.prompt,
          completion_token_cost: price.completion,
          prompt_token_cost_unit: "USD",
          completion_token_cost_unit: "USD",
          effective_date: "2024-01-01T00:00:00Z",
          provider_id: "default",
        })),
      });
    case `/v2/${project}/eval_results/query`:
      if (options.evaluationResults === true) {
        const text = JSON.stringify(evaluationResults(options.calls, body));
        const half = fault?.kind === "cut" ? text.length >> 1 : undefined;
        return new Response(text.slice(0, half), {
          headers: { "content-type": "application/json" },
        });
      }
      // A release older than the route.
      return Response.json({ detail: "Not Found" }, { status: 404 });
    default:
      return Response.json({ detail: "Not Found" }, { status: 404 });
  }
}

function stream(calls: readonly StubCall[], fault: Fault | undefined): Response {
  const cut = fault?.kind === "cut" ? fault.afterRows : Infinity;
  const encoder = new TextEncoder();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const call = calls[sent];
      if (call === undefined) return controller.close();
      const line = `${JSON.stringify(call)}\n`;
      if (sent === cut) {
        // What a failing query leaves of an answer that had begun: half a line, then the end.
        controller.enqueue(encoder.encode(line.slice(0, Math.ceil(line.length / 2))));
        return controller.close();
      }
      controller.enqueue(encoder.encode(line));
      sent += 1;
    },
  });
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}
