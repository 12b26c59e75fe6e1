/** Every way in, and what goes wrong on it: each message names the setting to look at, and no secret. */
import assert from "node:assert/strict";
import { refuseRead, startGoogle } from "../support/stores/google.ts";
import { serveTrace, TRACE } from "../support/stores/tracking.ts";
import { toolsWith } from "./harness.ts";

/** A status and a body, the code of the failure and what its hint says. */
type Trouble = readonly [what: string, answer: () => Response, code: string, hint: RegExp];

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => () =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
const xml = (code: string, message = "", more = "") =>
  `\ufeff<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message} canary</Message>` +
  `${more}</Error>`;
/** What every other server may say, without a word of the service's own. */
const others = (credentials: RegExp, address: RegExp): Trouble[] => [
  ["refused without a word", answer(403, ""), "forbidden", credentials],
  ["refused by a gateway", answer(401, "<html>Log in: canary</html>"), "unauthorized", credentials],
  ["wrong address", answer(404, "<!doctype html>canary"), "upstream_error", address],
];

const S3: Trouble[] = [
  ["wrong key", answer(403, xml("InvalidAccessKeyId")), "unauthorized", /AWS_ACCESS_KEY_ID/],
  [
    "wrong secret",
    answer(403, xml("SignatureDoesNotMatch", "The request signature we calculated")),
    "unauthorized",
    /AWS_SECRET_ACCESS_KEY/,
  ],
  [
    "expired keys",
    answer(400, xml("ExpiredToken", "The provided token has expired.")),
    "unauthorized",
    /AWS_SESSION_TOKEN/,
  ],
  ["wrong clock", answer(403, xml("RequestTimeTooSkewed")), "unauthorized", /clock/],
  [
    "missing permission",
    answer(403, xml("AccessDenied", "Access Denied")),
    "forbidden",
    /AWS_ROLE_ARN lacks the permission.* s3:GetObject/,
  ],
  [
    "wrong region",
    answer(301, xml("PermanentRedirect"), { "x-amz-bucket-region": "eu-west-1" }),
    "unauthorized",
    /Set AWS_REGION=eu-west-1\./,
  ],
  [
    "wrong region in the signature",
    answer(400, xml("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong")),
    "unauthorized",
    /Set AWS_REGION/,
  ],
  [
    "no bucket",
    answer(404, xml("NoSuchBucket")),
    "upstream_error",
    /MLFLOW_S3_ENDPOINT_URL, and that the bucket was not/,
  ],
  ...others(/AWS_ACCESS_KEY_ID/, /MLFLOW_S3_ENDPOINT_URL/),
];

const UNAUTHENTICATED = "Server failed to authenticate the request.";
const AZURE: Trouble[] = [
  [
    "wrong credentials",
    answer(403, xml("AuthenticationFailed", UNAUTHENTICATED)),
    "unauthorized",
    /AZURE_STORAGE_ACCESS_KEY: of this/,
  ],
  [
    "expired signature",
    answer(
      403,
      xml(
        "AuthenticationFailed",
        `${UNAUTHENTICATED} Signature not valid in the specified time frame`,
      ),
    ),
    "unauthorized",
    /Renew AZURE_STORAGE_ACCESS_KEY/,
  ],
  [
    "wrong clock",
    answer(
      403,
      xml(
        "AuthenticationFailed",
        UNAUTHENTICATED,
        "<AuthenticationErrorDetail>Request date header too old</AuthenticationErrorDetail>",
      ),
    ),
    "unauthorized",
    /clock/,
  ],
  [
    "missing permission",
    answer(403, xml("AuthorizationPermissionMismatch")),
    "forbidden",
    /AZURE_STORAGE_ACCESS_KEY lacks the permission/,
  ],
  [
    "another address",
    answer(403, xml("AuthorizationSourceIPMismatch")),
    "forbidden",
    /AZURE_STORAGE_ACCESS_KEY is limited to other addresses/,
  ],
  [
    "keys not taken",
    answer(403, xml("KeyBasedAuthenticationNotPermitted")),
    "forbidden",
    /AZURE_CLIENT_SECRET/,
  ],
  [
    "no container",
    answer(404, xml("ContainerNotFound")),
    "upstream_error",
    /AZURE_STORAGE_CONNECTION_STRING, and that the container was not/,
  ],
  ...others(/AZURE_STORAGE_ACCESS_KEY/, /AZURE_STORAGE_CONNECTION_STRING/),
];

const GOOGLE: Trouble[] = [
  [
    "expired token",
    () => refuseRead(401, "Invalid Credentials canary", "authError"),
    "unauthorized",
    /GOOGLE_APPLICATION_CREDENTIALS: the key may have/,
  ],
  [
    "missing permission",
    () => refuseRead(403, "canary does not have storage.objects.get access", "forbidden"),
    "forbidden",
    /GOOGLE_APPLICATION_CREDENTIALS needs the role Storage Object Viewer/,
  ],
  [
    "no bucket",
    () => refuseRead(404, "The specified bucket does not exist. canary", "notFound"),
    "upstream_error",
    /STORAGE_EMULATOR_HOST, and that the bucket was not/,
  ],
  ...others(/GOOGLE_APPLICATION_CREDENTIALS/, /STORAGE_EMULATOR_HOST/),
];

const GATEWAY: Trouble[] = [
  [
    "wrong key",
    answer(403, { message: "The security token included in the request is invalid." }),
    "unauthorized",
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    "wrong secret",
    answer(403, { message: "The request signature we calculated does not match: canary" }),
    "unauthorized",
    /AWS_SECRET_ACCESS_KEY/,
  ],
  [
    "expired keys",
    answer(403, { message: "The security token included in the request is expired" }),
    "unauthorized",
    /AWS_SESSION_TOKEN/,
  ],
  [
    "wrong clock",
    answer(403, { message: "Signature expired: 20261128T100000Z is now earlier than canary" }),
    "unauthorized",
    /clock/,
  ],
  [
    "missing permission",
    answer(403, { Message: "User: arn:aws:iam::canary:user/ann is not authorized to perform: …" }),
    "forbidden",
    /AWS_ROLE_ARN lacks the permission.* execute-api:Invoke/,
  ],
  [
    "wrong region",
    answer(403, { message: "Credential should be scoped to a valid region, not 'eu-west-1'." }),
    "unauthorized",
    /AWS_REGION/,
  ],
  [
    "wrong stage",
    answer(403, { message: "Missing Authentication Token" }),
    "not_found",
    /MLFLOW_TRACKING_URI, with the stage/,
  ],
  ["wrong address", answer(404, "<!doctype html>canary"), "not_found", /MLFLOW_TRACKING_URI/],
];

const DATABRICKS: Trouble[] = [
  ["wrong token", answer(401, ""), "unauthorized", /DATABRICKS_TOKEN: they may be wrong, expired/],
  ["expired token", answer(403, "Invalid access token."), "unauthorized", /DATABRICKS_TOKEN/],
  [
    "missing permission",
    answer(403, { error_code: "PERMISSION_DENIED", message: "canary" }),
    "forbidden",
    /DATABRICKS_TOKEN lacks the permission/,
  ],
  ["wrong address", answer(404, "<!doctype html>canary"), "not_found", /DATABRICKS_HOST/],
];

const TRACE_IN = {
  S3: "s3://traces/a",
  Azure: "wasbs://traces@account.blob.core.windows.net/a",
  Google: "gs://traces/a",
} as const;
const AWS = {
  AWS_ACCESS_KEY_ID: "AKIA",
  AWS_SECRET_ACCESS_KEY: "canary/s",
  AWS_REGION: "eu-west-1",
};

/** What each way in is configured with, for a server at an address. */
const WAYS: Record<
  string,
  readonly [troubles: Trouble[], configure: (url: string, key: string) => Record<string, string>]
> = {
  S3: [S3, (url) => ({
    WANDFLOW_ARTIFACT_STORES: TRACE_IN.S3,
    MLFLOW_S3_ENDPOINT_URL: url,
    ...AWS,
  })],
  Azure: [AZURE, (url) => ({
    WANDFLOW_ARTIFACT_STORES: TRACE_IN.Azure,
    AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${url}`,
    AZURE_STORAGE_ACCESS_KEY: btoa("canary"),
  })],
  Google: [GOOGLE, (url, key) => ({
    WANDFLOW_ARTIFACT_STORES: TRACE_IN.Google,
    STORAGE_EMULATOR_HOST: url,
    GOOGLE_APPLICATION_CREDENTIALS: key,
  })],
  "a signed server": [GATEWAY, (url) => ({
    MLFLOW_TRACKING_URI: url,
    MLFLOW_TRACKING_AWS_SIGV4: "true",
    ...AWS,
  })],
  Databricks: [DATABRICKS, (url) => ({
    MLFLOW_TRACKING_URI: "databricks",
    DATABRICKS_HOST: url,
    DATABRICKS_TOKEN: "canary-token",
  })],
};

const serve = (respond: () => Response) =>
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);

for (const [way, [troubles, configure]] of Object.entries(WAYS)) {
  Deno.test(`${way}: a server that refuses, is wrong or out of reach is reported with the setting, and no secret`, async () => {
    await using google = await startGoogle();
    const key = await Deno.makeTempFile({ prefix: "wandflow-key-", suffix: ".json" });
    await Deno.writeTextFile(key, google.keyFile);
    const folder = Object.entries(TRACE_IN).find(([name]) => name === way)?.[1] ?? "";
    await using tracking = serveTrace(folder);
    const fail = async (url: string) =>
      await toolsWith({
        MLFLOW_TRACKING_URI: tracking.url,
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
        ...configure(url, key),
      }).fails("get_trace", {
        trace_id: TRACE,
        extract_fields: folder === "" ? "info.state" : "data.spans.*.name",
      });
    try {
      for (const [what, respond, code, hint] of troubles) {
        await using service = serve(respond);
        const failure = await fail(`http://127.0.0.1:${service.addr.port}`);
        assert.equal(failure.error, code, `${what}: ${JSON.stringify(failure)}`);
        assert.match(String(failure.hint), hint, what);
        assert.doesNotMatch(JSON.stringify(failure), /canary|Y2FuYXJ5|MII/, what);
      }
      const gone = serve(() => new Response());
      const url = `http://127.0.0.1:${gone.addr.port}`;
      await gone.shutdown();
      const failure = await fail(url);
      assert.equal(failure.error, "unreachable");
      const [address = ""] = Object.entries(configure("http://here", key))
        .find(([, value]) => value.includes("http://here")) ?? [];
      assert.match(String(failure.hint), new RegExp(address));
    } finally {
      await Deno.remove(key);
    }
  });
}
