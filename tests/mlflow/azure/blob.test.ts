/** Spans that MLflow 3.4 put into Azure storage and its server cannot serve. */
import assert from "node:assert/strict";
import { certificate } from "../../http/certificate.ts";
import { shared } from "../../support/backend.ts";
import { type Entra, startEntra } from "../../support/databricks/entra.ts";
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
  const read = async (connection: string, more = {}) => {
    const tools = toolsWith({ ...env, AZURE_STORAGE_CONNECTION_STRING: connection, ...more });
    return listAt(await tools.ok("get_trace", ask), "data", "spans");
  };
  const fail = async (connection: string, more = {}) => {
    const failure = await toolsWith({
      ...env,
      AZURE_STORAGE_CONNECTION_STRING: connection,
      ...more,
    })
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

  const place = `BlobEndpoint=${endpoint}`;
  const [good, old] = await Promise.all([azurite.sign("traces", 10), azurite.sign("traces", -10)]);
  const sign = (signature: string) => `${place};SharedAccessSignature=${signature}`;
  assert.deepEqual(await read(sign(good)), SPANS);
  // In variables of their own, where the connection string says nothing but where the account is.
  assert.deepEqual(await read(place, { AZURE_STORAGE_ACCESS_KEY: azurite.key }), SPANS);
  for (const signature of [good, `?${good}`]) {
    assert.deepEqual(await read(place, { AZURE_STORAGE_SAS_TOKEN: signature }), SPANS);
  }
  const refused = [
    [{ AZURE_STORAGE_ACCESS_KEY: btoa("canary of another account") }, /AZURE_STORAGE_ACCESS_KEY/],
    [{ AZURE_STORAGE_SAS_TOKEN: old }, /AZURE_STORAGE_SAS_TOKEN/],
  ] as const;
  for (const [more, variable] of refused) {
    assert.match(String((await fail(place, more)).hint), variable);
  }
  const expired = await fail(sign(old));
  assert.ok(["unauthorized", "forbidden"].includes(expired.error));
  assert.match(String(expired.hint), /AZURE_STORAGE_CONNECTION_STRING/);
  const wrong = await fail(
    connectionString.replace(azurite.key, btoa("canary of another account")),
  );
  assert.equal(wrong.error, "unauthorized");
  assert.match(String(wrong.hint), /AZURE_STORAGE_CONNECTION_STRING/);
});

Deno.test("azure: a service principal reads with an Entra token, one for many reads", async () => {
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
      ...principalOf(entra),
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

/** The settings of a service principal that this Entra knows. */
function principalOf({ tenant, client, url }: Entra) {
  return {
    AZURE_TENANT_ID: tenant,
    AZURE_CLIENT_ID: client.id,
    AZURE_CLIENT_SECRET: client.secret,
    AZURE_AUTHORITY_HOST: url,
  };
}

Deno.test("azure: a missing file is a trace without spans", async () => {
  const body = "<Error><Code>BlobNotFound</Code></Error>";
  await using azure = serveTrace(
    `${STORE}/a b/ü~+1`,
    ({ url }) =>
      new URL(url).pathname.startsWith("/traces/")
        ? new Response(body, { status: 404 })
        : undefined,
  );
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: azure.url,
    WANDFLOW_ARTIFACT_STORES: STORE,
    AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${azure.url};AccountName=traces;AccountKey=${
      btoa("canary")
    }`,
  });
  const data = await tools.ok("get_trace", { trace_id: TRACE, extract_fields: NAMES });
  assert.deepEqual(listAt(data, "data", "spans"), []);
});

Deno.test("azure: a refused token is not used again", async () => {
  const entra = startEntra();
  const shown: string[] = [];
  await using azure = serveTrace(`${STORE}/a`, ({ url, headers }) => {
    if (!new URL(url).pathname.startsWith("/traces/")) return undefined;
    shown.push(headers.get("authorization") ?? "");
    return shown.length === 1 ? new Response("", { status: 401 }) : Response.json({ spans: SPANS });
  });
  try {
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: azure.url,
      WANDFLOW_ARTIFACT_STORES: STORE,
      AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${azure.url}`,
      ...principalOf(entra),
    });
    const ask = { trace_id: TRACE, extract_fields: NAMES };
    const refused = await tools.fails("get_trace", ask);
    assert.equal(refused.error, "unauthorized");
    assert.match(String(refused.hint), /AZURE_CLIENT_SECRET/);
    assert.deepEqual(listAt(await tools.ok("get_trace", ask), "data", "spans"), SPANS);
    assert.equal(entra.asked.length, 2);
  } finally {
    await entra.stop();
  }
});
