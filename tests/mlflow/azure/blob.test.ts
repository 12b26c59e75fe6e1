/** Spans that MLflow 3.4 put into Azure storage and its server cannot serve. */
import assert from "node:assert/strict";
import { certificate } from "../../http/certificate.ts";
import { shared } from "../../support/backend.ts";
import { startEntra } from "../../support/databricks/entra.ts";
import { mlflow34 } from "../../support/mlflow/backends.ts";
import { startAzurite } from "../../support/stores/azurite.ts";
import { serveTrace, TRACE } from "../../support/stores/tracking.ts";
import { writeTrace } from "../../support/stores/write.ts";
import { listAt, toolsWith } from "../harness.ts";

const ACCOUNT = "traces.blob.core.windows.net";
const STORE = `wasbs://traces@${ACCOUNT}`;
const NAMES = "data.spans.*.name";
const SPANS = [{ name: "agent" }, { name: "look up" }];

Deno.test("azure: spans that MLflow wrote are read by connection string, with a key or a signature", async () => {
  await using azurite = await startAzurite();
  const { connectionString, endpoint } = azurite;
  const server = await shared(mlflow34);
  const experiment = `in Azure ${crypto.randomUUID()}`;
  const trace_id = await writeTrace(server.uri, experiment, `${STORE}/some where/ä+1`, {
    AZURE_STORAGE_CONNECTION_STRING: connectionString,
  });
  const ask = { trace_id, extract_fields: NAMES };
  const env = { MLFLOW_TRACKING_URI: server.uri, WANDFLOW_ARTIFACT_STORES: STORE };
  const read = async (connection: string) => {
    const tools = toolsWith({ ...env, AZURE_STORAGE_CONNECTION_STRING: connection });
    return listAt(await tools.ok("get_trace", ask), "data", "spans");
  };
  const fail = async (connection: string) => {
    const failure = await toolsWith({ ...env, AZURE_STORAGE_CONNECTION_STRING: connection })
      .fails("get_trace", ask);
    assert.doesNotMatch(JSON.stringify(failure), /canary|sig=|Y2FuYXJ5/);
    return failure;
  };
  const without = await toolsWith({ MLFLOW_TRACKING_URI: server.uri }).fails("get_trace", ask);
  assert.match(String(without.hint), new RegExp(`--artifact-stores ${STORE}`));

  assert.deepEqual(await read(connectionString), SPANS);
  const found = await toolsWith({ ...env, AZURE_STORAGE_CONNECTION_STRING: connectionString })
    .ok("search_traces", { experiment_id: experiment, extract_fields: NAMES });
  assert.deepEqual(listAt(found, "traces", 0, "data", "spans"), SPANS);

  const signed = async (minutes: number) =>
    `BlobEndpoint=${endpoint};SharedAccessSignature=${await azurite.sign("traces", minutes)}`;
  assert.deepEqual(await read(await signed(10)), SPANS);
  const expired = await fail(await signed(-10));
  assert.ok(["unauthorized", "forbidden"].includes(expired.error));
  assert.match(String(expired.hint), /AZURE_STORAGE_CONNECTION_STRING/);
  const wrong = await fail(
    connectionString.replace(azurite.key, btoa("canary of another account")),
  );
  assert.equal(wrong.error, "unauthorized");
  assert.match(String(wrong.hint), /AZURE_STORAGE_CONNECTION_STRING/);
});

Deno.test("azure: a service principal reads with tokens of Entra, of which one serves many reads", async () => {
  const made = await certificate({ name: "azurite", hosts: ["127.0.0.1"] });
  const dir = await Deno.makeTempDir({ prefix: "wandflow-azure-" });
  const [cert, key] = [`${dir}/cert.pem`, `${dir}/key.pem`];
  await Promise.all([Deno.writeTextFile(cert, made.cert), Deno.writeTextFile(key, made.key)]);
  const entra = startEntra();
  await using azurite = await startAzurite({ cert, key });
  const place = "abfss://traces@account.dfs.core.windows.net/a";
  await using tracking = serveTrace(`${place}%20b/ü~+1`);
  try {
    const file = new TextEncoder().encode(JSON.stringify({ spans: SPANS }));
    await azurite.put("traces", "a b/ü~+1/traces.json", file);
    const env = {
      MLFLOW_TRACKING_URI: tracking.url,
      MLFLOW_TRACKING_SERVER_CERT_PATH: cert,
      WANDFLOW_ARTIFACT_STORES: `${place}%20b`,
      AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${azurite.endpoint}`,
      AZURE_TENANT_ID: entra.tenant,
      AZURE_CLIENT_ID: entra.client.id,
      AZURE_CLIENT_SECRET: entra.client.secret,
      AZURE_AUTHORITY_HOST: entra.url,
    };
    const ask = { trace_id: TRACE, extract_fields: NAMES };
    const tools = toolsWith(env);
    for (let turn = 0; turn < 2; turn++) {
      assert.deepEqual(listAt(await tools.ok("get_trace", ask), "data", "spans"), SPANS);
    }
    assert.deepEqual(entra.asked, ["https://storage.azure.com/"]);
    const wrong = await toolsWith({ ...env, AZURE_CLIENT_SECRET: "canary wrong" })
      .fails("get_trace", ask);
    assert.equal(wrong.error, "unauthorized");
    assert.match(String(wrong.hint), /AZURE_CLIENT_SECRET/);
    assert.match(wrong.message, /AADSTS7000222/);
    assert.doesNotMatch(JSON.stringify(wrong), /canary/);
  } finally {
    await entra.stop();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("azure: what the store refuses names the variable; a missing file is a trace without spans", async () => {
  const xml = (code: string, message = "") =>
    `\ufeff<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  const clock =
    "<AuthenticationErrorDetail>Request date header too old</AuthenticationErrorDetail>";
  const unknown = "Server failed to authenticate the request. canary signature";
  const late = "Signature not valid in the specified time frame";
  const key = `AccountName=traces;AccountKey=${btoa("canary")}`;
  const sas = "SharedAccessSignature=sv=2024&sig=canary";
  const cases = [
    [key, 403, xml("AuthenticationFailed", unknown) + clock, "unauthorized", /clock/],
    [key, 403, xml("AuthenticationFailed", unknown), "unauthorized", /_CONNECTION_STRING: of this/],
    [sas, 403, xml("AuthenticationFailed", `${unknown} ${late}`), "unauthorized", /Renew AZURE_ST/],
    [sas, 403, xml("AuthorizationPermissionMismatch"), "forbidden", /lacks the permission/],
    [sas, 403, xml("AuthorizationSourceIPMismatch"), "forbidden", /limited to other addresses/],
    [key, 403, xml("KeyBasedAuthenticationNotPermitted"), "forbidden", /AZURE_CLIENT_SECRET/],
    [key, 404, xml("ContainerNotFound"), "upstream_error", /container was not deleted/],
  ] as const;
  const start = (login: string, answer: () => Response) => {
    const server = serveTrace(
      `${STORE}/a b/ü~+1`,
      (request) => new URL(request.url).pathname.startsWith("/traces/") ? answer() : undefined,
    );
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: server.url,
      WANDFLOW_ARTIFACT_STORES: STORE,
      AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${server.url};${login}`,
    });
    return { tools, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };
  const ask = { trace_id: TRACE, extract_fields: NAMES };
  for (const [login, status, body, code, hint] of cases) {
    await using azure = start(login, () => new Response(body, { status }));
    const failure = await azure.tools.fails("get_trace", ask);
    assert.equal(failure.error, code, body);
    assert.match(String(failure.hint), hint);
    assert.doesNotMatch(JSON.stringify(failure), /canary/);
  }
  await using azure = start(key, () => new Response(xml("BlobNotFound"), { status: 404 }));
  assert.deepEqual(listAt(await azure.tools.ok("get_trace", ask), "data", "spans"), []);
});
