/** Generated payloads of the kinds that results hold; the same on every run. */

/** A small deterministic source of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const WORDS =
  ("the agent searched documents for an answer and found that training loss decreased " +
    "while retrieval of relevant context remained slow because embedding requests were retried " +
    "after rate limits; please summarize evaluation results before continuing with deployment")
    .split(" ");

/** Prose of so many words. */
export function prose(words: number, seed = 1): string {
  const next = random(seed);
  return Array.from({ length: words }, () => WORDS[Math.floor(next() * WORDS.length)]).join(" ");
}

/** So many lowercase hexadecimal digits. */
export function hex(digits: number, next: () => number): string {
  return Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");
}

/** A trace in the shape that get_trace gives. */
export function trace(spans: number, seed = 1): Record<string, unknown> {
  const next = random(seed);
  const traceId = `tr-${hex(32, next)}`;
  return {
    info: {
      trace_id: traceId,
      state: "OK",
      request_time: "2026-11-06T12:00:00.123Z",
      execution_duration_ms: Math.floor(next() * 90000),
      tags: { "mlflow.traceName": "rag_chain", "mlflow.user": "alice" },
    },
    data: {
      spans: Array.from({ length: spans }, (_, index) => ({
        span_id: hex(16, next),
        parent_id: index === 0 ? null : hex(16, next),
        name: ["retrieve", "embed_query", "ChatOpenAI", "parse_output"][index % 4],
        start_time_unix_nano: `17623872001${Math.floor(next() * 1e8).toString().padStart(8, "0")}`,
        duration_ms: Math.round(next() * 1e6) / 1000,
        status: { code: "OK", message: "" },
        attributes: {
          "mlflow.spanType": ["RETRIEVER", "EMBEDDING", "CHAT_MODEL", "PARSER"][index % 4],
          "mlflow.spanInputs": { messages: [{ role: "user", content: prose(40, seed + index) }] },
          "mlflow.spanOutputs": { content: prose(60, seed + 1000 + index), score: next() },
          "mlflow.chat.tokenUsage": { input_tokens: 812, output_tokens: 143, total_tokens: 955 },
        },
      })),
    },
  };
}

/** Metric history as compact JSON objects. */
export function metrics(steps: number, seed = 2): { rows: Record<string, number>[] } {
  const next = random(seed);
  return {
    rows: Array.from({ length: steps }, (_, step) => ({
      _step: step,
      "train/loss": next() * 3,
      "val/accuracy": next(),
      lr: 0.0003 * next(),
      _timestamp: 1762387200 + step * 12.5,
    })),
  };
}

/** Comma separated numbers. */
export function csv(rows: number, seed = 3): string {
  const next = random(seed);
  const line = (_: unknown, step: number) => [step, next() * 3, next(), next() * 1e-4].join(",");
  return ["step,loss,accuracy,lr", ...Array.from({ length: rows }, line)].join("\n");
}

/** Chinese prose. */
export function chinese(sentences: number): string {
  return "模型在训练过程中损失逐渐下降，但是验证集上的准确率没有明显提高，可能存在过拟合的问题。"
    .repeat(sentences);
}

/** Random bytes as Base64. */
export function base64(bytes: number, seed = 4): string {
  const next = random(seed);
  return Uint8Array.from({ length: bytes }, () => Math.floor(next() * 256)).toBase64();
}
