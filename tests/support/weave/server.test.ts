import assert from "node:assert/strict";
import { z } from "zod";
import { type Bridge, startBridge } from "./bridge.ts";
import { type Manifest, seed } from "./seeded.ts";
import { addCalls, startWeave, type Weave } from "./server.ts";

const Count = z.object({ count: z.number() });
const Row = z.looseObject({
  id: z.string(),
  op_name: z.string(),
  exception: z.string().nullish(),
  summary: z.looseObject({ weave: z.looseObject({ status: z.string() }) }),
});

function post(weave: Weave, path: string, body: unknown, key = weave.apiKey): Promise<Response> {
  return fetch(`${weave.url}${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`api:${key}`)}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function count(weave: Weave, rest: Record<string, unknown> = {}): Promise<number> {
  const response = await post(weave, "/calls/query_stats", { project_id: weave.project, ...rest });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return Count.parse(body).count;
}

async function rows(weave: Weave, rest: Record<string, unknown> = {}) {
  const path = "/traces/calls/stream_query";
  const response = await post(weave, path, { project_id: weave.project, ...rest });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /application\/jsonl/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => Row.parse(JSON.parse(line)));
}

const field = (name: string) => ({ $getField: name });
const literal = (value: unknown) => ({ $literal: value });
const where = (expression: unknown) => ({ query: { $expr: expression } });

Deno.test("Weave's trace server", async (t) => {
  const weave = await startWeave();
  let bridge: Bridge | undefined;
  try {
    const manifest = await seed(weave);
    bridge = await startBridge(weave);
    await access(t, weave);
    await filters(t, weave, manifest);
    await client(t, weave, manifest, bridge);
    await evaluations(t, weave, manifest, bridge);
    await big(t, weave, bridge);
  } finally {
    await bridge?.stop();
    await weave.stop();
  }
});

async function access(t: Deno.TestContext, weave: Weave): Promise<void> {
  await t.step("asks for the key and refuses what it does not know", async () => {
    const project = { project_id: weave.project };
    const refused = await post(weave, "/calls/query_stats", project, "another-key");
    assert.equal(refused.status, 401);
    await refused.body?.cancel();
    const unknown = await post(weave, "/calls/stream_query", { ...project, colour: "red" });
    assert.equal(unknown.status, 422);
    assert.match(await unknown.text(), /colour/);
    const info = await fetch(`${weave.url}/health`);
    assert.deepEqual(await info.json(), { status: "ok" });
  });

  await t.step("logs requests with path, sizes and body", async () => {
    await weave.forget();
    await count(weave, { limit: 1 });
    const [entry, ...others] = await weave.requests();
    assert.deepEqual(others, []);
    assert.equal(entry?.path, "/calls/query_stats");
    assert.equal(entry?.status, 200);
    assert.match(entry?.body ?? "", /"limit":1/);
    assert.equal(entry?.request_bytes, entry?.body.length);
    assert.notEqual(entry?.response_bytes, 0);
  });
}

async function filters(t: Deno.TestContext, weave: Weave, manifest: Manifest): Promise<void> {
  const { traces } = manifest;
  const agents = Object.values(traces.agent_statuses).reduce((sum, value) => sum + value, 0);
  const op = (name: string) => ({ op_names: [`weave:///${weave.project}/op/${name}`] });

  await t.step("finds ops by every version of a name, not by a prefix of it", async () => {
    assert.equal(await count(weave, { filter: op("support.agent:*") }), agents);
    assert.equal(await count(weave, { filter: op("support.agent") }), 0);
    const found = await rows(weave, { filter: op("tools.search:*") });
    assert.equal(found.length, agents);
    assert(found.every((row) => row.op_name.includes("/op/tools.search:")));
  });

  await t.step("matches non-ASCII text, quotes and hostile ids", async () => {
    for (const question of traces.questions) {
      const same = where({ $eq: [field("inputs.question"), literal(question)] });
      const roots = { filter: { trace_roots_only: true }, ...same };
      assert.equal(await count(weave, roots), agents / traces.questions.length, question);
    }
    assert.equal(await count(weave, { filter: { call_ids: ["' OR '1'='1"] } }), 0);
  });

  await t.step("compares times with Unix seconds", async () => {
    const legacy = Date.UTC(2024, 1, 29, 12, 0, 0, 250) / 1000;
    const before = (seconds: number) => where({ $lt: [field("started_at"), literal(seconds)] });
    assert.equal(await count(weave, before(legacy)), 0);
    assert.equal(await count(weave, before(legacy + 0.001)), 1);
    const slow = where({ $gte: [field("summary.weave.latency_ms"), literal(1499)] });
    assert((await rows(weave, slow)).some((row) => row.id === traces.calls["legacy"]));
  });

  await t.step("filters by every status", async () => {
    const statuses = { ...traces.agent_statuses };
    for (const [status, expected] of Object.entries(statuses)) {
      const found = await rows(weave, {
        filter: op("support.agent:*"),
        ...where({ $eq: [field("summary.weave.status"), literal(status)] }),
      });
      assert.equal(found.length, expected, status);
      assert(found.every((row) => row.summary.weave.status === status));
    }
    const running = await rows(weave, { filter: op("batch.wait:*") });
    assert.deepEqual(running.map((row) => row.summary.weave.status), ["running"]);
  });
}

async function client(
  t: Deno.TestContext,
  weave: Weave,
  manifest: Manifest,
  bridge: Bridge,
): Promise<void> {
  await t.step("gives Weave's Python client the same calls", async () => {
    const Call = z.looseObject({ id: z.string(), exception: z.string().nullable() });
    const theirs = z.array(Call).parse(await bridge.ask("calls", { columns: ["id", "exception"] }));
    const ours = await rows(weave, { columns: ["id", "exception", "summary"] });
    assert.deepEqual(theirs.map((call) => call.id), ours.map((row) => row.id));
    assert.deepEqual(
      theirs.map((call) => call.exception !== null),
      ours.map((row) => row.exception !== null && row.exception !== undefined),
    );
    assert.equal(await bridge.ask("count"), ours.length);
  });

  await t.step("keeps a megabyte of input and resolves references", async () => {
    const document = await bridge.ask("call", { id: manifest.traces.calls["document-0"] });
    const { inputs } = z.looseObject({ inputs: z.record(z.string(), z.unknown()) }).parse(document);
    assert.equal(String(inputs["text"]).length, inputs["size"]);
    const prompt = await bridge.ask("object", { ref: manifest.traces.prompt_ref });
    assert.match(JSON.stringify(prompt), /Answer: \{question\}/);
  });

  await t.step("keeps feedback of every kind", async () => {
    const Feedback = z.array(z.looseObject({ feedback_type: z.string() }));
    const kinds = Feedback.parse(await bridge.ask("feedback")).map(({ feedback_type: type }) =>
      ["reaction", "note", "annotation", "runnable"].find((kind) =>
        type.startsWith(`wandb.${kind}.`)
      ) ?? "custom"
    );
    const expected = manifest.traces.feedback;
    for (const [kind, number] of Object.entries(expected)) {
      // Scorers of the evaluations leave runnable feedback too.
      const found = kinds.filter((name) => name === kind).length;
      if (kind === "runnable") assert(found >= number);
      else assert.equal(found, number, kind);
    }
  });
}

async function evaluations(
  t: Deno.TestContext,
  weave: Weave,
  manifest: Manifest,
  bridge: Bridge,
): Promise<void> {
  const { good, weak, release, nested, unfinished } = manifest.evaluations;

  await t.step("has the evaluations with their expected scores", async () => {
    const Evaluation = z.looseObject({
      id: z.string(),
      display_name: z.string().nullable(),
      output: z.unknown(),
      predictions: z.array(z.unknown()),
    });
    const found = new Map(
      z.array(Evaluation).parse(await bridge.ask("evaluations")).map((item) => [item.id, item]),
    );
    assert.deepEqual(
      new Set(found.keys()),
      new Set([good, weak, release, nested, unfinished].map(({ id }) => id)),
    );
    for (const made of [good, weak, release]) {
      assert.deepEqual(found.get(made.id)?.output, made.summary);
      assert.equal(found.get(made.id)?.predictions.length, made.trials ?? made.rows);
      const Exact = z.looseObject({ exact: z.looseObject({ true_count: z.number() }) });
      assert.equal(Exact.parse(made.summary).exact.true_count, made.exact_true);
    }
    assert.equal(found.get(release.id)?.display_name, release.display_name);
    assert.equal(found.get(unfinished.id)?.output, null);
  });

  await t.step("groups evaluation results by row", async () => {
    const Results = z.looseObject({
      total_rows: z.number(),
      summary: z.looseObject({
        evaluations: z.array(z.looseObject({ trial_count: z.number() })),
      }),
    });
    const options = {
      evaluation_call_ids: [good.id, weak.id],
      include_rows: true,
      include_summary: true,
    };
    const theirs = await bridge.ask("eval_results", options);
    const path = `/v2/${weave.project}/eval_results/query`;
    const response = await post(weave, path, options);
    assert.deepEqual(await response.json(), theirs);
    const { total_rows: total, summary } = Results.parse(theirs);
    assert.equal(total, good.rows);
    assert.deepEqual(summary.evaluations.map((item) => item.trial_count), [good.rows, weak.rows]);
  });
}

async function big(t: Deno.TestContext, weave: Weave, bridge: Bridge): Promise<void> {
  await t.step("treats calls written by SQL like ordinary ones", async () => {
    const before = await count(weave);
    await addCalls(weave, "small", 1000);
    await addCalls(weave, "large", 2);
    assert.equal(await count(weave), before + 1002);
    const filter = { trace_ids: ["small-trace-000000000990"] };
    assert.equal((await rows(weave, { filter })).length, 10);
    assert.equal(await bridge.ask("count", { filter }), 10);
    const large = { filter: { op_names: [`weave:///${weave.project}/op/ingest.page:*`] } };
    assert.equal((await rows(weave, large)).length, 2);
  });
}
