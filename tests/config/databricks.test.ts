import assert from "node:assert/strict";
import { computeAccess } from "../../src/config/access.ts";
import { listSecrets } from "../../src/config/config.ts";
import { findWorkspace } from "../../src/config/databricks.ts";
import { withDatabricksProfile } from "../../src/config/profiles.ts";
import { resolveSettings } from "../../src/config/resolve.ts";

const HOST = "https://dbc-1.cloud.databricks.com";
const FILE = `
[DEFAULT]
host = ${HOST}
token = dapi-default

; a comment
[team.one]
host      = https://adb-1.2.azuredatabricks.net/?o=77
client_id = principal
client_secret = dose-file

[azure]
host = https://adb-3.4.azuredatabricks.net
azure_tenant_id = tenant
azure_client_id = app
azure_client_secret = azure-file
workspace_id = 12

[broken]
token = dapi-alone

[__settings__]
x = 1
`;

function settingsOf(env: Record<string, string>) {
  const { settings, errors } = resolveSettings(
    new Map(),
    (name) => ({ MLFLOW_TRACKING_URI: "databricks", ...env })[name],
  );
  assert.deepEqual(errors, []);
  return settings;
}

/** What the environment and the file give together; the paths that were read. */
async function locate(env: Record<string, string>, file: string | undefined = FILE) {
  const read: string[] = [];
  const located = await withDatabricksProfile(settingsOf(env), "/home/ann/", (path) => {
    read.push(path);
    if (file === undefined) throw new Deno.errors.NotFound(path);
    return file;
  });
  return { ...located, read, workspace: findWorkspace(located.settings) };
}

const summary = (workspace: ReturnType<typeof findWorkspace>) =>
  typeof workspace === "string"
    ? workspace
    : [workspace.url.href, workspace.login.kind, workspace.id];

Deno.test("databricks: the environment names a workspace, with or without https", async () => {
  for (const host of [HOST, "dbc-1.cloud.databricks.com", `${HOST}/browse?o=123#x`]) {
    const { workspace, read } = await locate({ DATABRICKS_HOST: host, DATABRICKS_TOKEN: "dapi-1" });
    const id = host.includes("o=123") ? "123" : undefined;
    assert.deepEqual(summary(workspace), [`${HOST}/`, "pat", id]);
    assert.deepEqual(read, []);
  }
});

Deno.test("databricks: the profile is that of the address, the variable, or DEFAULT", async () => {
  const azure = ["https://adb-3.4.azuredatabricks.net/", "azure-client-secret", "12"];
  const team = ["https://adb-1.2.azuredatabricks.net/", "oauth-m2m", "77"];
  const cases = [
    [{}, [`${HOST}/`, "pat", undefined]],
    [{ MLFLOW_TRACKING_URI: "databricks://azure" }, azure],
    [{ DATABRICKS_CONFIG_PROFILE: "team.one" }, team],
    [{ MLFLOW_TRACKING_URI: "databricks://azure", DATABRICKS_CONFIG_PROFILE: "team.one" }, azure],
  ] as const;
  for (const [env, expected] of cases) {
    const { workspace, read, errors } = await locate(env);
    assert.deepEqual(errors, []);
    assert.deepEqual(read, ["/home/ann/.databrickscfg"]);
    assert.deepEqual(summary(workspace), expected);
  }
  const other = await locate({ DATABRICKS_CONFIG_FILE: "~/other.cfg" });
  assert.deepEqual(other.read, ["/home/ann/other.cfg"]);
});

Deno.test("databricks: the environment wins over the profile, and each value's source is named", async () => {
  const env = { DATABRICKS_CONFIG_PROFILE: "team.one", DATABRICKS_CLIENT_SECRET: "dose-env" };
  const { settings, sources } = await locate(env);
  assert.equal(settings.databricksClientSecret, "dose-env");
  assert.equal(settings.databricksClientId, "principal");
  const from = 'profile "team.one" of /home/ann/.databrickscfg';
  assert.deepEqual(sources, { databricksHost: from, databricksClientId: from });
});

Deno.test("databricks: secrets of the file are hidden like those of the environment", async () => {
  assert.ok(listSecrets((await locate({})).settings).includes("dapi-default"));
  const team = await locate({ DATABRICKS_CONFIG_PROFILE: "team.one" });
  assert.ok(listSecrets(team.settings).includes("dose-file"));
});

Deno.test("databricks: a profile's credentials never go to another host", async () => {
  const { errors } = await locate({
    DATABRICKS_HOST: "https://elsewhere.example.com",
    DATABRICKS_CONFIG_PROFILE: "team.one",
  });
  assert.match(errors.join(), /DATABRICKS_HOST and .*"team\.one" name different workspaces/);
  // Without a profile the file is not even read.
  const other = { DATABRICKS_HOST: "https://elsewhere.example.com" };
  const { workspace, read } = await locate(other);
  assert.match(String(workspace), /no credentials .*DATABRICKS_TOKEN/);
  assert.deepEqual(read, []);
});

Deno.test("databricks: missing settings are named", async () => {
  const wrong = await locate({ MLFLOW_TRACKING_URI: "databricks://team.on" });
  assert.match(wrong.errors.join(), /no profile "team\.on"/);
  const gone = await locate({ DATABRICKS_CONFIG_PROFILE: "azure" }, "");
  assert.match(gone.errors.join(), /has no profile "azure"/);
  const cases = [
    [{ MLFLOW_TRACKING_URI: "databricks://broken" }, /set DATABRICKS_HOST/],
    [{ MLFLOW_TRACKING_URI: "databricks://scope:prefix" }, /only Databricks itself/],
    [{ DATABRICKS_HOST: HOST, DATABRICKS_CLIENT_ID: "a" }, /DATABRICKS_CLIENT_SECRET is not/],
    [{ DATABRICKS_HOST: HOST, DATABRICKS_CLIENT_SECRET: "a" }, /DATABRICKS_CLIENT_ID is not/],
    [
      { DATABRICKS_HOST: HOST, ARM_CLIENT_ID: "a", ARM_CLIENT_SECRET: "secret-1" },
      /ARM_TENANT_ID is not/,
    ],
    [
      { DATABRICKS_HOST: HOST, DATABRICKS_TOKEN: "t", DATABRICKS_AUTH_TYPE: "databricks-cli" },
      /supports pat, oauth-m2m and azure-client-secret/,
    ],
    [{ DATABRICKS_HOST: "https://u:secret-1@h", DATABRICKS_TOKEN: "t" }, /not the address/],
  ] as const;
  for (const [env, expected] of cases) {
    const { workspace } = await locate(env);
    assert.match(String(workspace), expected);
    assert.doesNotMatch(String(workspace), /secret-1/);
  }
});

Deno.test("databricks: the kind of login is chosen by DATABRICKS_AUTH_TYPE, else a token first", async () => {
  const all = {
    DATABRICKS_HOST: HOST,
    DATABRICKS_TOKEN: "t",
    DATABRICKS_CLIENT_ID: "a",
    DATABRICKS_CLIENT_SECRET: "b",
    ARM_TENANT_ID: "c",
    ARM_CLIENT_ID: "d",
    ARM_CLIENT_SECRET: "e",
  };
  for (const kind of [undefined, "pat", "oauth-m2m", "azure-client-secret"]) {
    const env = kind === undefined ? all : { ...all, DATABRICKS_AUTH_TYPE: kind };
    const { workspace } = await locate(env);
    assert.deepEqual(summary(workspace), [`${HOST}/`, kind ?? "pat", undefined]);
  }
});

Deno.test("databricks: only the workspace may be reached, and Entra if it issues the token", async () => {
  const token = settingsOf({ DATABRICKS_HOST: HOST, DATABRICKS_TOKEN: "t" });
  const plain = computeAccess(token, "/home/ann", false);
  assert.deepEqual(plain.net, ["dbc-1.cloud.databricks.com:443"]);
  assert.deepEqual(plain.read, []);
  assert.deepEqual(plain.why, { "dbc-1.cloud.databricks.com:443": "DATABRICKS_HOST" });
  const { settings } = await locate({ MLFLOW_TRACKING_URI: "databricks://azure" });
  const entra = computeAccess(settings, "/home/ann", false);
  assert.deepEqual(entra.why, {
    "adb-3.4.azuredatabricks.net:443": 'the Databricks profile "azure"',
    "login.microsoftonline.com:443": "ARM_CLIENT_ID: Microsoft Entra issues its tokens",
  });
  const cloud = computeAccess({ ...settings, armEnvironment: "USGovernment" }, "/home/ann", false);
  assert.ok(cloud.net.includes("login.microsoftonline.us:443"));
  // Without a complete login, or another tracking URI, none of it.
  assert.deepEqual(
    computeAccess(settingsOf({ DATABRICKS_HOST: HOST }), "/home/ann", false).net,
    [],
  );
  const elsewhere = { ...token, trackingUri: "http://localhost:5000" };
  assert.deepEqual(computeAccess(elsewhere, undefined, false).net, ["localhost:5000"]);
});

Deno.test("databricks: metadata services are refused as Entra's address too", () => {
  const { errors } = computeAccess(
    settingsOf({
      DATABRICKS_HOST: HOST,
      ARM_TENANT_ID: "a",
      ARM_CLIENT_ID: "b",
      ARM_CLIENT_SECRET: "c",
      AZURE_AUTHORITY_HOST: "http://169.254.169.254",
    }),
    undefined,
    false,
  );
  assert.match(errors.join(), /169\.254\.169\.254.* is never contacted/);
});
