/** MLflow in a company's network: client certificates, the company's authority, its proxy. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { certificate } from "../http/certificate.ts";
import { run } from "../support/product.ts";
import { startForwardProxy } from "../support/tls/forward_proxy.ts";
import { startMutualTls } from "../support/tls/server.ts";

const CALL = ["call", "get_trace", "trace_id=tr-1", "extract_fields=info.state"];
const FOUND = /"state":"OK"/;
const HOST = "mlflow.corp.test";
const PASSWORD = "canary-password";

/** A server that asks for certificates, and the files that open it. */
async function start() {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-mtls-" });
  const authority = await certificate({ name: "Company", authority: true });
  const stranger = await certificate({ name: "Somebody else", authority: true });
  const hosts = ["127.0.0.1", HOST];
  const own = await certificate({ name: "mlflow", hosts, by: authority });
  const client = await certificate({ name: "ann", by: authority });
  const other = await certificate({ name: "eve", by: stranger });
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    return path;
  };
  const files = {
    server: await write("server.pem", own.cert + own.key),
    authority: await write("authority.pem", `# The company's authority\n${authority.cert}`),
    client: await write("client.pem", client.key + client.cert),
    other: await write("other.pem", other.cert + other.key),
    keyless: await write("keyless.pem", client.cert),
  };
  const server = await startMutualTls(files.server, files.authority);
  return {
    files,
    server,
    env: {
      MLFLOW_TRACKING_URI: `https://127.0.0.1:${server.port}`,
      REQUESTS_CA_BUNDLE: files.authority,
      MLFLOW_TRACKING_CLIENT_CERT_PATH: files.client,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a client certificate is accepted by a server that asks for one; each variable trusts its authority", async () => {
  await using company = await start();
  const { env, files, server } = company;
  const { REQUESTS_CA_BUNDLE: _, ...rest } = env;
  const variables = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"];
  for (const variable of [...variables, "MLFLOW_TRACKING_SERVER_CERT_PATH"]) {
    const { stdout, stderr } = await run(CALL, { ...rest, [variable]: files.authority });
    assert.match(stdout, FOUND, `${variable}: ${stdout}${stderr}`);
  }
  assert.deepEqual(new Set(server.visitors), new Set(["ann"]));
  const untrusting = await run(CALL, rest);
  assert.match(untrusting.stdout + untrusting.stderr, /authority that is not trusted here/);
  const doctor = await run(["doctor"], env);
  assert.ok(doctor.stdout.includes(`${files.client} (MLFLOW_TRACKING_CLIENT_CERT_PATH)`));
  assert.ok(doctor.stdout.includes(`REQUESTS_CA_BUNDLE: ${files.authority}`), doctor.stdout);
});

Deno.test("a missing or unknown certificate, or one without its key, is refused, and the variable is named", async () => {
  await using company = await start();
  const { env, files, server } = company;
  const { MLFLOW_TRACKING_CLIENT_CERT_PATH: _, ...without } = env;
  const other = { ...env, MLFLOW_TRACKING_CLIENT_CERT_PATH: files.other };
  for (const variables of [without, other]) {
    const { code, stdout, stderr } = await run(CALL, variables);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /MLFLOW_TRACKING_CLIENT_CERT_PATH/);
  }
  const keyless = { ...env, MLFLOW_TRACKING_CLIENT_CERT_PATH: files.keyless };
  const { stdout, stderr } = await run(CALL, keyless);
  assert.match(stdout + stderr, /keyless\.pem \(MLFLOW_TRACKING_CLIENT_CERT_PATH\) cannot be used/);
  const unread = { ...env, MLFLOW_TRACKING_CLIENT_CERT_PATH: "/nowhere/ann.pem" };
  for (const variables of [keyless, unread]) {
    const { stdout: said } = await run(["doctor"], variables);
    assert.match(said, /CLIENT_CERT_PATH\) cannot be used\.\n +Name a PEM file that can be read/);
  }
  const shown = await run(["doctor"], without);
  assert.match(
    shown.stdout,
    /show a certificate that it trusts\.\n +For MLflow, MLFLOW_TRACKING_CL/,
  );
  assert.deepEqual(server.visitors, []);
});

Deno.test("an authorities file that cannot be read is reported and adds no trust", async () => {
  await using company = await start();
  const { stdout, stderr } = await run(CALL, {
    ...company.env,
    REQUESTS_CA_BUNDLE: "/nowhere/ca.pem",
  });
  assert.match(stderr, /REQUESTS_CA_BUNDLE is not used: \/nowhere\/ca\.pem/);
  assert.match(stdout + stderr, /authority that is not trusted here/);
});

Deno.test("client certificates work through a proxy with credentials, except for the hosts of NO_PROXY", async () => {
  await using company = await start();
  const { server } = company;
  await using proxy = startForwardProxy(`ann:${PASSWORD}`, () => server.port);
  const env = {
    ...company.env,
    MLFLOW_TRACKING_URI: `https://${HOST}`,
    HTTPS_PROXY: `http://ann:${PASSWORD}@127.0.0.1:${proxy.port}`,
  };
  const through = await run(CALL, env);
  assert.match(through.stdout, FOUND, through.stderr);
  // The runtime may look for its own newest release.
  const tunnels = () => proxy.tunnels.filter((host) => host !== "dl.deno.land:443");
  assert.deepEqual(new Set(tunnels()), new Set([`${HOST}:443`]));
  assert.deepEqual(new Set(server.visitors), new Set(["ann"]));
  const count = tunnels().length;
  const around = await run(CALL, {
    ...env,
    MLFLOW_TRACKING_URI: company.env.MLFLOW_TRACKING_URI,
    NO_PROXY: "127.0.0.1",
  });
  assert.match(around.stdout, FOUND, around.stderr);
  assert.equal(tunnels().length, count);
  const wrong = await run(CALL, {
    ...env,
    HTTPS_PROXY: `http://ann:wrong@127.0.0.1:${proxy.port}`,
  });
  assert.match(wrong.stdout + wrong.stderr, /proxy .* asks for credentials/);
  assert.match(wrong.stdout + wrong.stderr, /HTTPS_PROXY/);
  for (const { stdout, stderr } of [through, around, wrong]) {
    assert.doesNotMatch(stdout + stderr, /canary/);
  }
});
