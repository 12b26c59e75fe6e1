export const TRACE = "tr-1";

/**
 * A tracking server with one trace, whose spans lie in an object store that it cannot read.
 *
 * @param place The folder, or the tags that say where.
 */
export function serveTrace(
  place: string | Readonly<Record<string, string>>,
  more: (request: Request) => Response | undefined = () => undefined,
): AsyncDisposable & { readonly url: string } {
  const info = {
    trace_id: TRACE,
    state: "OK",
    request_time: "2026-11-06T00:00:00Z",
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    tags: typeof place === "string" ? { "mlflow.artifactLocation": place } : place,
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (new URL(request.url).pathname === `/api/3.0/mlflow/traces/${TRACE}`) {
      return Response.json({ trace: { trace_info: info } });
    }
    const headers = { "content-type": "text/html" };
    return more(request) ?? new Response("<!doctype html>", { status: 404, headers });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
