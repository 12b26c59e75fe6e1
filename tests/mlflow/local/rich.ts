import { z } from "zod";
import type { Json } from "../../../src/core/json.ts";
import { type MlflowState } from "../../support/mlflow/backends.ts";
import { pythonClient } from "../../support/mlflow/client.ts";

const START = Date.parse("2026-11-06T12:00:00Z");

/**
 * Adds an experiment in which everything occurs that a filter or an order can be about: equal
 * times, missing values, sessions with assessments of their own, scores of every type, usage, runs,
 * links to runs, odd texts. Gives its id.
 */
export async function enrich(server: MlflowState): Promise<string> {
  await using client = await pythonClient(server);
  const experiment_id = z.string().parse(
    await client.call("create_experiment", { name: `rich ${crypto.randomUUID()}` }),
  );
  const run = z.string().parse(await client.call("create_run", { experiment_id, name: "made in" }));
  const ids: string[] = [];
  for (let index = 0; index < 24; index++) {
    ids.push(await post(server.uri, experiment_id, index, run));
  }
  await client.call("link_traces_to_run", { trace_ids: ids.slice(3, 6), run_id: run });
  for (let index = 0; index < 6; index++) {
    const { trace_id } = z.looseObject({ trace_id: z.string() }).parse(
      await client.call("create_trace", {
        experiment_id,
        start_ms: START + index * 1000,
        root: {
          name: index % 2 === 0 ? "chat" : "plan trip",
          type: "AGENT",
          duration_ms: 40 + index,
          inputs: { question: `what is ${index}?` },
          children: [
            { name: "search", type: "TOOL", start_ms: 1, attributes: { "retry.count": index } },
            {
              name: "answer",
              type: "LLM",
              start_ms: 1,
              outputs: { text: 'it\'s "so" – Ümläut 東京 100%' },
              ...(index === 4 ? { error: "no answer" } : {}),
            },
          ],
        },
        tags: { env: index % 2 === 0 ? "prod" : "PROD", "team.name": "Größe" },
        ...(index < 3 ? {} : { metadata: { "mlflow.trace.session": `session ${index % 2}` } }),
      }),
    );
    ids.push(trace_id);
  }
  for (const [index, value] of VALUES.entries()) {
    const trace_id = ids[index * 2 % ids.length];
    await client.call("log_feedback", { trace_id, name: "score", value });
    if (index % 3 === 0) await client.call("log_expectation", { trace_id, name: "wanted", value });
  }
  const metadata = { "mlflow.trace.session": "session 1" };
  await client.call("log_feedback", {
    trace_id: ids[1],
    name: "session score",
    value: 5,
    metadata,
  });
  const failed = { error_code: "TIMEOUT", error_message: "too late" };
  await client.call("log_feedback", { trace_id: ids[2], name: "judge", error: failed });
  return experiment_id;
}

/** Values whose JSON texts may be mistaken for one another. */
const VALUES: readonly Json[] = [
  ...[0.85, 4, 4.5, -1, 0, true, false, "true", "4", "4.0", "yes", "Yes", "naïve – 東京"],
  ...[["a", 1], { style: 0.5 }, "", "100%", "a_b", 1e-7, 12345678],
];

/** A trace without spans; many of them share a time, a name or a missing part. */
async function post(uri: string, experiment: string, index: number, run: string): Promise<string> {
  const id = `tr-${crypto.randomUUID().replaceAll("-", "")}`;
  const usage = { input_tokens: index, output_tokens: 2, total_tokens: index + 2 };
  const cost = { input_cost: 0.25 * index, output_cost: 1e-7, total_cost: 0.25 * index + 1e-7 };
  const trace_info = {
    trace_id: id,
    trace_location: {
      type: "MLFLOW_EXPERIMENT",
      mlflow_experiment: { experiment_id: experiment },
    },
    request_time: new Date(START + Math.floor(index / 4) * 500).toISOString(),
    ...(index % 5 === 0 ? {} : { execution_duration: `${(index % 7) * 0.25}s` }),
    state: ["OK", "ERROR", "IN_PROGRESS", "OK"][index % 4],
    ...(index % 3 === 0 ? {} : { client_request_id: `Client-${index % 6}` }),
    request_preview: `request ${index}`,
    tags: {
      ...(index % 6 === 0 ? {} : { "mlflow.traceName": ["Chat", "chat", "ÄRGER", "x"][index % 4] }),
      ...(index % 2 === 0 ? { env: `stage ${index % 3}` } : {}),
      ...(index % 4 === 1 ? { "my key": "it's", "note": "line one\nline two\n" } : {}),
    },
    trace_metadata: {
      ...(index % 3 === 1 ? { "mlflow.trace.session": `session ${index % 2}` } : {}),
      ...(index % 4 === 0 ? { "mlflow.sourceRun": run } : {}),
      ...(index % 5 === 1 ? { "mlflow.trace.tokenUsage": python(usage) } : {}),
      ...(index % 5 === 2 ? { "mlflow.trace.cost": python(cost) } : {}),
      ...(index % 2 === 1 ? { "mlflow.modelId": `m-${index % 3}` } : {}),
      "user.id": ["ada", "Bob", "çelik"][index % 3],
    },
  };
  const response = await fetch(`${uri}/api/3.0/mlflow/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ trace: { trace_info } }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  return id;
}

/** JSON as Python writes it. */
function python(values: Readonly<Record<string, number>>): string {
  const parts = Object.entries(values).map(([key, value]) =>
    `"${key}": ${value === 1e-7 ? "1e-07" : key.endsWith("cost") ? float(value) : value}`
  );
  return `{${parts.join(", ")}}`;
}

function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
