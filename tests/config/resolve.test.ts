import assert from "node:assert/strict";
import fc from "fast-check";
import { resolveSettings, settingKeys } from "../../src/config/resolve.ts";
import type { Setting } from "../../src/config/setting.ts";
import { environmentNames, SETTINGS } from "../../src/config/settings.ts";
import { AWS_SETTINGS, AZURE_SETTINGS, GOOGLE_SETTINGS } from "../../src/config/settings/clouds.ts";
import { DATABRICKS_SETTINGS } from "../../src/config/settings/databricks.ts";
import { MLFLOW_SETTINGS } from "../../src/config/settings/mlflow.ts";
import { SERVER_SETTINGS } from "../../src/config/settings/server.ts";
import { TOOLS_SETTINGS } from "../../src/config/settings/tools.ts";
import { WANDB_SETTINGS } from "../../src/config/settings/wandb.ts";

function resolve(env: Record<string, string>, flags: Record<string, string | boolean> = {}) {
  return resolveSettings(new Map(Object.entries(flags)), (name) => env[name]);
}

Deno.test("a flag wins over the environment, the environment over the default", () => {
  const env = { MLFLOW_TRACKING_URI: "http://env:5000", WANDFLOW_PORT: "9001" };
  assert.equal(resolve({}).settings.port, 8080);
  assert.equal(resolve(env).settings.port, 9001);
  assert.equal(resolve(env, { port: "9002" }).settings.port, 9002);
  assert.equal(resolve(env).settings.trackingUri, "http://env:5000");
  assert.equal(
    resolve(env, { "tracking-uri": "http://flag" }).settings.trackingUri,
    "http://flag",
  );
  assert.equal(resolve({}).settings.trackingUri, undefined);
});

Deno.test("an empty value counts as not set, and the next source is used", () => {
  const { settings, notes, errors } = resolve(
    { MLFLOW_TRACKING_URI: "http://env:5000", WANDFLOW_PORT: "  ", MAX_RESPONSE_TOKENS: "" },
    { "tracking-uri": "" },
  );
  assert.equal(settings.trackingUri, "http://env:5000");
  assert.equal(settings.port, 8080);
  assert.equal(settings.maxResponseTokens, undefined);
  assert.deepEqual([notes, errors], [[], []]);
});

Deno.test("a leftover placeholder counts as not set, and is reported", () => {
  for (
    const text of [
      "${MLFLOW_TRACKING_URI}",
      "${env:MLFLOW_TRACKING_URI}",
      "${input:uri}",
      "$MLFLOW_TRACKING_URI",
      "<MLFLOW_TRACKING_URI>",
      "<your tracking server>",
      "your-tracking-server",
      "https://${HOST}:5000/mlflow",
      "https://<host>:5000",
    ]
  ) {
    const { settings, notes } = resolve({ MLFLOW_TRACKING_URI: text });
    assert.equal(settings.trackingUri, undefined, text);
    assert.equal(notes.length, 1, text);
    assert.equal(notes[0]?.source, "MLFLOW_TRACKING_URI");
    assert.match(notes[0]?.message ?? "", /^MLFLOW_TRACKING_URI is treated as not set: it/);
  }
  assert.equal(resolve({ MLFLOW_TRACKING_URI: "http://a/$b" }).settings.trackingUri, "http://a/$b");
});

Deno.test("quotation marks that an env file kept are taken off, but not of a secret, and reported", () => {
  for (const [text, uri] of [['"http://a:5000"', "http://a:5000"], ["' b '", "b"]] as const) {
    const { settings, notes } = resolve({ MLFLOW_TRACKING_URI: text });
    assert.equal(settings.trackingUri, uri);
    assert.match(notes[0]?.message ?? "", /^MLFLOW_TRACKING_URI is read without the quotation/);
  }
  assert.deepEqual(resolve({ WANDFLOW_TOOLS: '"get_trace, search_traces"' }).settings.tools, [
    "get_trace",
    "search_traces",
  ]);
  assert.equal(resolve({ WANDFLOW_READ_ONLY: '"true"' }).settings.readOnly, true);
  for (const text of ['""', "' '"]) {
    const { settings, notes } = resolve({ MLFLOW_TRACKING_URI: text, WANDB_API_KEY: text });
    assert.deepEqual([settings.trackingUri, settings.wandbApiKey, notes], [
      undefined,
      undefined,
      [],
    ]);
  }
  const secret = resolve({ WANDB_API_KEY: '"canary"' });
  assert.equal(secret.settings.wandbApiKey, '"canary"');
  assert.match(secret.notes[0]?.message ?? "", /^WANDB_API_KEY begins and ends with quotation/);
  assert.doesNotMatch(JSON.stringify(secret.notes), /canary/);
  for (const text of ['"', "\"a'", 'a"b"']) {
    assert.equal(resolve({ MLFLOW_TRACKING_URI: text }).settings.trackingUri, text);
  }
});

Deno.test("a leftover placeholder in a setting that removes tools is an error", () => {
  const narrowing = ["TOOLSETS", "TOOLS", "EXCLUDE_TOOLS", "READ_ONLY"];
  for (const name of narrowing.map((one) => `WANDFLOW_${one}`)) {
    for (const text of [`\${${name}}`, "${user_config.narrow}", `<${name}>`]) {
      const { errors } = resolve({ [name]: text });
      assert.equal(errors.length, 1, `${name}=${text}`);
      assert.ok(errors[0]?.startsWith(`${name}: it is the`), errors[0]);
    }
    assert.deepEqual(resolve({ [name]: " " }).errors, []);
  }
  assert.equal(resolve({ WANDFLOW_TRUST_CONFIRM: "${TRUST}" }).settings.trustConfirm, false);
});

Deno.test("a secret may look like a variable; it is never quoted", () => {
  const odd = resolve({ MLFLOW_TRACKING_PASSWORD: "$ecretCanary", MLFLOW_TRACKING_TOKEN: "<pw>" });
  assert.equal(odd.settings.trackingPassword, "$ecretCanary");
  assert.equal(odd.settings.trackingToken, "<pw>");
  const left = resolve({
    MLFLOW_TRACKING_PASSWORD: "${canaryName}",
    MLFLOW_TRACKING_TOKEN: "$MLFLOW_TRACKING_TOKEN",
    WANDB_API_KEY: "<your-api-key>",
  });
  assert.equal(left.settings.trackingPassword, undefined);
  assert.equal(left.settings.trackingToken, undefined);
  assert.equal(left.settings.wandbApiKey, undefined);
  assert.equal(left.notes.length, 3);
  assert.doesNotMatch(JSON.stringify(left.notes), /canaryName|your-api-key/);
});

Deno.test("booleans, numbers, choices and lists are read and bounded", () => {
  for (const yes of ["1", "true", "TRUE", "yes", "on", " true "]) {
    assert.equal(resolve({ WANDFLOW_READ_ONLY: yes }).settings.readOnly, true, yes);
  }
  for (const no of ["0", "false", "No", "off"]) {
    assert.equal(resolve({ WANDFLOW_READ_ONLY: no }, {}).settings.readOnly, false, no);
  }
  assert.equal(
    resolve({ WANDFLOW_READ_ONLY: "1" }, { "read-only": false }).settings.readOnly,
    false,
  );
  assert.equal(resolve({ MCP_SERVER_LOG_LEVEL: "debug" }).settings.logLevel, "DEBUG");
  assert.equal(resolve({ MLFLOW_HTTP_REQUEST_TIMEOUT: "0.5" }).settings.requestTimeout, 0.5);
  assert.deepEqual(resolve({ WANDFLOW_TOOLS: " a, b ,,c" }).settings.tools, ["a", "b", "c"]);
  assert.equal(resolve({ MAX_RESPONSE_TOKENS: "1" }).settings.maxResponseTokens, 1);
});

Deno.test("an invalid value is an error that says why", () => {
  const cases: readonly [Record<string, string>, RegExp][] = [
    [{ WANDFLOW_READ_ONLY: "maybe" }, /^WANDFLOW_READ_ONLY: "maybe" is neither true nor false\.$/],
    [{ MAX_RESPONSE_TOKENS: "0" }, /^MAX_RESPONSE_TOKENS: 0 is below 1\.$/],
    [{ MAX_RESPONSE_TOKENS: "1.5" }, /"1\.5" is not a whole number/],
    [{ MAX_RESPONSE_TOKENS: "many" }, /"many" is not a number/],
    [{ MAX_RESPONSE_TOKENS: "Infinity" }, /"Infinity" is not a number/],
    [{ WANDFLOW_PORT: "65536" }, /65536 is above 65535/],
    [{ WANDFLOW_PORT: "-1" }, /-1 is below 0/],
    [{ WANDFLOW_TRANSPORT: "htp" }, /"htp" is not stdio or http\.$/],
  ];
  for (const [env, expected] of cases) {
    const { errors } = resolve(env);
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", expected);
  }
});

Deno.test("any text for any setting gives a value of its type, a note or an error", () => {
  const settings = settingKeys().map((key): [typeof key, Setting] => [key, SETTINGS[key]]);
  fc.assert(fc.property(fc.constantFrom(...settings), fc.string(), ([key, setting], text) => {
    const [name = ""] = setting.env;
    const { settings: all, errors } = resolve({ [name]: text });
    const value = all[key];
    if (errors.length > 0 || value === setting.default) return;
    switch (setting.type) {
      case "boolean":
        return assert.equal(typeof value, "boolean");
      case "integer":
        return assert.ok(Number.isInteger(value) && Number(value) >= (setting.min ?? -Infinity));
      case "choice":
        return assert.ok(setting.choices?.includes(String(value)));
    }
  }));
});

Deno.test("no setting is declared twice", () => {
  const parts = [
    MLFLOW_SETTINGS,
    DATABRICKS_SETTINGS,
    AWS_SETTINGS,
    AZURE_SETTINGS,
    GOOGLE_SETTINGS,
    WANDB_SETTINGS,
    TOOLS_SETTINGS,
    SERVER_SETTINGS,
  ];
  assert.deepEqual(parts.flatMap((part) => Object.keys(part)), settingKeys());
});

Deno.test("every setting has its own variables and flag, secrets have no flag", () => {
  const all = Object.values<Setting>(SETTINGS);
  const variables = all.flatMap(({ env }) => env);
  const flags = all.flatMap(({ flag }) => flag ?? []);
  assert.equal(new Set(variables).size, variables.length);
  assert.equal(new Set(flags).size, flags.length);
  assert.deepEqual(all.filter((one) => one.secret === true && one.flag !== undefined), []);
  assert.ok(all.every(({ env }) => env.length > 0));
  assert.ok(variables.every((name) => environmentNames().includes(name)));
  const secretive = all.filter(({ env }) =>
    env.some((name) => /PASSWORD|TOKEN$|API_KEY/.test(name))
  );
  assert.ok(
    secretive.filter(({ type }) => type === "string").every(({ secret }) => secret === true),
  );
});
