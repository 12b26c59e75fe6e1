/** A service that never ends its rows, whatever it says of their number. */
import assert from "node:assert/strict";
import { queryTraces } from "../../../src/wandb/tools/query_traces.ts";
import { summarizeEvaluation } from "../../../src/wandb/tools/summarize_evaluation.ts";
import { slowTest } from "../../support/slow.ts";
import { type Data, list, record, rigOn } from "./harness.ts";

const OP = "weave:///test-entity/agents/op";

function row(id: string, op: string, rest: Data): Data {
  return {
    ...{ id, trace_id: "t", parent_id: null, op_name: `${OP}/${op}:v1` },
    ...{ started_at: "2025-01-01T00:00:00Z", ended_at: "2025-01-01T00:00:01Z", summary: {} },
    ...rest,
  };
}

const EVALUATION = row("e", "Evaluation.evaluate", { inputs: {}, output: null });
const MODEL = "m".repeat(2000);

/** The row at an index, for what is asked for; undefined where there are no more. */
function answer(body: Data, index: number): Data | undefined {
  const { parent_ids: parents, op_names: ops } = record(body["filter"] ?? {});
  if (Array.isArray(parents) && parents[0] === "e") {
    return row(`p${index}`, "Evaluation.predict_and_score", {
      ...{ parent_id: "e", inputs: { model: MODEL, example: { index } } },
      output: { output: "yes", scores: { exact: true } },
    });
  }
  if (Array.isArray(parents)) return undefined;
  if (Array.isArray(ops)) return index === 0 ? EVALUATION : undefined;
  return row(`c${index}`, "chat", {});
}

/** Serves rows until nobody reads them; gives how many were written, and ends with the test. */
async function serveEndlessly(test: (url: string, written: () => number) => Promise<void>) {
  let written = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (ask) => {
    const { pathname } = new URL(ask.url);
    if (pathname === "/calls/query_stats") return Response.json({ count: 1 });
    if (pathname !== "/calls/stream_query") return new Response(null, { status: 404 });
    const body = record(await ask.json());
    let index = 0;
    const encoder = new TextEncoder();
    return new Response(
      new ReadableStream({
        pull(controller) {
          for (let number = 0; number < 50; number++) {
            const next = answer(body, index++);
            if (next === undefined) return controller.close();
            written++;
            controller.enqueue(encoder.encode(`${JSON.stringify(next)}\n`));
          }
        },
      }),
    );
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}`, () => written);
  } finally {
    await server.shutdown();
  }
}

const rigAt = (url: string) => rigOn({ url, apiKey: "local-key", project: "test-entity/agents" });

Deno.test("endless rows are read up to the limit", async () => {
  await serveEndlessly(async (url, written) => {
    const { traces, metadata } = await rigAt(url).call(queryTraces, { limit: 20 });
    assert.equal(list(traces).length, 20);
    assert.equal(record(metadata)["total_traces"], 20);
    assert.ok(written() < 20_000, `${written()} rows were written`);
  });
});

slowTest("an evaluation with endless predictions is read as far as it fits", async () => {
  await serveEndlessly(async (url, written) => {
    const result = await rigAt(url).call(summarizeEvaluation, { evaluation_ids: ["e"] });
    const [one = {}] = list(result["evaluations"]);
    const number = Number(one["total_predictions"]);
    // About as many as there are 2,000 characters in 64 MiB.
    assert.ok(number > 10_000 && number < 40_000, `${number} predictions`);
    assert.equal(record(record(one["scores"])["exact"])["passed"], number);
    assert.equal(one["predictions_left_out"], "unknown");
    assert.match(String(one["left_out_rule"]), /more predictions than one call holds/);
    assert.ok(written() < 5 * number, `${written()} rows were written`);
  });
});
