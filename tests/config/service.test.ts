/** What a server for many callers is refused for before it starts. */
import assert from "node:assert/strict";
import { computeAccess } from "../../src/config/access.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { findServiceProblems, withAuth } from "../../src/config/service.ts";

function settingsOf(env: Readonly<Record<string, string>>) {
  const { settings, errors } = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(errors, []);
  return settings;
}

const problems = (env: Readonly<Record<string, string>>) => findServiceProblems(settingsOf(env));

const BEYOND = { WANDFLOW_HOST: "0.0.0.0" };
const NAMED = { WANDFLOW_ALLOWED_HOSTS: "wandflow.example.com" };

Deno.test("listening beyond loopback needs authentication and a list of host names", () => {
  const [who, names, ...rest] = problems(BEYOND);
  assert.match(who ?? "", /anyone who can reach it could call.*--auth token/);
  assert.match(names ?? "", /without --allowed-hosts/);
  assert.deepEqual(rest, []);
  assert.equal(problems({ ...BEYOND, ...NAMED }).length, 1);
  assert.equal(problems({ ...BEYOND, WANDFLOW_AUTH: "passthrough" }).length, 1);
  assert.deepEqual(problems({ ...BEYOND, ...NAMED, WANDFLOW_AUTH: "passthrough" }), []);
  for (const host of ["192.168.0.1", "::", "example.com", "169.254.1.1"]) {
    assert.equal(problems({ WANDFLOW_HOST: host }).length, 2, host);
  }
  for (const host of ["127.0.0.1", "::1", "localhost"]) {
    assert.deepEqual(problems({ WANDFLOW_HOST: host }), [], host);
  }
});

Deno.test("token authentication needs its file, and may read only that", () => {
  assert.match(problems({ WANDFLOW_AUTH: "token" })[0] ?? "", /needs --tokens-file/);
  const env = { WANDFLOW_AUTH: "token", WANDFLOW_TOKENS_FILE: "/etc/tokens" };
  assert.deepEqual(problems(env), []);
  assert.deepEqual(computeAccess(settingsOf(env), undefined, true).read, ["/etc/tokens"]);
  assert.deepEqual(computeAccess(settingsOf(env), undefined, false).read, []);
});

Deno.test("passthrough refuses every kind of the server's own credentials", () => {
  const passthrough = { WANDFLOW_AUTH: "passthrough" };
  for (
    const own of [
      { WANDB_API_KEY: "local-0123456789" },
      { WANDB_IDENTITY_TOKEN_FILE: "/run/token" },
      { MLFLOW_TRACKING_TOKEN: "token" },
      { MLFLOW_TRACKING_PASSWORD: "password" },
      { MLFLOW_TRACKING_URI: "https://user:password@mlflow.example.com" },
      { MLFLOW_TRACKING_URI: "sqlite:////data/mlflow.db" },
      { MLFLOW_TRACKING_URI: "databricks" },
      { DATABRICKS_TOKEN: "token" },
      { ARM_CLIENT_SECRET: "secret" },
      { MLFLOW_TRACKING_CLIENT_CERT_PATH: "/run/client.pem" },
    ]
  ) {
    const found = problems({ ...passthrough, ...own });
    assert.equal(found.length, 1, JSON.stringify(own));
    assert.doesNotMatch(found[0] ?? "", /0123456789|user:password/);
    assert.deepEqual(problems(own), []);
  }
  const { read, net } = computeAccess(
    settingsOf({ ...passthrough, MLFLOW_TRACKING_URI: "http://mlflow.example.com" }),
    "/home/somebody",
    true,
  );
  assert.deepEqual(read, []);
  assert.ok(net.includes("mlflow.example.com:80") && net.includes("api.wandb.ai:443"), String(net));
});

Deno.test("a signing key is long, and authentication concerns only servers that listen", () => {
  assert.match(
    problems({ WANDFLOW_STATE_KEY: "x".repeat(31) })[0] ?? "",
    /at least 32 random bytes/,
  );
  assert.deepEqual(problems({ WANDFLOW_STATE_KEY: "x".repeat(32) }), []);
  const settings = settingsOf({ WANDFLOW_AUTH: "passthrough" });
  assert.equal(withAuth(settings, true).auth, "passthrough");
  assert.equal(withAuth(settings, false).auth, "none");
});
