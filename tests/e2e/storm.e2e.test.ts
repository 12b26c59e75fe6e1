/** Thousands of interleaved calls against a server that fails in every way, by a seed. */
import assert from "node:assert/strict";
import { randomFrom } from "../analysis/random.ts";
import { answerTo, initialize, MESSAGE, type Message, send } from "../e2e/rpc.ts";
import { startStdio } from "../support/product.ts";
import { slowTest } from "../support/slow.ts";

const CALLS = 2_000;
const AT_ONCE = 12;
const CODES =
  /^(rate_limited|timeout|upstream_error|unreachable|conflict|invalid_arguments|unsupported)$/;

const pause = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));

/** A tracking server that keeps feedback, and fails before or after it has acted. */
function startStormy(random: () => number) {
  const stored = new Map<string, object[]>();
  const over = new AbortController();
  let open = 0;
  const info = (trace_id: string) => ({
    trace_id,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_time: "2026-01-01T00:00:00Z",
    state: "OK",
    tags: {},
    trace_metadata: {},
    assessments: stored.get(trace_id) ?? [],
  });
  const act = (request: Request, body: string): unknown => {
    const { pathname } = new URL(request.url);
    const [, id = "", part] = /\/traces\/(tr-\w+)(\/assessments)?$/.exec(pathname) ?? [];
    if (pathname.endsWith("/traces/search")) return { traces: [info("tr-1"), info("tr-2")] };
    if (id === "") return undefined;
    if (part === undefined) return { trace: { trace_info: info(id) } };
    const sent: { assessment: object } = JSON.parse(body);
    const number = (stored.get(id)?.length ?? 0) + 1;
    const assessment = {
      ...sent.assessment,
      assessment_id: `a-${id}-${number}`,
      create_time: "2026-01-01T00:00:00Z",
      last_update_time: "2026-01-01T00:00:00Z",
    };
    stored.set(id, [...stored.get(id) ?? [], assessment]);
    return { assessment };
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (one) => {
    open++;
    try {
      const body = await one.text();
      const { signal } = one;
      while (one.url.includes("/tr-left") && !signal.aborted && !over.signal.aborted) {
        await pause(5);
      }
      const chance = random();
      await pause(random() * 10);
      if (chance < 0.06) return new Response("slow down", { status: 429 });
      if (chance < 0.12) return new Response("<h1>busy</h1>", { status: 503 });
      const reply = act(one, body);
      if (reply === undefined) return new Response("", { status: 404 });
      if (chance < 0.16) return new Response("<h1>lost</h1>", { status: 503 });
      if (chance < 0.18) return new Response("", { status: 504 });
      const text = new TextEncoder().encode(JSON.stringify(reply));
      if (chance < 0.2) {
        // The runtime prints the reason; a text is one line.
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(text.subarray(0, text.length >> 1)),
            pull: (controller) => controller.error("Half a body, then a reset."),
          }),
        );
      }
      if (chance < 0.32) {
        const drip = async function* () {
          for (let at = 0; at < text.length; at += 40) {
            yield text.subarray(at, at + 40);
            await pause(2);
          }
        };
        return new Response(ReadableStream.from(drip()));
      }
      return new Response(text);
    } finally {
      open--;
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    stored,
    open: () => open,
    [Symbol.asyncDispose]: () => {
      over.abort();
      return server.shutdown();
    },
  };
}

slowTest(
  "in a storm of calls each gets a right answer or a clear error, and nothing is written twice",
  async () => {
    const random = randomFrom(20261128);
    await using server = startStormy(randomFrom(7));
    await using product = await startStdio({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR: "0",
      MLFLOW_HTTP_REQUEST_BACKOFF_JITTER: "0.01",
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "3",
      MLFLOW_HTTP_REQUEST_TIMEOUT: "20",
    });
    await initialize(product);
    const answers = new Map<number, Message>();
    const waiting = new Map<number, (answer: Message) => void>();
    let read = 0;
    const listen = product.stdout.until(() => {
      const lines = product.stdout.text.split("\n");
      for (; read < lines.length - 1; read++) {
        const answer = MESSAGE.parse(JSON.parse(lines[read] ?? ""));
        const id = Number(answer.id);
        assert.ok(!answers.has(id), `${id} is answered twice`);
        answers.set(id, answer);
        waiting.get(id)?.(answer);
      }
      return undefined;
    });
    listen.catch(() => {});
    const left = new Set<number>();
    const outcomes = { right: 0, failed: 0, cancelled: 0 };
    const one = async (id: number) => {
      const kind = random();
      const cancelled = kind > 0.85;
      const trace = cancelled ? `tr-left${id}` : `tr-${id}`;
      const writes = kind < 0.3;
      const [name, args] = writes
        ? ["log_feedback", { trace_id: trace, name: `storm ${id}`, value: id }] as const
        : kind < 0.5
        ? ["search_traces", { experiment_id: "1" }] as const
        : ["get_trace", { trace_id: trace, extract_fields: "info.trace_id" }] as const;
      const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
      await send(product, { id, method: "tools/call", params: { name, arguments: args } });
      if (cancelled) {
        await pause(random() * 10);
        await send(product, { method: "notifications/cancelled", params: { requestId: id } });
        outcomes.cancelled++;
        left.add(id);
        return;
      }
      const text = JSON.stringify((await answered).result);
      const written = server.stored.get(trace)?.length ?? 0;
      if (text.includes('"isError":true')) {
        outcomes.failed++;
        assert.match(/"error":"(\w+)"/.exec(text)?.[1] ?? text, CODES);
      } else {
        outcomes.right++;
        assert.ok(
          text.includes(name === "search_traces" ? "tr-2" : writes ? `storm ${id}` : trace),
        );
        if (writes) assert.equal(written, 1, `${trace}: ${text}`);
      }
      assert.ok(written <= 1, `${trace} has ${written}`);
    };
    let next = 1;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next <= CALLS) await one(next++);
    }));
    await send(product, { id: CALLS + 1, method: "ping" });
    await answerTo(product, CALLS + 1);
    // Requests of cancelled calls are open until they are dropped.
    for (let tries = 0; server.open() > 0 && tries < 100; tries++) await pause(50);
    assert.equal(server.open(), 0);
    for (const [trace, all] of server.stored) assert.ok(all.length <= 1, trace);
    assert.deepEqual([...answers.values()].filter(({ id }) => left.has(Number(id))), []);
    assert.ok(outcomes.right > CALLS / 2 && outcomes.cancelled > 50, JSON.stringify(outcomes));
    assert.ok(outcomes.failed > 0);
    await product.end();
    assert.equal((await product.status()).code, 0);
  },
);
