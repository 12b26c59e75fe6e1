/** Spans that MLflow 3.4 put into Google Cloud Storage and its server cannot serve. */
import assert from "node:assert/strict";
import { shared } from "../../support/backend.ts";
import { mlflow34 } from "../../support/mlflow/backends.ts";
import {
  type GoogleStub,
  refuseRead,
  signInByGoogleAuth,
  startGoogle,
} from "../../support/stores/google.ts";
import { serveTrace, TRACE } from "../../support/stores/tracking.ts";
import { writeTrace } from "../../support/stores/write.ts";
import { listAt, toolsWith } from "../harness.ts";

const NAMES = "data.spans.*.name";
const SPANS = [{ name: "agent" }, { name: "look up" }];

/** Runs a test with the store and a service account's key file. */
async function withGoogle(test: (google: GoogleStub, file: string) => Promise<void>) {
  await using google = await startGoogle();
  const file = await Deno.makeTempFile({ prefix: "wandflow-google-", suffix: ".json" });
  try {
    await Deno.writeTextFile(file, google.keyFile);
    await test(google, file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("google: spans that MLflow wrote are read as a service account, with one token", () =>
  withGoogle(async (google, file) => {
    assert.match(await signInByGoogleAuth(file), /^ya29\./);
    const server = await shared(mlflow34);
    const experiment = `in GCS ${crypto.randomUUID()}`;
    const trace_id = await writeTrace(server.uri, experiment, "gs://traces/some where/ä+1", {
      STORAGE_EMULATOR_HOST: google.url,
    });
    const ask = { trace_id, extract_fields: NAMES };
    const env = {
      MLFLOW_TRACKING_URI: server.uri,
      WANDFLOW_ARTIFACT_STORES: "gs://traces/some where",
      STORAGE_EMULATOR_HOST: google.url,
      GOOGLE_APPLICATION_CREDENTIALS: file,
    };
    const tools = toolsWith(env);
    const before = google.issued();
    assert.deepEqual(listAt(await tools.ok("get_trace", ask), "data", "spans"), SPANS);
    const found = await tools.ok("search_traces", {
      experiment_id: experiment,
      extract_fields: NAMES,
    });
    assert.deepEqual(listAt(found, "traces", 0, "data", "spans"), SPANS);
    assert.equal(google.issued(), before + 1);
    const other = await toolsWith({ ...env, WANDFLOW_ARTIFACT_STORES: "gs://traces/some" })
      .fails("get_trace", ask);
    assert.equal(other.error, "unsupported");
    assert.match(String(other.hint), /--artifact-stores gs:\/\/traces /);
  }));

Deno.test("google: a missing file is a trace without spans; a refused token is renewed, a refused sign-in names the variable", () =>
  withGoogle(async (google, file) => {
    await using tracking = serveTrace("gs://traces/a");
    const env = {
      MLFLOW_TRACKING_URI: tracking.url,
      WANDFLOW_ARTIFACT_STORES: "gs://traces",
      STORAGE_EMULATOR_HOST: google.url,
      GOOGLE_APPLICATION_CREDENTIALS: file,
    };
    const ask = { trace_id: TRACE, extract_fields: NAMES };
    const empty = await toolsWith(env).ok("get_trace", ask);
    assert.deepEqual(listAt(empty, "data", "spans"), []);
    google.objects.set("traces/a/traces.json", new TextEncoder().encode('{"spans": []}'));
    const tools = toolsWith(env);
    await tools.ok("get_trace", ask);
    const issued = google.issued();
    google.answer = () => refuseRead(401, "Invalid Credentials", "authError");
    assert.equal((await tools.fails("get_trace", ask)).error, "unauthorized");
    google.answer = undefined;
    await tools.ok("get_trace", ask);
    assert.equal(google.issued(), issued + 1);
    const tokens = [
      ["Invalid JWT: Token must be in a reasonable timeframe. Check your iat", /clock/],
      ["Invalid JWT Signature. canary", /Check GOOGLE_APPLICATION_CREDENTIALS/],
    ] as const;
    for (const [error_description, hint] of tokens) {
      google.refuseTokens = () =>
        Response.json({ error: "invalid_grant", error_description }, { status: 400 });
      const failure = await toolsWith(env).fails("get_trace", ask);
      assert.equal(failure.error, "unauthorized");
      assert.match(String(failure.hint), hint);
      assert.doesNotMatch(JSON.stringify(failure), /canary/);
    }
  }));

Deno.test("google: a key file that is missing, of another kind or damaged is reported, without the key", () =>
  withGoogle(async (google, file) => {
    await using tracking = serveTrace("gs://traces/a");
    const read = (credentials: string) =>
      toolsWith({
        MLFLOW_TRACKING_URI: tracking.url,
        WANDFLOW_ARTIFACT_STORES: "gs://traces",
        STORAGE_EMULATOR_HOST: google.url,
        GOOGLE_APPLICATION_CREDENTIALS: credentials,
      }).fails("get_trace", { trace_id: TRACE, extract_fields: NAMES });
    const missing = await read(`${file}.gone`);
    assert.match(missing.message, /cannot be read/);
    const contents = [
      [JSON.stringify({ type: "authorized_user", refresh_token: "canary" }), /service_account/],
      ["canary", /service_account/],
      [google.keyFile.replace(/PRIVATE KEY-----\\n.{80}/, "PRIVATE KEY-----\\ncanary"), /PKCS #8/],
    ] as const;
    for (const [content, hint] of contents) {
      await Deno.writeTextFile(file, content);
      const failure = await read(file);
      assert.equal(failure.error, "unauthorized");
      assert.match(String(failure.hint), hint);
      assert.match(String(failure.hint), /GOOGLE_APPLICATION_CREDENTIALS/);
      assert.doesNotMatch(JSON.stringify(failure), /canary|MII/);
    }
  }));
