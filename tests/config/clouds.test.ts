import assert from "node:assert/strict";
import { computeAccess } from "../../src/config/access.ts";
import { findAwsLogin } from "../../src/config/clouds.ts";
import { withAwsProfile } from "../../src/config/profiles.ts";
import { listSecrets } from "../../src/config/config.ts";
import { resolveSettings } from "../../src/config/resolve.ts";

const CREDENTIALS = `
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = canary/default

[work.eu]
aws_access_key_id = AKIAWORK
aws_secret_access_key = canary/work
aws_session_token = canary-session
`;
const CONFIG = `
[default]
region = us-east-1
[profile work.eu]
region = eu-central-1
[profile web]
region = eu-west-3
role_arn = arn:aws:iam::1:role/r
web_identity_token_file = /var/run/token
[profile sso]
sso_session = corp
`;

function settingsOf(env: Record<string, string>) {
  const base = {
    MLFLOW_TRACKING_URI: "https://api.example.com/prod",
    MLFLOW_TRACKING_AWS_SIGV4: "1",
  };
  const { settings, errors } = resolveSettings(
    new Map(),
    (name) => ({ ...base, ...env })[name],
  );
  assert.deepEqual(errors, []);
  return settings;
}

async function locate(env: Record<string, string>) {
  const read: string[] = [];
  const located = await withAwsProfile(settingsOf(env), "/home/ann", (path) => {
    read.push(path);
    if (path.endsWith("credentials")) return CREDENTIALS;
    if (path.endsWith("config")) return CONFIG;
    throw new Deno.errors.NotFound(path);
  });
  return { ...located, read, login: findAwsLogin(located.settings) };
}

const keys = (login: ReturnType<typeof findAwsLogin>) =>
  typeof login === "string"
    ? login
    : login.kind === "keys"
    ? [login.accessKeyId, login.region]
    : [login.roleArn, login.tokenFile, login.sts.href, login.region];

Deno.test("aws: keys come from the environment, else from a profile, with its region", async () => {
  const env = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "canary/env" };
  const cases = [
    [{}, ["AKIADEFAULT", "us-east-1"]],
    [{ AWS_PROFILE: "work.eu" }, ["AKIAWORK", "eu-central-1"]],
    [{ AWS_PROFILE: "work.eu", AWS_REGION: "ap-south-1" }, ["AKIAWORK", "ap-south-1"]],
    [{ ...env, AWS_PROFILE: "work.eu" }, ["AKIAENV", "eu-central-1"]],
    [
      { AWS_PROFILE: "web" },
      [
        "arn:aws:iam::1:role/r",
        "/var/run/token",
        "https://sts.eu-west-3.amazonaws.com/",
        "eu-west-3",
      ],
    ],
  ] as const;
  for (const [given, expected] of cases) {
    const { login, errors } = await locate(given);
    assert.deepEqual(errors, []);
    assert.deepEqual(keys(login), expected);
  }
  // A session token of a profile never completes keys of the environment.
  const mixed = await locate({ ...env, AWS_PROFILE: "work.eu" });
  assert.equal(mixed.settings.awsSessionToken, undefined);
  const files = { AWS_SHARED_CREDENTIALS_FILE: "/x/credentials", AWS_CONFIG_FILE: "~/y/config" };
  assert.deepEqual((await locate(files)).read, ["/x/credentials", "/home/ann/y/config"]);
  assert.ok(listSecrets((await locate({})).settings).includes("canary/default"));
});

Deno.test("aws: missing credentials are named, with a word on metadata services", async () => {
  const { login } = await locate({
    AWS_SHARED_CREDENTIALS_FILE: "/none",
    AWS_CONFIG_FILE: "/none",
    AWS_REGION: "eu-west-1",
  });
  assert.match(String(login), /AWS_ACCESS_KEY_ID.*AWS_PROFILE.*metadata service .*always denied/);
  const sso = await locate({ AWS_PROFILE: "sso" });
  assert.match(sso.errors.join(), /sso_session.*aws configure export-credentials --profile sso/);
  const none = await locate({ AWS_PROFILE: "nobody" });
  assert.match(none.errors.join(), /AWS_PROFILE: .*\.aws\/credentials and .* no profile "nobody"/);
  const half = settingsOf({ AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "A" });
  assert.match(String(findAwsLogin(half)), /AWS_SECRET_ACCESS_KEY is not/);
  const nowhere = settingsOf({ AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "b" });
  assert.match(String(findAwsLogin(nowhere)), /set AWS_REGION/);
  assert.match(computeAccess(nowhere, undefined, false).errors.join(), /set AWS_REGION/);
});

Deno.test("aws: a role adds AWS's token service and the token's file; unused keys add nothing", async () => {
  const { settings } = await locate({ AWS_PROFILE: "web" });
  const { net, read, why } = computeAccess(settings, "/home/ann", false);
  assert.deepEqual(net, ["api.example.com:443", "sts.eu-west-3.amazonaws.com:443"]);
  assert.deepEqual(read, ["/var/run/token"]);
  assert.match(why["sts.eu-west-3.amazonaws.com:443"] ?? "", /AWS_ROLE_ARN/);
  const off = settingsOf({ MLFLOW_TRACKING_AWS_SIGV4: "false", AWS_ROLE_ARN: "a" });
  assert.deepEqual(computeAccess(off, undefined, false).net, ["api.example.com:443"]);
});

Deno.test("aws: a configured bucket adds S3's host, or that of its custom endpoint", () => {
  const env = {
    MLFLOW_TRACKING_AWS_SIGV4: "",
    AWS_ACCESS_KEY_ID: "A",
    AWS_SECRET_ACCESS_KEY: "canary",
    AWS_REGION: "eu-west-1",
    WANDFLOW_ARTIFACT_STORES: "s3://traces/mlflow",
  };
  const aws = computeAccess(settingsOf(env), "/home/ann", false);
  assert.equal(aws.why["s3.eu-west-1.amazonaws.com:443"], "--artifact-stores");
  const own = { ...env, MLFLOW_S3_ENDPOINT_URL: "http://minio.corp:9000", AWS_REGION: "" };
  const minio = computeAccess(settingsOf(own), "/home/ann", false);
  assert.deepEqual(minio.net, ["api.example.com:443", "minio.corp:9000"]);
  const none = computeAccess(
    settingsOf({ ...env, WANDFLOW_ARTIFACT_STORES: "" }),
    undefined,
    false,
  );
  assert.deepEqual(none.net, ["api.example.com:443"]);
  const azure = settingsOf({ WANDFLOW_ARTIFACT_STORES: "wasbs://u:canary@a/b", AWS_REGION: "x" });
  const { errors } = computeAccess(azure, undefined, false);
  assert.match(errors.join(), /--artifact-stores: .*is not a place in an object store/);
  assert.doesNotMatch(errors.join(), /canary/);
});
