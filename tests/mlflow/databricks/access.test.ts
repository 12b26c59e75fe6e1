/** Logging in to a Databricks workspace, through the tools. */
import assert from "node:assert/strict";
import { accessWorkspace } from "../../../src/mlflow/databricks/access.ts";
import { keptLog } from "../../mcp/support.ts";
import { startDatabricks, type Workspace } from "../../support/databricks/server.ts";
import { toolsWith } from "../harness.ts";

const ASK = { trace_id: "tr-1", extract_fields: "info.state" };

function startWithTrace(options: Parameters<typeof startDatabricks>[0] = {}): Workspace {
  const workspace = startDatabricks(options);
  workspace.add({ location: "7001", id: "tr-1" });
  return workspace;
}

const base = ({ url }: Workspace) => ({ MLFLOW_TRACKING_URI: "databricks", DATABRICKS_HOST: url });
const oauth = (workspace: Workspace) => ({
  ...base(workspace),
  DATABRICKS_CLIENT_ID: workspace.client.id,
  DATABRICKS_CLIENT_SECRET: workspace.client.secret,
});
const entra = (workspace: Workspace) => ({
  ...base(workspace),
  ARM_TENANT_ID: workspace.entra.tenant,
  ARM_CLIENT_ID: workspace.entra.client.id,
  ARM_CLIENT_SECRET: workspace.entra.client.secret,
  AZURE_AUTHORITY_HOST: workspace.entra.url,
});
const state = (data: Record<string, unknown>) => JSON.stringify(data.info);

Deno.test("databricks: a workspace with TLS gets no secret if it gives tokens without one", async () => {
  const url = new URL("https://workspace.example:443");
  const sent: string[] = [];
  const access = accessWorkspace(
    { url, id: undefined, login: { kind: "oauth-m2m", clientId: "id", clientSecret: "canary" } },
    (to) => {
      sent.push(to.href);
      return Promise.resolve(
        Response.json({ token_endpoint: "http://workspace.example:443/token" }),
      );
    },
    keptLog().log,
  );
  await assert.rejects(access.headers(), /issues tokens without TLS/);
  assert.deepEqual(sent, ["https://workspace.example/oidc/.well-known/oauth-authorization-server"]);
});

Deno.test("databricks: sends the token, and the organisation if configured", async () => {
  await using workspace = startWithTrace();
  const env = { ...base(workspace), DATABRICKS_TOKEN: workspace.token };
  assert.equal(state(await toolsWith(env).ok("get_trace", ASK)), '{"state":"OK"}');
  const several = toolsWith({ ...env, DATABRICKS_HOST: `${workspace.url}/?o=4242` });
  await several.ok("get_trace", ASK);
  assert.deepEqual(
    workspace.requests.map(({ headers }) => headers.get("x-databricks-org-id")),
    [null, "4242"],
  );
});

Deno.test("databricks: client credentials give one token for many calls, and a new one after a refusal", async () => {
  await using workspace = startWithTrace();
  const tools = toolsWith(oauth(workspace));
  await Promise.all(Array.from({ length: 12 }, () => tools.ok("get_trace", ASK)));
  assert.equal(workspace.issued(), 1);
  workspace.revoke();
  const refused = await tools.fails("get_trace", ASK);
  assert.equal(refused.error, "unauthorized");
  assert.match(String(refused.hint), /DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET/);
  assert.doesNotMatch(JSON.stringify(refused), /canary/);
  assert.equal(state(await tools.ok("get_trace", ASK)), '{"state":"OK"}');
  assert.equal(workspace.issued(), 2);
});

Deno.test("databricks: wrong credentials of each kind name their variables and no secret", async () => {
  await using workspace = startWithTrace();
  const wrong = "wrong-canary-1234";
  const cases = [
    [{ ...base(workspace), DATABRICKS_TOKEN: wrong }, /DATABRICKS_TOKEN/],
    [{ ...oauth(workspace), DATABRICKS_CLIENT_SECRET: wrong }, /DATABRICKS_CLIENT_SECRET/],
    [{ ...entra(workspace), ARM_CLIENT_SECRET: wrong }, /ARM_CLIENT_SECRET/],
  ] as const;
  for (const [env, variable] of cases) {
    const failure = await toolsWith(env).fails("get_trace", ASK);
    assert.deepEqual([failure.error, failure.retryable], ["unauthorized", false]);
    assert.match(String(failure.hint), variable);
    assert.doesNotMatch(JSON.stringify(failure), /canary/);
  }
});

Deno.test("databricks: an Entra principal's token is accepted; Azure's management token is sent only if asked for", async () => {
  await using workspace = startWithTrace();
  const tools = toolsWith(entra(workspace));
  assert.equal(state(await tools.ok("get_trace", ASK)), '{"state":"OK"}');
  assert.deepEqual(workspace.entra.asked, ["2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"]);
  const resource = "/subscriptions/1/resourceGroups/2/providers/Microsoft.Databricks/workspaces/3";
  await toolsWith({ ...entra(workspace), DATABRICKS_AZURE_RESOURCE_ID: resource })
    .ok("get_trace", ASK);
  assert.equal(workspace.entra.asked.at(-1), "https://management.core.windows.net/");
  const headers = workspace.requests.at(-1)?.headers;
  assert.equal(headers?.get("x-databricks-azure-workspace-resource-id"), resource);
  assert.match(headers?.get("x-databricks-azure-sp-management-token") ?? "", /^entra-token-/);
  const expired = toolsWith({ ...entra(workspace), ARM_CLIENT_SECRET: "old" });
  const { message } = await expired.fails("get_trace", ASK);
  assert.match(message, /Microsoft Entra refused .*invalid_client, AADSTS7000222/);
});

Deno.test("databricks: a caller with credentials does not use the server's", async () => {
  await using workspace = startWithTrace();
  const tools = toolsWith({
    ...entra(workspace),
    DATABRICKS_AZURE_RESOURCE_ID: "/subscriptions/1",
    DATABRICKS_WORKSPACE_ID: "4242",
  });
  const caller = { id: "ann", credentials: { mlflow: `Bearer ${workspace.token}` } };
  const answer = await tools.call("get_trace", ASK, { caller });
  assert.equal(state(answer.data), '{"state":"OK"}');
  const headers = workspace.requests.at(-1)?.headers;
  assert.equal(headers?.get("authorization"), `Bearer ${workspace.token}`);
  assert.equal(headers?.get("x-databricks-org-id"), "4242");
  assert.equal(headers?.get("x-databricks-azure-sp-management-token"), null);
});

Deno.test("databricks: a host that is not a workspace is reported as such", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({}),
  );
  const failure = await toolsWith({
    MLFLOW_TRACKING_URI: "databricks",
    DATABRICKS_HOST: `http://127.0.0.1:${server.addr.port}`,
    DATABRICKS_CLIENT_ID: "a",
    DATABRICKS_CLIENT_SECRET: "b",
  }).fails("get_trace", ASK);
  assert.match(`${failure.message} ${failure.hint}`, /DATABRICKS_HOST/);
});
