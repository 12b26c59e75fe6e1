/** docs/CONNECTING.md: every example is complete, and reaches what the page says. */
import assert from "node:assert/strict";
import { computeAccess } from "../../src/config/access.ts";
import { findWorkspace, isDatabricks } from "../../src/config/databricks.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { environmentNames } from "../../src/config/settings.ts";

const page = await Deno.readTextFile(new URL("../../docs/CONNECTING.md", import.meta.url));
const examples = [...page.matchAll(/```env\n([\s\S]+?)```/g)].map(([, text = ""]) =>
  Object.fromEntries(
    text.trim().split("\n").map((line): [string, string] => {
      const [, name = "", value = ""] = /^([A-Z0-9_]+)=(.+)$/.exec(line) ?? [];
      return [name, value];
    }),
  )
);

/** What each example may reach, in the order of the page. */
const REACHED = [
  ["mlflow.example.com:443"],
  ["mlflow.example.com:443"],
  [],
  ["dbc-1234.cloud.databricks.com:443"],
  ["dbc-1234.cloud.databricks.com:443"],
  ["adb-1234.5.azuredatabricks.net:443", "login.microsoftonline.com:443"],
  [],
  ["dbc-1234.cloud.databricks.com:443", "storage-bucket.s3.eu-west-1.amazonaws.com:443"],
  ["abc123.execute-api.eu-west-1.amazonaws.com:443"],
  ["abc123.execute-api.eu-west-1.amazonaws.com:443", "sts.eu-west-1.amazonaws.com:443"],
  ["mlflow.example.com:443", "s3.eu-west-1.amazonaws.com:443"],
  ["mlflow.example.com:443", "minio.example.com:443"],
  ["mlflow.example.com:443", "account.blob.core.windows.net:443"],
  ["mlflow.example.com:443", "account.blob.core.windows.net:443"],
  ["mlflow.example.com:443", "account.dfs.core.windows.net:443"],
  [
    "mlflow.example.com:443",
    "account.blob.core.windows.net:443",
    "login.microsoftonline.com:443",
  ],
  ["mlflow.example.com:443", "storage.googleapis.com:443", "oauth2.googleapis.com:443"],
  ["mlflow.example.com:443"],
];

Deno.test("connecting: every example is valid and may reach exactly what it says", () => {
  assert.equal(examples.length, REACHED.length);
  const allowed = new Set(environmentNames());
  examples.forEach((env, index) => {
    for (const name of Object.keys(env)) assert.ok(allowed.has(name), name);
    const { settings, notes, errors } = resolveSettings(new Map(), (name) => env[name]);
    assert.deepEqual([notes, errors], [[], []], JSON.stringify(env));
    const access = computeAccess(settings, "/home/ann", false);
    assert.deepEqual(access.errors, []);
    assert.deepEqual(access.net, REACHED[index], JSON.stringify(env));
    // A profile's workspace is in its file.
    if (isDatabricks(settings.trackingUri) && settings.trackingUri === "databricks") {
      assert.notEqual(typeof findWorkspace(settings), "string");
    }
  });
});

Deno.test("connecting: every variable on the page is read or explained", () => {
  const names = new Set(environmentNames());
  const named = [...page.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)]
    .map(([, name = ""]) => name);
  assert.ok(named.length > 15);
  assert.deepEqual(named.filter((name) => !names.has(name)), []);
});
