import assert from "node:assert/strict";
import { z } from "zod";
import { shared } from "../backend.ts";
import { manifestOf, mlflow34, mlflowAuth, mlflowNewest } from "./backends.ts";
import { clientEnv, pythonClient } from "./client.ts";
import { TRACE_NAMES } from "./seed.ts";

const TraceDict = z.looseObject({
  info: z.looseObject({
    trace_id: z.string(),
    state: z.string(),
    request_time: z.string(),
    execution_duration_ms: z.int().optional(),
    tags: z.record(z.string(), z.string()),
    trace_metadata: z.record(z.string(), z.string()),
    assessments: z.array(z.looseObject({ assessment_name: z.string() })).optional(),
  }),
  data: z.looseObject({ spans: z.array(z.looseObject({ name: z.string() })) }).optional(),
});
const Found = z.looseObject({ traces: z.array(TraceDict) });

const [oldest, newest, auth] = await Promise.all([mlflow34, mlflowNewest, mlflowAuth].map(shared));

for (const server of [oldest, newest]) {
  assert(server);
  const manifest = await manifestOf(server);

  Deno.test(`MLflow ${server.version}: its own client reads what the manifest says`, async () => {
    await using client = await pythonClient(server);
    assert.equal(await client.call("version"), manifest.client_version);
    const { traces } = Found.parse(
      await client.call("search_traces", { experiment_ids: [manifest.experiments.agents] }),
    );
    assert.equal(traces.length, TRACE_NAMES.length);
    const infos = new Map(traces.map(({ info }) => [info.trace_id, info]));
    for (const name of TRACE_NAMES) {
      const expected = manifest.traces[name];
      const info = infos.get(expected.trace_id);
      assert(info, name);
      assert.equal(info.state, expected.state, name);
      assert.equal(Date.parse(info.request_time), expected.start_ms, name);
      assert.equal(info.execution_duration_ms ?? 0, expected.duration_ms ?? 0, name);
      const { tags, trace_metadata } = info;
      assert.deepEqual({ ...tags, ...expected.tags }, tags, name);
      assert.deepEqual({ ...trace_metadata, ...expected.metadata }, trace_metadata, name);
    }
    const full = TraceDict.parse(
      await client.call("get_trace", { trace_id: manifest.traces.full.trace_id }),
    );
    assert.deepEqual(
      full.data?.spans.map((span) => span.name).sort(),
      manifest.traces.full.spans.map((span) => span.name).sort(),
    );
    assert.deepEqual(
      full.info.assessments?.map((assessment) => assessment.assessment_name).sort(),
      Object.keys(manifest.traces.full.assessments ?? {}).sort(),
    );
    const { paging } = manifest.experiments;
    assert.equal(await client.call("count_traces", { experiment_id: paging }), 520);
    const failed = { experiment_id: paging, filter_string: "status = 'ERROR'" };
    assert.equal(await client.call("count_traces", failed), 52);
  });

  Deno.test(`MLflow ${server.version}: the bridge writes, and reports Python's errors`, async () => {
    await using client = await pythonClient(server);
    const experiment_id = await client.call("create_experiment", { name: crypto.randomUUID() });
    const root = { name: "made", duration_ms: 5, children: [{ name: "child", error: "no" }] };
    const { trace_id } = z.looseObject({ trace_id: z.string() }).parse(
      await client.call("create_trace", { experiment_id, root, tags: { a: "b" } }),
    );
    await client.call("set_trace_tag", { trace_id, key: "c", value: "d" });
    const { info, data } = TraceDict.parse(await client.call("get_trace", { trace_id }));
    assert.equal(info.tags["a"], "b");
    assert.equal(info.tags["c"], "d");
    assert.equal(data?.spans.length, 2);
    assert.equal(await client.call("delete_traces", { experiment_id, trace_ids: [trace_id] }), 1);
    await assert.rejects(client.call("get_trace_info", { trace_id }), /MlflowException|not found/);
  });
}

Deno.test("mlflow-auth asks for user name and password, below its prefix", async () => {
  assert(auth);
  const refused = await fetch(`${auth.uri}/api/2.0/mlflow/experiments/get?experiment_id=0`);
  await refused.body?.cancel();
  assert.equal(refused.status, 401);
  const { MLFLOW_TRACKING_USERNAME: username } = clientEnv(auth);
  assert.equal(username, "admin");
  await using client = await pythonClient(auth);
  assert.equal(await client.call("count_traces", { experiment_id: "0" }), 0);
});
