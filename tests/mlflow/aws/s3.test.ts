/** Spans that MLflow 3.4 put into S3 and its server cannot serve. */
import assert from "node:assert/strict";
import { readSignature, type Received, signByBotocore } from "../../support/aws/botocore.ts";
import { startMoto, writeTrace } from "../../support/aws/moto.ts";
import { startMlflow } from "../../support/mlflow/server.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const KEYS = {
  AWS_ACCESS_KEY_ID: "AKIAREADER",
  AWS_SECRET_ACCESS_KEY: "canary/reader",
  AWS_REGION: "us-east-1",
};
const NAMES = "info.state,data.spans.*.name";

Deno.test("s3: spans of a server that does not serve them are read from the configured bucket", async () => {
  await using moto = await startMoto();
  const server = await startMlflow({ version: "3.4" });
  try {
    const trace_id = await writeTrace(moto, "traces", server.uri);
    const ask = { trace_id, extract_fields: NAMES };
    const env = { MLFLOW_TRACKING_URI: server.uri, MLFLOW_S3_ENDPOINT_URL: moto.url, ...KEYS };
    const without = await toolsWith({ MLFLOW_TRACKING_URI: server.uri }).fails("get_trace", ask);
    assert.equal(without.error, "unsupported");
    assert.match(String(without.hint), /--artifact-stores s3:\/\/traces/);
    const other = await toolsWith({ ...env, WANDFLOW_ARTIFACT_STORES: "s3://traces-of-others" })
      .fails("get_trace", ask);
    assert.equal(other.error, "unsupported");
    const tools = toolsWith({ ...env, WANDFLOW_ARTIFACT_STORES: "s3://traces" });
    const expected = [{ name: "agent" }, { name: "look up" }];
    assert.deepEqual(listAt(await tools.ok("get_trace", ask), "data", "spans"), expected);
    const found = await tools.ok("search_traces", {
      experiment_id: "in S3",
      extract_fields: "data.spans.*.name",
    });
    assert.deepEqual(listAt(found, "traces", 0, "data", "spans"), expected);
  } finally {
    await server.stop();
  }
});

/** A tracking server whose one trace lies in S3, and the store, which answers as it is told. */
function serve(answer: () => Response, store = "s3://traces/a b") {
  const received: Received[] = [];
  const tags = { "mlflow.artifactLocation": "s3://traces/a b/ü~+1" };
  const info = {
    trace_id: "tr-1",
    state: "OK",
    request_time: "2026-11-06T00:00:00Z",
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    tags,
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ method, url, headers }) => {
      const { pathname } = new URL(url);
      if (pathname === "/api/3.0/mlflow/traces/tr-1") {
        return Response.json({ trace: { trace_info: info } });
      }
      if (!pathname.startsWith("/traces/")) {
        return new Response("<!doctype html>", {
          status: 404,
          headers: { "content-type": "text/html" },
        });
      }
      received.push({ method, url, headers, body: "" });
      return answer();
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    received,
    tools: toolsWith({
      MLFLOW_TRACKING_URI: url,
      MLFLOW_S3_ENDPOINT_URL: url,
      WANDFLOW_ARTIFACT_STORES: store,
      ...KEYS,
    }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("s3: requests are signed as botocore signs them", async () => {
  await using s3 = serve(() => Response.json({ spans: [{ span_id: "a", name: "root" }] }));
  const ask = { trace_id: "tr-1", extract_fields: NAMES };
  assert.equal(at(await s3.tools.ok("get_trace", ask), "data", "spans", 0, "name"), "root");
  const [request] = s3.received;
  assert.ok(request !== undefined);
  const { signature, scope } = readSignature(request);
  assert.match(scope, /\/us-east-1\/s3\/aws4_request$/);
  const keys = { access: KEYS.AWS_ACCESS_KEY_ID, secret: KEYS.AWS_SECRET_ACCESS_KEY };
  const place = { region: "us-east-1", service: "s3" };
  assert.equal(signature, await signByBotocore(request, { ...keys, ...place }));
});

Deno.test("s3: what the store refuses names the variable; a missing file is a trace without spans", async () => {
  const xml = (code: string, message = "") =>
    `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  const cases = [
    [
      403,
      xml("SignatureDoesNotMatch", "The request signature we calculated"),
      /AWS_SECRET_ACCESS_KEY/,
    ],
    [403, xml("InvalidAccessKeyId"), /AWS_ACCESS_KEY_ID/],
    [403, xml("RequestTimeTooSkewed"), /clock/],
    [400, xml("ExpiredToken", "The provided token has expired."), /AWS_SESSION_TOKEN/],
    [403, xml("AccessDenied", "Access Denied"), /lacks the permission/],
    [404, xml("NoSuchBucket"), /bucket was not deleted/],
    [301, xml("PermanentRedirect"), /Set AWS_REGION=eu-west-1\./],
  ] as const;
  for (const [status, body, expected] of cases) {
    const headers = status === 301 ? { "x-amz-bucket-region": "eu-west-1" } : {};
    await using s3 = serve(() => new Response(body, { status, headers }));
    const failure = await s3.tools.fails("get_trace", { trace_id: "tr-1", extract_fields: NAMES });
    assert.match(String(failure.hint), expected);
    assert.doesNotMatch(JSON.stringify(failure), /canary/);
  }
  await using s3 = serve(() => new Response(xml("NoSuchKey"), { status: 404 }));
  const empty = await s3.tools.ok("get_trace", { trace_id: "tr-1", extract_fields: NAMES });
  assert.deepEqual(listAt(empty, "data", "spans"), []);
});

Deno.test("s3: nothing outside of the configured bucket and folder is asked for", async () => {
  for (const store of ["s3://traces/a", "s3://trace", "s3://traces/a b/other"]) {
    await using s3 = serve(() => Response.json({ spans: [] }), store);
    const failure = await s3.tools.fails("get_trace", { trace_id: "tr-1", extract_fields: NAMES });
    assert.equal(failure.error, "unsupported");
    assert.deepEqual(s3.received, []);
  }
});
