/**
 * A tracking server with canned answers, for tests that are about the program around the tools:
 * which requests arrive, which connections are dropped, what happens on a redirect.
 */

/** A request that arrived. */
export interface Seen {
  /** HTTP method. */
  readonly method: string;
  /** Path and query as they were sent. */
  readonly path: string;
  /** Headers. */
  readonly headers: Headers;
  /** Body as text. */
  readonly body: string;
}

/** A request that is kept waiting. */
export interface Held {
  /** Resolves when such a request is there. */
  readonly arrived: Promise<void>;
  /** Resolves when two are there. */
  readonly arrivedTwice: Promise<void>;
  /** Resolves when the connection of such a request is dropped. */
  readonly dropped: Promise<void>;
  /** Answers it, and later ones, as usual. */
  readonly release: () => void;
}

/** A running fake. */
export interface FakeMlflow extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** What arrived, in order. */
  readonly seen: readonly Seen[];
  /** Keeps requests waiting whose path ends in `path`. */
  hold(path: string): Held;
}

/** Experiment that all traces are in. */
export const EXPERIMENT = "1";

/** Id of a trace that exists; `tr-…0` to `tr-…4b0` do. */
export const TRACE = traceId(1);

/** How many traces there are: more than one page. */
export const TRACES = 1200;

/** Id of an assessment that exists on every trace. */
export const ASSESSMENT = "a-0123456789abcdef";

/**
 * Starts a fake on a free port.
 *
 * @param intercept Answers instead, where it returns a response.
 */
export function startFakeMlflow(
  intercept: (url: URL, headers: Headers) => Response | undefined = () => undefined,
): FakeMlflow {
  const seen: Seen[] = [];
  const holds: { path: string; onArrival: (signal: AbortSignal) => void; free: Promise<void> }[] =
    [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const url = new URL(request.url);
    const body = await request.text();
    const { method, headers } = request;
    seen.push({ method, path: url.pathname + url.search, headers, body });
    for (const hold of holds.filter(({ path }) => url.pathname.endsWith(path))) {
      hold.onArrival(request.signal);
      await Promise.race([hold.free, aborted(request.signal)]);
    }
    return intercept(url, headers) ?? answer(method, url, body);
  });
  const releases: (() => void)[] = [];
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    seen,
    hold: (path) => {
      const arrived = Promise.withResolvers<void>();
      const arrivedTwice = Promise.withResolvers<void>();
      let arrivals = 0;
      const dropped = Promise.withResolvers<void>();
      const free = Promise.withResolvers<void>();
      const onArrival = (signal: AbortSignal) => {
        aborted(signal).then(dropped.resolve);
        arrivals += 1;
        arrived.resolve();
        if (arrivals === 2) arrivedTwice.resolve();
      };
      holds.push({ path, onArrival, free: free.promise });
      releases.push(free.resolve);
      return {
        arrived: arrived.promise,
        arrivedTwice: arrivedTwice.promise,
        dropped: dropped.promise,
        release: free.resolve,
      };
    },
    [Symbol.asyncDispose]: async () => {
      for (const release of releases) release();
      await server.shutdown();
    },
  };
}

/** The id of the n-th trace. */
export function traceId(n: number): string {
  return `tr-${n.toString(16).padStart(32, "0")}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function answer(method: string, url: URL, body: string): Response {
  const route = url.pathname.replace(/^\/(ajax-)?api\/[23]\.0\/mlflow\//, "");
  if (url.pathname === "/version") return new Response("3.18.0");
  switch (`${method} ${route}`) {
    case "POST traces/search":
      return Response.json(searchReply(body));
    case "POST traces/calculate-filter-correlation":
      return Response.json({
        npmi: 0,
        filter1_count: TRACES,
        filter2_count: TRACES,
        total_count: TRACES,
      });
    case "POST traces/delete-traces":
      return Response.json({ traces_deleted: 1 });
    case "POST experiments/search":
      return Response.json({ experiments: [{ experiment_id: EXPERIMENT, name: "checkout" }] });
    case "GET experiments/get":
    case "GET experiments/get-by-name":
      return url.searchParams.get("experiment_id") === EXPERIMENT ||
          url.searchParams.get("experiment_name") === "checkout"
        ? Response.json({ experiment: { experiment_id: EXPERIMENT, name: "checkout" } })
        : missing("There is no such experiment.");
    case "GET get-trace-artifact":
      return isTrace(url.searchParams.get("request_id"))
        ? Response.json({ spans: [span()] })
        : missing("Trace not found.");
    case "GET traces/get":
      return isTrace(url.searchParams.get("trace_id"))
        ? Response.json({ trace: { trace_info: info(1), spans: [] } })
        : missing("Trace not found.");
  }
  return answerBelowTrace(method, route, body);
}

function answerBelowTrace(method: string, route: string, body: string): Response {
  const [, id = "", part, assessment] = route.split("/");
  if (!route.startsWith("traces/")) return new Response("<h1>Not Found</h1>", { status: 404 });
  if (!isTrace(id)) return missing(`Trace with ID '${id}' not found.`);
  if (part === undefined) {
    return Response.json({ trace: { trace_info: info(numberOf(id)) } });
  }
  if (part === "tags") return Response.json({});
  if (method === "DELETE") return Response.json({});
  if (assessment !== undefined && assessment !== ASSESSMENT) {
    return missing("There is no such assessment.");
  }
  const sent: unknown = body === "" ? {} : JSON.parse(body);
  const given = sent !== null && typeof sent === "object" && "assessment" in sent
    ? sent.assessment
    : {};
  return Response.json({
    assessment: { ...stored(id), ...(typeof given === "object" ? given : {}) },
  });
}

function missing(message: string): Response {
  return Response.json({ error_code: "RESOURCE_DOES_NOT_EXIST", message }, { status: 404 });
}

function isTrace(id: string | null): boolean {
  return id !== null && /^tr-[0-9a-f]{32}$/.test(id) && numberOf(id) <= TRACES;
}

function numberOf(id: string): number {
  return Number(`0x${id.slice(3)}`);
}

function searchReply(body: string): { traces: unknown[]; next_page_token?: string } {
  const asked: unknown = JSON.parse(body);
  const field = (name: string): unknown =>
    asked !== null && typeof asked === "object"
      ? Object.entries(asked).find(([key]) => key === name)?.[1]
      : undefined;
  const filter = field("filter");
  const named = typeof filter === "string" ? filter.match(/tr-[0-9a-f]{32}/g) ?? [] : [];
  if (named.length > 0) return { traces: named.filter(isTrace).map((id) => info(numberOf(id))) };
  const token = field("page_token");
  const start = typeof token === "string" ? Number(/\d+/.exec(atob(token))?.[0] ?? 0) : 0;
  const size = Math.min(Number(field("max_results") ?? 100), 500, Math.max(TRACES - start, 0));
  const traces = Array.from({ length: size }, (_, index) => info(start + index));
  const next = start + size;
  return next < TRACES
    ? { traces, next_page_token: btoa(JSON.stringify({ offset: next })) }
    : { traces };
}

function info(n: number): Record<string, unknown> {
  return {
    trace_id: traceId(n),
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: EXPERIMENT } },
    request_preview: "How are you?",
    response_preview: "Well.",
    request_time: "2026-11-06T10:00:00.000Z",
    execution_duration: "1.250s",
    state: "OK",
    trace_metadata: { "mlflow.trace.session": "s-1" },
    tags: { "mlflow.traceName": "answer", "mlflow.trace.spansLocation": "TRACKING_STORE" },
  };
}

function span(): Record<string, unknown> {
  return {
    trace_id: "AAAAAAAAAAAAAAAAAAAAAQ==",
    span_id: "AAAAAAAAAAE=",
    parent_span_id: null,
    name: "answer",
    start_time_unix_nano: 1762423200000000001,
    end_time_unix_nano: 1762423201250000001,
    attributes: { "mlflow.spanType": '"AGENT"' },
    events: [],
    links: [],
    status: { code: "STATUS_CODE_OK", message: "" },
  };
}

function stored(trace: string): Record<string, unknown> {
  return {
    assessment_id: ASSESSMENT,
    assessment_name: "relevance",
    trace_id: trace,
    source: { source_type: "HUMAN", source_id: "ann" },
    create_time: "2026-11-06T10:00:00.000Z",
    last_update_time: "2026-11-06T10:00:00.000Z",
    feedback: { value: 0.85 },
    valid: true,
  };
}
