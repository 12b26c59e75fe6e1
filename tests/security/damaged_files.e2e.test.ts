/** Secrets in files that are not what they should be, and before a proxy's tunnel is open. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { type Env, run } from "../support/product.ts";
import { makeSecret, needlesOf, readAll } from "./files/secrets.ts";
import { answerMlflow, temporaryFolder } from "./files/servers.ts";

/** Files that are not what they should be, by what they hold. */
const DAMAGED: readonly {
  readonly file: string;
  readonly text: (secret: string) => string;
  readonly env?: (path: string) => Env;
  readonly words?: readonly string[];
}[] = [
  {
    file: ".mlflow/credentials",
    text: (secret) => `[mlflow\n"mlflow_tracking_password = ${secret}\n${secret}`,
  },
  {
    file: ".mlflow/credentials",
    text: (secret) => `[mlflow]\nmlflow_tracking_username = \nmlflow_tracking_password = ${secret}`,
  },
  { file: ".netrc", text: (secret) => `machine password ${secret} login\nmacdef ${secret}\n` },
  {
    file: "databricks.cfg",
    text: (secret) => `[DEFAULT]\nhost = https://ann:${secret}@127.0.0.1:1\ntoken = ${secret}\n`,
    env: (path) => ({ MLFLOW_TRACKING_URI: "databricks", DATABRICKS_CONFIG_FILE: path }),
  },
  {
    file: "databricks.cfg",
    text: (secret) => `[team]\ntoken = ${secret}\n[${secret}\nhost = ${secret}\n`,
    env: (path) => ({ MLFLOW_TRACKING_URI: "databricks://tem", DATABRICKS_CONFIG_FILE: path }),
  },
  {
    file: "aws",
    text: (secret) => `[profile x]\ncredential_process = /bin/get --key ${secret}\n`,
    env: (path) => ({
      MLFLOW_TRACKING_AWS_SIGV4: "true",
      AWS_PROFILE: "x",
      AWS_CONFIG_FILE: path,
      AWS_REGION: "eu-west-1",
    }),
  },
  ...["token_uri", "private_key"].map((name) => ({
    file: "google.json",
    text: (secret: string) =>
      JSON.stringify({
        type: "service_account",
        client_email: "a@b",
        private_key: "x",
        [name]: `http://ann:${secret}@127.0.0.1:1/`,
      }),
    env: (path: string) => ({
      WANDFLOW_ARTIFACT_STORES: "gs://bucket",
      GOOGLE_APPLICATION_CREDENTIALS: path,
    }),
  })),
  {
    file: "google.json",
    text: (secret) => `{"type": "service_account", "private_key": "${secret}`,
    env: (path) => ({
      WANDFLOW_ARTIFACT_STORES: "gs://bucket",
      GOOGLE_APPLICATION_CREDENTIALS: path,
    }),
  },
  {
    file: "tokens",
    text: (secret) => `caller ${secret}\n`,
    env: (path) => ({ WANDFLOW_TOKENS_FILE: path, WANDFLOW_TRANSPORT: "http", WANDFLOW_PORT: "0" }),
    words: ["serve", "--auth", "token"],
  },
  ...["MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_SERVER_CERT_PATH", "SSL_CERT_FILE"].map(
    (name) => ({
      file: "damaged.pem",
      text: (secret: string) =>
        ["PRIVATE KEY", "CERTIFICATE"].map((kind) =>
          `-----BEGIN ${kind}-----\n${secret}\n-----END ${kind}-----\n`
        ).join(secret),
      env: (path: string) => ({ [name]: path }),
    }),
  ),
];

Deno.test("no byte of a secret in a damaged file gets out", async () => {
  await using mlflow = startFakeMlflow((url) => {
    const id = /\/traces\/(tr-\w+)$/.exec(url.pathname)?.[1];
    return id === undefined && !url.pathname.endsWith("/get-trace-artifact")
      ? undefined
      : answerMlflow(url, "", "gs");
  });
  for (const [index, { file, text, env, words }] of DAMAGED.entries()) {
    await using home = await temporaryFolder();
    const path = join(home.path, file);
    const secret = makeSecret(index);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text(secret));
    const all = {
      HOME: home.path,
      MLFLOW_TRACKING_URI: mlflow.url,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
      MCP_SERVER_LOG_LEVEL: "DEBUG",
      ...env?.(path),
    };
    const call = ["call", "get_trace", `trace_id=${TRACE}`];
    for (const one of words === undefined ? [["doctor"], call] : [words]) {
      const { stdout, stderr } = await run(one, all);
      for (const needle of needlesOf(secret, "ann")) {
        assert.ok(!(stdout + stderr).includes(needle), `${file}, ${one}: ${stdout}${stderr}`);
      }
    }
    const reached = mlflow.seen.map(readAll).join("\n");
    for (const needle of needlesOf(secret, "ann")) assert.ok(!reached.includes(needle), file);
  }
});

Deno.test("a proxy sees no secret of a file before its tunnel is open", async () => {
  const heads: string[] = [];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(16_384);
      const count = await connection.read(buffer) ?? 0;
      heads.push(new TextDecoder().decode(buffer.subarray(0, count)));
      await connection.write(new TextEncoder().encode("HTTP/1.1 502 No\r\n\r\n"));
      connection.close();
    }
  })().catch(() => {});
  await using home = await temporaryFolder();
  const secrets = [makeSecret(1), makeSecret(2)] as const;
  await Deno.mkdir(join(home.path, ".mlflow"));
  await Deno.writeTextFile(
    join(home.path, ".mlflow", "credentials"),
    `[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = ${secrets[0]}\n`,
  );
  await Deno.writeTextFile(
    join(home.path, ".netrc"),
    `machine wandb.test login user password ${secrets[1]}\n`,
  );
  const { stdout, stderr } = await run(["doctor"], {
    HOME: home.path,
    HTTPS_PROXY: `http://127.0.0.1:${listener.addr.port}`,
    MLFLOW_TRACKING_URI: "https://mlflow.test",
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
    WANDB_BASE_URL: "https://wandb.test",
    MCP_SERVER_LOG_LEVEL: "DEBUG",
  });
  listener.close();
  await serving;
  for (const host of ["mlflow.test:443", "wandb.test:443"]) {
    assert.ok(heads.some((head) => head.startsWith(`CONNECT ${host} `)), heads.join("\n"));
  }
  for (const needle of [...needlesOf(secrets[0], "ann"), ...needlesOf(secrets[1], "api")]) {
    assert.ok(!`${heads.join()}${stdout}${stderr}`.includes(needle), needle);
  }
});
