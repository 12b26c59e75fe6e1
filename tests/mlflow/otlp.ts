/** A span of a trace that is sent to a real server by OpenTelemetry. */
export interface OtlpSpan {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly OtlpSpan[];
}

let sent = 0;

/** Sends a trace to `POST /v1/traces` as an OpenTelemetry exporter does, and gives its id. */
export async function sendOtlp(uri: string, experimentId: string, root: OtlpSpan): Promise<string> {
  const traceId = randomHex(16);
  // No two begin in the same millisecond, so that their order is certain.
  const start = BigInt(Date.now() - 5000 + sent++) * 1_000_000n;
  const flatten = (span: OtlpSpan, parentSpanId?: string): Record<string, unknown>[] => {
    const spanId = randomHex(8);
    const { name, attributes = {}, children = [] } = span;
    return [
      {
        traceId,
        spanId,
        ...(parentSpanId === undefined ? {} : { parentSpanId }),
        name,
        kind: 1,
        startTimeUnixNano: String(start),
        endTimeUnixNano: String(start + 500_000_000n),
        attributes: Object.entries(attributes).map(([key, stringValue]) => ({
          key,
          value: { stringValue },
        })),
        status: { code: 1 },
      },
      ...children.flatMap((child) => flatten(child, spanId)),
    ];
  };
  const response = await fetch(`${uri}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-mlflow-experiment-id": experimentId },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: flatten(root) }] }] }),
  });
  if (!response.ok) throw new Error(`/v1/traces: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return `tr-${traceId}`;
}

/**
 * Stores a trace as clients do that know no spans in the database: its info by itself, its spans as
 * a file behind the server's artifact proxy.
 */
export async function sendAsFile(uri: string, experimentId: string, name: string): Promise<string> {
  const trace_id = `tr-${randomHex(16)}`;
  const put = async (method: string, path: string, body: unknown) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${uri}${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.text();
  };
  const reply = await put("POST", "/api/3.0/mlflow/traces", {
    trace: {
      trace_info: {
        trace_id,
        trace_location: {
          type: "MLFLOW_EXPERIMENT",
          mlflow_experiment: { experiment_id: experimentId },
        },
        request_time: new Date().toISOString(),
        execution_duration: "0.1s",
        state: "OK",
        tags: { "mlflow.traceName": name },
      },
    },
  });
  const [, place] = /"mlflow-artifacts:\/([^"]+)"/.exec(reply) ?? [];
  await put("PUT", `/api/2.0/mlflow-artifacts/artifacts/${place}/traces.json`, {
    spans: [{
      name,
      context: { trace_id: `0x${trace_id.slice(3)}`, span_id: `0x${randomHex(8)}` },
      parent_id: null,
      start_time: Date.now() * 1e6,
      end_time: Date.now() * 1e6,
      status_code: "OK",
      status_message: "",
      attributes: {},
      events: [],
    }],
  });
  return trace_id;
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
