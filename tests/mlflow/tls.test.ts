/** The settings for certificates, through the tools, against servers that only tests trust. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { certificate } from "../http/certificate.ts";
import { serve } from "../http/support.ts";
import { at, toolsWith } from "./harness.ts";

const TRACE = "tr-1";
const TOKEN = "canary-token-0815";
const ASK = { trace_id: TRACE, extract_fields: "info.state" };

const authority = await certificate({ name: "Company authority", authority: true });
const other = await certificate({ name: "Other authority", authority: true });
const own = await certificate({ name: "mlflow", hosts: ["127.0.0.1"], by: authority });

function serveMlflow() {
  return serve(() =>
    Response.json({
      trace: {
        trace_info: {
          trace_id: TRACE,
          state: "OK",
          request_time: "2026-11-06T00:00:00Z",
          trace_location: {
            type: "MLFLOW_EXPERIMENT",
            mlflow_experiment: { experiment_id: "1" },
          },
        },
      },
    }), own);
}

/** Runs with a file of this content, which is gone afterwards. */
async function withFile(content: string, run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-tls-" });
  try {
    const path = join(folder, "ca.pem");
    await Deno.writeTextFile(path, content);
    await run(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("tls: a certificate of an unknown authority is refused before anything is sent", async () => {
  await using server = serveMlflow();
  const tools = toolsWith({ MLFLOW_TRACKING_URI: server.url, MLFLOW_TRACKING_TOKEN: TOKEN });
  const failure = await tools.fails("get_trace", ASK);
  assert.deepEqual([failure.error, failure.retryable], ["unreachable", false]);
  assert.match(failure.message, /MLflow.* authority that is not trusted here/);
  assert.match(String(failure.hint), /MLFLOW_TRACKING_SERVER_CERT_PATH/);
  assert.doesNotMatch(JSON.stringify(failure), /canary/);
  assert.deepEqual(server.requests, []);
});

Deno.test("tls: MLFLOW_TRACKING_SERVER_CERT_PATH trusts that authority and no other", async () => {
  await using server = serveMlflow();
  // A bundle of several is read whole.
  await withFile(other.cert + authority.cert, async (path) => {
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_TRACKING_TOKEN: TOKEN,
      MLFLOW_TRACKING_SERVER_CERT_PATH: path,
    });
    assert.equal(at(await tools.ok("get_trace", ASK), "info", "state"), "OK");
  });
  assert.equal(server.requests.length, 1);
  await withFile(other.cert, async (path) => {
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_TRACKING_TOKEN: TOKEN,
      MLFLOW_TRACKING_SERVER_CERT_PATH: path,
    });
    const failure = await tools.fails("get_trace", ASK);
    assert.equal(failure.error, "unreachable");
    assert.match(failure.message, /not trusted here/);
  });
  assert.equal(server.requests.length, 1);
});

Deno.test("tls: MLFLOW_TRACKING_INSECURE_TLS accepts any certificate, only when it is true", async () => {
  await using server = serveMlflow();
  const env = { MLFLOW_TRACKING_URI: server.url, MLFLOW_TRACKING_TOKEN: TOKEN };
  const tools = toolsWith({ ...env, MLFLOW_TRACKING_INSECURE_TLS: "true" });
  assert.equal(at(await tools.ok("get_trace", ASK), "info", "state"), "OK");
  assert.equal(server.requests.length, 1);
  const strict = toolsWith({ ...env, MLFLOW_TRACKING_INSECURE_TLS: "false" });
  assert.equal((await strict.fails("get_trace", ASK)).error, "unreachable");
  assert.equal(server.requests.length, 1);
});

Deno.test("tls: both settings together are refused, and nothing is sent", async () => {
  await using server = serveMlflow();
  await withFile(authority.cert, async (path) => {
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_TRACKING_SERVER_CERT_PATH: path,
      MLFLOW_TRACKING_INSECURE_TLS: "true",
    });
    const failure = await tools.fails("get_trace", ASK);
    assert.equal(failure.error, "invalid_arguments");
    assert.match(failure.message, /MLFLOW_TRACKING_INSECURE_TLS/);
    assert.match(failure.message, /MLFLOW_TRACKING_SERVER_CERT_PATH/);
  });
  assert.deepEqual(server.requests, []);
});

Deno.test("tls: a certificate file that is missing or broken is named; a later one works", async () => {
  await using server = serveMlflow();
  const broken = authority.cert.replace(/\n[A-Za-z0-9+/=]{20}/, "\n!!!!");
  for (const content of [undefined, broken, "", "no certificate\n"]) {
    await withFile(content ?? "", async (path) => {
      if (content === undefined) await Deno.remove(path);
      const tools = toolsWith({
        MLFLOW_TRACKING_URI: server.url,
        MLFLOW_TRACKING_SERVER_CERT_PATH: path,
      });
      const failure = await tools.fails("get_trace", ASK);
      assert.equal(failure.error, "unreachable", `${content}`);
      assert.ok(failure.message.includes(path), failure.message);
      assert.match(failure.message, /MLFLOW_TRACKING_SERVER_CERT_PATH/);
      assert.match(String(failure.hint), /PEM/);
      assert.deepEqual(server.requests, []);
    });
  }
  await withFile(authority.cert, async (path) => {
    await Deno.rename(path, `${path}.later`);
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      MLFLOW_TRACKING_SERVER_CERT_PATH: path,
    });
    await tools.fails("get_trace", ASK);
    await Deno.rename(`${path}.later`, path);
    assert.equal(at(await tools.ok("get_trace", ASK), "info", "state"), "OK");
  });
});
