/** Every change leaves one line on standard error: who, what, where and its outcome, no contents. */
import assert from "node:assert/strict";
import { z } from "zod";
import { ASSESSMENT, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, MODERN, send } from "../e2e/rpc.ts";
import { type Env, startHttp, startStdio } from "../support/product.ts";
import { writeAll } from "../support/raw_http.ts";
import type { Running } from "../support/running.ts";
import { startWandbSim } from "../support/wandb/mod.ts";
import { graphql } from "../wandb/seed.ts";

/** Stands in every argument that holds contents. */
const CONTENTS = "what-was-written";

/** A call of every tool that writes, and the fields that say what it changes. */
const CALLS: Readonly<Record<string, readonly [Record<string, unknown>, Record<string, unknown>]>> =
  {
    log_feedback: [
      { trace_id: TRACE, name: "tone", value: CONTENTS, rationale: CONTENTS },
      { trace_id: TRACE, name: "tone" },
    ],
    log_expectation: [
      { trace_id: TRACE, name: "answer", value: CONTENTS },
      { trace_id: TRACE, name: "answer" },
    ],
    update_assessment: [
      { trace_id: TRACE, assessment_id: ASSESSMENT, rationale: CONTENTS },
      { trace_id: TRACE, assessment_id: ASSESSMENT },
    ],
    set_trace_tag: [{ trace_id: TRACE, key: "team", value: CONTENTS }, {
      trace_id: TRACE,
      key: "team",
    }],
    delete_trace_tag: [{ trace_id: TRACE, key: "team" }, { trace_id: TRACE, key: "team" }],
    delete_assessment: [
      { trace_id: TRACE, assessment_id: ASSESSMENT, confirm: true },
      { trace_id: TRACE, assessment_id: ASSESSMENT },
    ],
    delete_traces: [
      { experiment_id: "checkout", trace_ids: TRACE, confirm: true },
      { experiment_id: "1", trace_ids: TRACE },
    ],
    log_analysis_to_wandb: [
      {
        entity_name: "sim-team",
        project_name: "audited",
        analysis_name: CONTENTS,
        data: [{ a: 1, text: CONTENTS }],
        analysis_id: "analysis1",
      },
      { project: "sim-team/audited", run_id: "analysis1" },
    ],
    create_wandb_report_tool: [
      {
        entity_name: "sim-team",
        project_name: "audited",
        title: CONTENTS,
        markdown_report_text: CONTENTS,
      },
      { project: "sim-team/audited" },
    ],
  };

const Line = z.looseObject({
  time: z.string(),
  level: z.string(),
  message: z.string(),
  tool: z.string().optional(),
});
const Listed = z.object({
  tools: z.array(z.object({
    name: z.string(),
    annotations: z.object({ readOnlyHint: z.boolean(), destructiveHint: z.boolean() }),
  })),
});

function changes({ stderr }: Running): z.output<typeof Line>[] {
  return stderr.lines().map((line) => Line.parse(JSON.parse(line)))
    .filter(({ level }) => level === "AUDIT");
}

async function withBackends(
  work: (env: Env, hosts: { mlflow: string; wandb: string }) => Promise<void>,
): Promise<void> {
  await using mlflow = startFakeMlflow();
  const sim = startWandbSim();
  await graphql(
    sim,
    `mutation { upsertModel(input: { entityName: "sim-team", name: "audited" }) { model { id } } }`,
    {},
  );
  try {
    await work({
      MLFLOW_TRACKING_URI: mlflow.url,
      WANDB_API_KEY: sim.apiKey,
      WANDB_BASE_URL: sim.url,
      WF_TRACE_SERVER_URL: sim.url,
    }, { mlflow: new URL(mlflow.url).host, wandb: new URL(sim.url).host });
  } finally {
    await sim.stop();
  }
}

Deno.test("every tool that writes logs who changed what and where, at the default level", async () => {
  await withBackends(async (env, hosts) => {
    await using product = await startStdio({ ...env, WANDFLOW_LOG_FORMAT: "json" });
    await initialize(product);
    await send(product, { id: 1, method: "tools/list" });
    const { tools } = Listed.parse((await answerTo(product, 1)).result);
    const writing = tools.filter(({ annotations }) => !annotations.readOnlyHint);
    assert.deepEqual(writing.map(({ name }) => name).sort(), Object.keys(CALLS).sort());
    for (const [index, { name, annotations }] of writing.entries()) {
      const [args = {}, target = {}] = CALLS[name] ?? [];
      await send(product, {
        id: 100 + index,
        method: "tools/call",
        params: { name, arguments: args },
      });
      const { result } = await answerTo(product, 100 + index);
      assert.notEqual(result?.isError, true, JSON.stringify(result));
      const lines = changes(product);
      assert.equal(lines.length, index + 1, name);
      const { time: _, ...line } = Line.parse(lines[index]);
      const made = name === "create_wandb_report_tool"
        ? {
          report_id: z.looseObject({ report_id: z.string() }).parse(
            result?.structuredContent,
          ).report_id,
        }
        : {};
      assert.deepEqual(line, {
        level: "AUDIT",
        message: "Change",
        tool: name,
        effect: annotations.destructiveHint ? "destroy" : "write",
        outcome: "done",
        client: "test 1",
        host: name.includes("wandb") ? hosts.wandb : hosts.mlflow,
        ...target,
        ...made,
      });
    }
    await send(product, {
      id: 2,
      method: "tools/call",
      params: { name: "get_trace", arguments: { trace_id: TRACE } },
    });
    await answerTo(product, 2);
    assert.equal(changes(product).length, writing.length, "reading is no change");
    assert.ok(!product.stderr.text.includes(CONTENTS), product.stderr.text);
  });
});

Deno.test("a change over HTTP is logged with the client of its request, whatever the level", async () => {
  await withBackends(async (env, hosts) => {
    await using product = await startHttp({ ...env, MCP_SERVER_LOG_LEVEL: "ERROR" });
    const [args = {}] = CALLS["set_trace_tag"] ?? [];
    const answer = await callOverHttp(product.url, MODERN, "set_trace_tag", args);
    assert.match(await answer.text(), /"key":"team"/);
    const line = await product.process.stderr.until((text) => /.* AUDIT .*/.exec(text)?.[0]);
    assert.match(
      line,
      new RegExp(
        String
          .raw`^\S+Z AUDIT {3}Change request=[0-9a-f-]{36} tool=set_trace_tag effect=write outcome=done ` +
          `client="test 1" host=${hosts.mlflow} trace_id=${TRACE} key=team$`,
      ),
    );
  });
});

Deno.test("the line says what came of a change that failed", async () => {
  const outcomes = {
    403: /outcome=refused error=forbidden/,
    404: /outcome=refused error=not_found/,
  };
  for (const [status, outcome] of Object.entries(outcomes)) {
    await using mlflow = startFakeMlflow((url) =>
      url.pathname.endsWith("/tags") ? new Response("", { status: Number(status) }) : undefined
    );
    await using product = await startStdio({ MLFLOW_TRACKING_URI: mlflow.url });
    await changeTag(product);
    assert.match(product.stderr.text, outcome);
  }
});

Deno.test("a change that was never sent is logged as failed", async () => {
  await using product = await startStdio({ MLFLOW_TRACKING_URI: "http://127.0.0.1:9" });
  await changeTag(product);
  assert.match(product.stderr.text, /outcome=failed error=unreachable .* host=127\.0\.0\.1:9 /);
});

Deno.test("a change with an unknown outcome is logged as such", async () => {
  let written = false;
  await using mlflow = startFakeMlflow((url) => {
    written ||= url.pathname.endsWith("/tags");
    return written ? new Response("", { status: 502 }) : undefined;
  });
  await using product = await startStdio({ MLFLOW_TRACKING_URI: mlflow.url });
  await changeTag(product);
  assert.match(product.stderr.text, /outcome="effect unknown" error=upstream_error/);
});

Deno.test("a caller that closes its side counts as gone, and the line says that it got no answer", async () => {
  await using mlflow = startFakeMlflow();
  const held = mlflow.hold("/tags");
  await using product = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
  const [args = {}] = CALLS["set_trace_tag"] ?? [];
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "set_trace_tag", arguments: args },
  });
  using caller = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(product.url).port),
  });
  await writeAll(
    caller,
    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
      "Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\n" +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  await held.arrived;
  await caller.closeWrite();
  await held.dropped;
  const line = await product.process.stderr.until((text) => /.* AUDIT .*/.exec(text)?.[0]);
  assert.match(line, /outcome="effect unknown" error=cancelled answered=false .* key=team$/);
  const answer = await new Response(caller.readable).text();
  assert.doesNotMatch(answer, /"result"|"error"/);
});

Deno.test("an unconfirmed deletion is not logged as a change", async () => {
  await using mlflow = startFakeMlflow();
  await using product = await startStdio({ MLFLOW_TRACKING_URI: mlflow.url });
  await initialize(product);
  const args = { experiment_id: "1", trace_ids: TRACE };
  await send(product, {
    id: 1,
    method: "tools/call",
    params: { name: "delete_traces", arguments: args },
  });
  assert.match(JSON.stringify(await answerTo(product, 1)), /confirmation_required/);
  await product.end();
  await product.status();
  assert.equal(product.stderr.text, "");
});

async function changeTag(product: Running): Promise<void> {
  await initialize(product);
  const [args = {}] = CALLS["set_trace_tag"] ?? [];
  await send(product, {
    id: 1,
    method: "tools/call",
    params: { name: "set_trace_tag", arguments: args },
  });
  const { result } = await answerTo(product, 1);
  assert.equal(result?.isError, true);
}
