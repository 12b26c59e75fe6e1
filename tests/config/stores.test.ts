/** Object stores: what each lets the server reach, and what is missing. */
import assert from "node:assert/strict";
import { computeAccess } from "../../src/config/access.ts";
import { findAzureAccount, readAzureLocation } from "../../src/config/clouds.ts";
import { resolveSettings } from "../../src/config/resolve.ts";

const WASBS = "wasbs://box@account.blob.core.windows.net";
const ABFSS = "abfss://box@account.dfs.core.usgovcloudapi.net/traces";
const PRINCIPAL = { AZURE_TENANT_ID: "t", AZURE_CLIENT_ID: "c", AZURE_CLIENT_SECRET: "canary" };
const KEY = btoa("canary");

function reach(env: Record<string, string>) {
  const { settings, errors } = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(errors, []);
  return { settings, access: computeAccess(settings, "/home/ann", false) };
}

Deno.test("stores: each kind of credentials admits its hosts, and says why", () => {
  const account = "account.blob.core.windows.net:443";
  const entra = {
    "login.microsoftonline.com:443": "AZURE_CLIENT_ID: Microsoft Entra issues its tokens",
  };
  const stores = "--artifact-stores";
  const google = {
    "storage.googleapis.com:443": stores,
    "oauth2.googleapis.com:443": "GOOGLE_APPLICATION_CREDENTIALS: Google issues its tokens",
    "/k.json": "GOOGLE_APPLICATION_CREDENTIALS",
  };
  const cases: [Record<string, string>, Record<string, string>][] = [
    [{ WANDFLOW_ARTIFACT_STORES: WASBS, AZURE_STORAGE_ACCESS_KEY: KEY }, { [account]: stores }],
    [{ WANDFLOW_ARTIFACT_STORES: WASBS, AZURE_STORAGE_SAS_TOKEN: "sig=c" }, { [account]: stores }],
    [{ WANDFLOW_ARTIFACT_STORES: WASBS, ...PRINCIPAL }, { [account]: stores, ...entra }],
    [
      { WANDFLOW_ARTIFACT_STORES: ABFSS, ...PRINCIPAL, AZURE_AUTHORITY_HOST: "login.example.com" },
      {
        "account.dfs.core.usgovcloudapi.net:443": stores,
        "login.example.com:443": entra["login.microsoftonline.com:443"],
      },
    ],
    [
      {
        WANDFLOW_ARTIFACT_STORES: WASBS,
        AZURE_STORAGE_CONNECTION_STRING:
          `AccountName=other;AccountKey=${KEY};EndpointSuffix=core.chinacloudapi.cn`,
      },
      { "other.blob.core.chinacloudapi.cn:443": stores },
    ],
    [{ WANDFLOW_ARTIFACT_STORES: "gs://b", GOOGLE_APPLICATION_CREDENTIALS: "/k.json" }, google],
    [
      { WANDFLOW_ARTIFACT_STORES: "gs://b", STORAGE_EMULATOR_HOST: "http://127.0.0.1:4443" },
      { "127.0.0.1:4443": stores },
    ],
    // Credentials alone open nothing.
    [
      { AZURE_STORAGE_ACCESS_KEY: KEY, ...PRINCIPAL, GOOGLE_APPLICATION_CREDENTIALS: "/k.json" },
      {},
    ],
  ];
  for (const [env, why] of cases) {
    const { access } = reach(env);
    assert.deepEqual(access.errors, [], JSON.stringify(env));
    assert.deepEqual(access.why, why);
  }
});

Deno.test("stores: missing or wrong settings are named before anything starts, without secrets", () => {
  const cases = [
    [
      WASBS,
      {},
      /no credentials for Azure storage: set AZURE_STORAGE_CONNECTION_STRING.*always den/,
    ],
    [
      WASBS,
      { AZURE_STORAGE_ACCESS_KEY: "canary!" },
      /AZURE_STORAGE_ACCESS_KEY is not a storage account key/,
    ],
    [
      WASBS,
      { AZURE_STORAGE_CONNECTION_STRING: "AccountName=a;AccountKey=canary!" },
      /AccountKey in AZURE_STORAGE_CONNECTION_STRING/,
    ],
    [WASBS, { ...PRINCIPAL, AZURE_AUTHORITY_HOST: "ftp://x" }, /AZURE_AUTHORITY_HOST/],
    ["gs://b", {}, /set GOOGLE_APPLICATION_CREDENTIALS.*always denied/],
    ["gs://b", { STORAGE_EMULATOR_HOST: "ftp://x" }, /STORAGE_EMULATOR_HOST/],
    ["wasbs://account.blob.core.windows.net", {}, /wasbs:\/\/container@account/],
    ["hdfs://b", {}, /not a place in an object store/],
  ] as const;
  for (const [store, env, expected] of cases) {
    const { errors } = reach({ WANDFLOW_ARTIFACT_STORES: store, ...env }).access;
    assert.equal(errors.length, 1, JSON.stringify(errors));
    assert.match(errors.join(), expected);
    assert.doesNotMatch(errors.join(), /canary/);
  }
});

Deno.test("stores: Azure's credentials are taken in MLflow's order, its locations read as it does", () => {
  const kind = (env: Record<string, string>) => {
    const { settings } = reach(env);
    const account = findAzureAccount(settings, { host: "account.blob.core.windows.net" });
    return typeof account === "string" ? account : account.login.kind;
  };
  const key = { ...PRINCIPAL, AZURE_STORAGE_SAS_TOKEN: "sig=c", AZURE_STORAGE_ACCESS_KEY: KEY };
  assert.equal(kind(key), "key");
  assert.equal(
    kind({ ...key, AZURE_STORAGE_CONNECTION_STRING: "SharedAccessSignature=?sig=c" }),
    "sas",
  );
  assert.equal(kind(PRINCIPAL), "entra");
  const locations = [
    [`${WASBS}/a%20b/c`, ["a%20b", "c"]],
    [`${ABFSS}/a%20b/%`, ["traces", "a b", "%"]],
    [WASBS, []],
  ] as const;
  for (const [location, segments] of locations) {
    assert.deepEqual(readAzureLocation(location)?.segments, segments);
  }
});
