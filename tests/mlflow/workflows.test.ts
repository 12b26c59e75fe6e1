/** MLflow's four use cases: a client follows each prompt on a real server to the right answer. */
import assert from "node:assert/strict";
import { ResourceNotFoundError } from "@modelcontextprotocol/client";
import { shared } from "../support/backend.ts";
import { manifestOf, mlflowNewest } from "../support/mlflow/backends.ts";
import { pythonClient } from "../support/mlflow/client.ts";
import { startFollower, stepsIn, uris } from "../workflows/client.ts";
import { at, listAt } from "./harness.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const server = await shared(mlflowNewest);
const seeded = await manifestOf(server);
// It ends when its input does.
const python = await pythonClient(server);
const start = () => startFollower({ MLFLOW_TRACKING_URI: server.uri });

async function experiment(about: string): Promise<{ id: string; name: string }> {
  const name = `${about} ${crypto.randomUUID()}`;
  return { id: String(await python.call("create_experiment", { name })), name };
}

async function trace(
  experiment_id: string,
  start_ms: number,
  root: Record<string, unknown>,
): Promise<string> {
  const made = await python.call("create_trace", { experiment_id, start_ms, root });
  return String(typeof made === "string" ? made : at(made, "trace_id"));
}

const span = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  type: "TOOL",
  ...more,
});
const idsIn = (data: unknown) => listAt(data, "traces").map((one) => at(one, "info", "trace_id"));

Deno.test("production issues: finds the last hour's failures, their share and where they began", async () => {
  const { id, name } = await experiment("issues");
  const now = Date.now();
  const failing = (message: string) =>
    span("answer", {
      error: "request failed",
      children: [span("plan"), span("charge card", { error: message })],
    });
  const declined = await trace(id, now - 5 * MINUTE, failing("card declined"));
  const timeout = await trace(id, now - 10 * MINUTE, failing("gateway timed out"));
  await trace(id, now - 3 * 60 * MINUTE, failing("too old to matter"));
  for (const minutes of [1, 2, 3, 4, 6, 7]) await trace(id, now - minutes * MINUTE, span("answer"));

  await using follower = await start();
  const [failed, all, one] = stepsIn(
    await follower.prompt("debug_production_issues", { experiment: name }),
  );
  const found = await follower.follow(failed);
  assert.deepEqual(idsIn(found), [declined, timeout]);
  assert.equal(found.total_matching, 2);
  const window = await follower.follow(all, {
    experiment_id: name,
    filter_string: "timestamp_ms > now() - 1h",
  });
  assert.equal(window.total_matching, 8);

  const causes = [];
  for (const trace_id of idsIn(found)) {
    const { data } = await follower.follow(one, { trace_id });
    const broken = listAt(data, "spans").filter((s) =>
      at(s, "status", "code") === "STATUS_CODE_ERROR"
    );
    const deepest = broken.find((s) =>
      !broken.some((child) => at(child, "parent_span_id") === at(s, "span_id"))
    );
    causes.push([at(deepest, "name"), JSON.stringify(at(deepest, "events"))]);
  }
  assert.deepEqual(causes.map(([where]) => where), ["charge card", "charge card"]);
  assert.match(String(causes[0]?.[1]), /card declined/);
  assert.match(String(causes[1]?.[1]), /gateway timed out/);
});

Deno.test("slow traces: finds the slowest, and the span that takes the time", async () => {
  const { id } = await experiment("slow");
  const now = Date.now();
  const slow = (ms: number, search: number) =>
    span("report", {
      duration_ms: ms,
      children: [
        span("search", { start_ms: 10, duration_ms: search }),
        span("write", { start_ms: 10 + search, duration_ms: ms - search - 20 }),
      ],
    });
  const slower = await trace(id, now - 30 * MINUTE, slow(9000, 8000));
  const slowest = await trace(id, now - 60 * MINUTE, slow(20_000, 1000));
  await trace(id, now - 5 * MINUTE, slow(3000, 2900));
  await trace(id, now - 9 * DAY, slow(60_000, 59_000));

  await using follower = await start();
  const [search, read] = stepsIn(
    await follower.prompt("analyze_slow_traces", { experiment: id, since: "7d" }),
  );
  const found = await follower.follow(search);
  assert.deepEqual(idsIn(found), [slowest, slower]);
  assert.deepEqual(
    listAt(found, "traces").map((one) => at(one, "info", "execution_duration_ms")),
    [20_000, 9000],
  );
  const takers = [];
  for (const trace_id of idsIn(found)) {
    const spans = listAt(await follower.follow(read, { trace_id }), "data", "spans");
    const own = (one: unknown) =>
      spans.filter((child) => at(child, "parent_span_id") === at(one, "span_id"))
        .reduce<number>(
          (rest, child) => rest - Number(at(child, "duration_ms")),
          Number(
            at(one, "duration_ms"),
          ),
        );
    takers.push(at(spans.toSorted((a, b) => own(b) - own(a))[0], "name"));
    assert.equal(at(spans[0], "attributes", "mlflow.spanType"), "TOOL");
  }
  assert.deepEqual(takers, ["write", "search"]);
});

Deno.test("quality: traces without assessments are judged, and MLflow's client reads the scores", async () => {
  const { id, name } = await experiment("quality");
  const now = Date.now();
  const answer = (question: string, outputs: string) =>
    span("answer", { inputs: { question }, outputs });
  const good = await trace(id, now - 2 * MINUTE, answer("Due when?", "On 1 May."));
  const bad = await trace(id, now - MINUTE, answer("Due when?", "I like trains."));
  const judged = await trace(id, now - 3 * MINUTE, answer("Who?", "Ada."));
  await trace(id, now, span("answer", { error: "no answer" }));

  await using follower = await start();
  const [search, read, log] = stepsIn(
    await follower.prompt("assess_quality", { experiment: name, criterion: "helpfulness" }),
  );
  const judge = { source_id: "a-model", rationale: "It says when." };
  await follower.follow(log, { ...judge, trace_id: judged, value: 1 });
  const found = await follower.follow(search);
  assert.deepEqual(idsIn(found), [bad, good, judged]);
  const open = listAt(found, "traces").filter((one) =>
    !listAt(one, "info", "assessments").some((a) => at(a, "assessment_name") === "helpfulness")
  );
  assert.deepEqual(open.map((one) => at(one, "info", "trace_id")), [bad, good]);
  for (const one of open) {
    const trace_id = at(one, "info", "trace_id");
    const data = await follower.follow(read, { trace_id });
    const text = JSON.stringify(at(data, "data", "spans"));
    assert.match(text, /Due when\?/);
    await follower.follow(log, { ...judge, trace_id, value: /1 May/.test(text) ? 0.9 : 0.1 });
  }
  const scores = [];
  for (const trace_id of [good, bad, judged]) {
    const theirs = await python.call("get_trace_info", { trace_id });
    const [assessment] = listAt(theirs, "assessments");
    assert.equal(at(assessment, "source", "source_type"), "LLM_JUDGE");
    assert.equal(at(assessment, "rationale"), judge.rationale);
    scores.push(at(assessment, "feedback", "value"));
  }
  assert.deepEqual(scores, [0.9, 0.1, 1]);
});

Deno.test("clean-up: traces are shown first, deleted after agreement, and the rest stays", async () => {
  const { id, name } = await experiment("clean-up");
  const now = Date.now();
  for (const days of [31, 45, 60]) await trace(id, now - days * DAY, span("old"));
  const kept = await trace(id, now - 20 * DAY, span("recent"));

  await using follower = await start();
  const [show, remove, left] = stepsIn(
    await follower.prompt("clean_up_traces", {
      experiment: name,
    }),
  );
  const plan = await follower.follow(show);
  assert.deepEqual([plan.would_delete, plan.traces_deleted], [3, 0]);
  const refusal = await follower.client.callTool({
    name: "delete_traces",
    arguments: { experiment_id: name, older_than: "30d" },
  });
  assert.equal(refusal.isError, true);
  assert.match(JSON.stringify(refusal.content), /3 traces/);
  assert.equal(await python.call("count_traces", { experiment_id: id }), 4);
  const done = await follower.follow(remove, {
    experiment_id: name,
    older_than: "30d",
    confirm: true,
  });
  assert.equal(done.traces_deleted, 3);
  assert.deepEqual(idsIn(await follower.follow(left)), [kept]);
  assert.equal(await python.call("count_traces", { experiment_id: id }), 1);
});

Deno.test("experiments are suggested by name and by id", async () => {
  await using follower = await start();
  const suggest = (value: string) =>
    follower.suggestions("analyze_slow_traces", { name: "experiment", value });
  assert.ok((await suggest("AGE")).includes("agents"));
  assert.ok(!(await suggest("AGE")).includes("paging"));
  const { agents } = seeded.experiments;
  assert.ok((await suggest(agents)).includes(agents));
  await using nowhere = await startFollower({ MLFLOW_TRACKING_URI: "http://127.0.0.1:9" });
  assert.deepEqual(
    await nowhere.suggestions("analyze_slow_traces", { name: "experiment", value: "" }),
    [],
  );
});

Deno.test("a trace is read by its address, and results link to it and its page", async () => {
  const { trace_id } = seeded.traces.full;
  for (const era of ["2025-11-25", "2026-07-28"] as const) {
    await using follower = await startFollower({ MLFLOW_TRACKING_URI: server.uri }, era);
    const result = await follower.client.callTool({ name: "get_trace", arguments: { trace_id } });
    const links = uris(result.structuredContent);
    assert.deepEqual(links, [
      `mlflow://traces/${trace_id}`,
      `${server.uri}/#/experiments/${seeded.experiments.agents}/traces` +
      `?selectedEvaluationId=${trace_id}`,
    ]);
    const uri = String(links[0]);
    const { contents: [content] } = await follower.client.readResource({ uri });
    assert.ok(content !== undefined && "text" in content);
    assert.deepEqual(JSON.parse(content.text), result.structuredContent);
    const missing = uri.replace(/.$/, (digit) => digit === "0" ? "1" : "0");
    await assert.rejects(follower.client.readResource({ uri: missing }), (error) => {
      assert.ok(error instanceof ResourceNotFoundError);
      assert.equal(error.uri, missing);
      return true;
    });
  }
});
