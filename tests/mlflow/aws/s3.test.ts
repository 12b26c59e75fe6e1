/** Spans that MLflow 3.4 put into S3 and its server cannot serve. */
import assert from "node:assert/strict";
import { readSignature, type Received, signByBotocore } from "../../support/aws/botocore.ts";
import { startMoto } from "../../support/aws/moto.ts";
import { shared } from "../../support/backend.ts";
import { mlflow34 } from "../../support/mlflow/backends.ts";
import { serveTrace } from "../../support/stores/tracking.ts";
import { writeTrace } from "../../support/stores/write.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const KEYS = {
  AWS_ACCESS_KEY_ID: "AKIAREADER",
  AWS_SECRET_ACCESS_KEY: "canary/reader",
  AWS_REGION: "us-east-1",
};
const NAMES = "info.state,data.spans.*.name";
/** Nothing but spans, so that a call fails without them. */
const SPANS = { trace_id: "tr-1", extract_fields: "data.spans.*.name" };

Deno.test("s3: spans of a server that does not serve them are read from the configured bucket", async () => {
  await using moto = await startMoto();
  const server = await shared(mlflow34);
  const experiment = `in S3 ${crypto.randomUUID()}`;
  const trace_id = await writeTrace(server.uri, experiment, "s3://traces/some where/ä+1", {
    AWS_ACCESS_KEY_ID: "AKIAWRITER",
    AWS_SECRET_ACCESS_KEY: "writer",
    AWS_DEFAULT_REGION: "us-east-1",
    MLFLOW_S3_ENDPOINT_URL: moto.url,
  });
  const ask = { trace_id, extract_fields: NAMES };
  const env = { MLFLOW_TRACKING_URI: server.uri, MLFLOW_S3_ENDPOINT_URL: moto.url, ...KEYS };
  const without = await toolsWith({ MLFLOW_TRACKING_URI: server.uri }).fails("get_trace", {
    ...SPANS,
    trace_id,
  });
  assert.equal(without.error, "unsupported");
  assert.match(String(without.hint), /--artifact-stores s3:\/\/traces/);
  const other = await toolsWith({ ...env, WANDFLOW_ARTIFACT_STORES: "s3://traces-of-others" })
    .fails("get_trace", { ...SPANS, trace_id });
  assert.equal(other.error, "unsupported");
  const tools = toolsWith({ ...env, WANDFLOW_ARTIFACT_STORES: "s3://traces" });
  const expected = [{ name: "agent" }, { name: "look up" }];
  assert.deepEqual(listAt(await tools.ok("get_trace", ask), "data", "spans"), expected);
  const found = await tools.ok("search_traces", {
    experiment_id: experiment,
    extract_fields: "data.spans.*.name",
  });
  assert.deepEqual(listAt(found, "traces", 0, "data", "spans"), expected);
});

/** A tracking server whose only trace is in S3, and the store, which answers as configured. */
function serve(answer: () => Response, store = "s3://traces/a b") {
  const received: Received[] = [];
  const server = serveTrace("s3://traces/a b/ü~+1", ({ method, url, headers }) => {
    if (!new URL(url).pathname.startsWith("/traces/")) return undefined;
    received.push({ method, url, headers, body: "" });
    return answer();
  });
  return {
    received,
    tools: toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_S3_ENDPOINT_URL: server.url,
      WANDFLOW_ARTIFACT_STORES: store,
      ...KEYS,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
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

Deno.test("s3: a missing file is a trace without spans; a refused one leaves the trace's info", async () => {
  const xml = (code: string) => `<Error><Code>${code}</Code><Message>canary</Message></Error>`;
  const ask = { trace_id: "tr-1", extract_fields: NAMES };
  await using empty = serve(() => new Response(xml("NoSuchKey"), { status: 404 }));
  assert.deepEqual(listAt(await empty.tools.ok("get_trace", ask), "data", "spans"), []);
  await using refusing = serve(() => new Response(xml("AccessDenied"), { status: 403 }));
  const rest = await refusing.tools.ok("get_trace", ask);
  assert.equal(at(rest, "info", "state"), "OK");
  assert.match(String(listAt(rest, "notes")), /lacks the permission/);
});

Deno.test("s3: nothing outside of the configured bucket and folder is asked for", async () => {
  for (const store of ["s3://traces/a", "s3://trace", "s3://traces/a b/other"]) {
    await using s3 = serve(() => Response.json({ spans: [] }), store);
    const failure = await s3.tools.fails("get_trace", SPANS);
    assert.equal(failure.error, "unsupported");
    assert.deepEqual(s3.received, []);
  }
});
