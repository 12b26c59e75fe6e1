/**
 * What the server may touch, tried from inside: the product's own launcher starts a worker of the
 * tests in the server's place, with the permissions that it computes from the configuration.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { launchedBy, run, startHttp } from "../support/product.ts";
import { runOnTerminal } from "../support/terminal.ts";
import { type Attempt, attemptsAsArguments, prepareProbe } from "./probe.ts";

Deno.test("the worker reaches the tracking host and nothing else on the network", async () => {
  await using probe = await prepareProbe();
  await using other = startFakeMlflow();
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname === "/away" ? Response.redirect(`${other.url}/version`) : undefined
  );
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const away = { hostname: "127.0.0.1", port: Number(new URL(other.url).port) };
  const allowed: Attempt[] = [
    { kind: "fetch", url: `${mlflow.url}/version` },
    { kind: "node:http", url: `${mlflow.url}/version` },
  ];
  const refused: Attempt[] = [
    { kind: "fetch", url: other.url },
    { kind: "fetch", url: `${mlflow.url}/away` },
    { kind: "fetch", url: mlflow.url.replace("127.0.0.1", "localhost") },
    { kind: "node:http", url: other.url },
    { kind: "websocket", url: other.url.replace("http:", "ws:") },
    { kind: "connect", ...away },
    { kind: "listen", hostname: "127.0.0.1", port: 0 },
    { kind: "dns" },
    { kind: "nested" },
  ];
  assert.deepEqual(await probe.attempt(env, [], allowed), ["true", "200"]);
  const outcomes = await probe.attempt(env, [], refused);
  outcomes.forEach((outcome, index) => {
    assert.match(outcome, /^NotCapable: /, JSON.stringify(refused[index]));
  });
  // The runtime's own list of hosts to import from counts for nothing, either.
  const modules = [`${mlflow.url}/code.js`, "https://jsr.io/x.js", "https://esm.sh/x.js"];
  const imported = await probe.attempt(env, [], modules.map((url) => ({ kind: "import", url })));
  assert.equal(imported.length, modules.length);
  for (const outcome of imported) assert.match(outcome, /^TypeError: Requires import access/);
  assert.equal(other.seen.length, 0);
  assert.equal(mlflow.seen.length, 3);
});

Deno.test("--allow-hosts adds exactly the host that it names", async () => {
  await using probe = await prepareProbe();
  await using mlflow = startFakeMlflow();
  await using other = startFakeMlflow();
  const attempts: Attempt[] = [
    { kind: "fetch", url: `${mlflow.url}/version` },
    { kind: "fetch", url: `${other.url}/version` },
  ];
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const [first, second = ""] = await probe.attempt(env, [], attempts);
  assert.equal(first, "true");
  assert.match(second, /^NotCapable: /);
  const wider = ["--allow-hosts", new URL(other.url).host];
  assert.deepEqual(await probe.attempt(env, wider, attempts), ["true", "true"]);
});

Deno.test("the worker reads no variable, and no more than the named files", async () => {
  await using probe = await prepareProbe();
  await using home = await temporaryFolder();
  await Deno.mkdir(join(home.path, ".mlflow"));
  const credentials = join(home.path, ".mlflow", "credentials");
  const authority = join(home.path, "ca.pem");
  const secret = join(home.path, "secret.txt");
  for (const file of [credentials, authority, secret]) await Deno.writeTextFile(file, "text");
  const env = {
    HOME: home.path,
    MLFLOW_TRACKING_URI: "http://127.0.0.1:9",
    UNDECLARED: "visible",
    AWS_SECRET_ACCESS_KEY: "visible",
  };
  const outcomes = await probe.attempt(env, ["--server-cert-path", authority], [
    { kind: "env", name: "UNDECLARED" },
    { kind: "env", name: "MLFLOW_TRACKING_URI" },
    { kind: "environment" },
    { kind: "read", path: credentials },
    { kind: "read", path: authority },
  ]);
  assert.deepEqual(outcomes, ["undefined", "undefined", "{}", "text", "text"]);
  const refused = await probe.attempt(env, ["--server-cert-path", authority], [
    { kind: "read", path: secret },
    { kind: "read", path: "/etc/hostname" },
    { kind: "read", path: join(home.path, ".mlflow", "..", "secret.txt") },
    { kind: "list", path: home.path },
  ]);
  for (const outcome of refused) assert.match(outcome, /^NotCapable: /);
  const withToken = await probe.attempt({ ...env, MLFLOW_TRACKING_TOKEN: "abcdefgh" }, [], [
    { kind: "read", path: credentials },
    { kind: "read", path: authority },
  ]);
  for (const outcome of withToken) assert.match(outcome, /^NotCapable: /);
});

Deno.test("the worker cannot write, start programs, load libraries or ask for more", async () => {
  await using probe = await prepareProbe();
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  const outcomes = await probe.attempt({}, [], [
    { kind: "write", path: file },
    { kind: "run", path: Deno.execPath() },
    { kind: "ffi", path: "/lib/libc.so.6" },
    { kind: "hostname" },
  ]);
  for (const outcome of outcomes) assert.match(outcome, /^NotCapable: /);
  const names = ["net", "read", "write", "run", "ffi", "env", "sys"] as const;
  const asked = await probe.attempt({}, [], names.map((name) => ({ kind: "request", name })));
  assert.deepEqual(asked, names.map(() => "denied"));
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("credentials in the environment widen nothing", async () => {
  await using probe = await prepareProbe();
  await using mlflow = startFakeMlflow();
  const attempts: Attempt[] = [
    { kind: "fetch", url: mlflow.url },
    { kind: "fetch", url: "https://s3.amazonaws.com/" },
    { kind: "fetch", url: "https://example.cloud.databricks.com/" },
    { kind: "fetch", url: "https://storage.googleapis.com/" },
  ];
  const outcomes = await probe.attempt(
    {
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "abcdefgh",
      AWS_ENDPOINT_URL: mlflow.url,
      DATABRICKS_HOST: mlflow.url,
      DATABRICKS_TOKEN: "abcdefgh",
      GOOGLE_APPLICATION_CREDENTIALS: "/etc/hostname",
      MLFLOW_TRACKING_USERNAME: "ann",
      MLFLOW_TRACKING_PASSWORD: "abcdefgh",
      MLFLOW_TRACKING_TOKEN: "abcdefgh",
      HTTP_AUTHORIZATION: "Bearer abcdefgh",
    },
    [],
    attempts,
  );
  for (const outcome of outcomes) assert.match(outcome, /^NotCapable: /);
  assert.equal(mlflow.seen.length, 0);
});

Deno.test("the runtime's own variable cannot make it listen elsewhere", async () => {
  await using folder = await temporaryFolder();
  const elsewhere = ["tcp:0.0.0.0:0", "duplicate,tcp:0.0.0.0:0", `unix:${join(folder.path, "s")}`];
  for (const address of elsewhere) {
    await using server = await startHttp({ DENO_SERVE_ADDRESS: address });
    const { hostname, port } = new URL(server.url);
    assert.equal(hostname, "127.0.0.1");
    const { status } = await fetch(server.url).then(async (response) => {
      await response.body?.cancel();
      return response;
    });
    assert.ok(status >= 400 && status < 500, String(status));
    if (Deno.build.os === "linux") {
      assert.deepEqual(listeningAt(server.process.pid), [`0100007F:${hex(Number(port))}`]);
    }
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

/** Where a process listens, as Linux tells it: address and port in hexadecimal. */
function listeningAt(pid: number): string[] {
  const own = new Set(
    [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        // It was closed in the meantime.
        return "";
      }
    }),
  );
  return ["tcp", "tcp6"].flatMap((kind) =>
    Deno.readTextFileSync(`/proc/${pid}/net/${kind}`).split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === "0A" && own.has(`socket:[${inode}]`))
      .map(([, local = ""]) => local)
  );
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

Deno.test("cloud metadata addresses are refused by the settings and by the runtime", async () => {
  const spellings = ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]"];
  const ends = await Promise.all(
    spellings.map((host) => run(["tools"], { MLFLOW_TRACKING_URI: `http://${host}/` })),
  );
  for (const { code, stdout, stderr } of ends) {
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /169\.254\.0\.0\/16/);
  }
  const allowed = await run(["tools", "--allow-hosts", "169.254.169.254"]);
  assert.equal(allowed.code, 2);
  // The flags alone, without the launcher's own check, refuse it too.
  const launcher = fileURLToPath(new URL("./metadata_launcher.ts", import.meta.url));
  const { stdout } = await run([], {}, "", await launchedBy(launcher));
  assert.deepEqual(JSON.parse(stdout), ["NotCapable", "NotCapable", "NotCapable"]);
});

Deno.test("a refusal on a terminal asks no question", async () => {
  await using probe = await prepareProbe();
  await using mlflow = startFakeMlflow();
  const attempts: Attempt[] = [
    { kind: "fetch", url: mlflow.url },
    { kind: "read", path: "/etc/hostname" },
    { kind: "request", name: "net" },
    { kind: "env", name: "PATH" },
  ];
  const args = attemptsAsArguments(attempts);
  const { code, screen, missing } = await runOnTerminal(args, {}, [], probe.program);
  assert.equal(missing, null);
  assert.equal(code, 0, screen);
  assert.doesNotMatch(screen, /Allow\?|y\/n|Deno requests/i);
  const outcomes: unknown = JSON.parse(screen);
  assert.ok(Array.isArray(outcomes));
  assert.match(String(outcomes[0]), /^NotCapable: /);
  assert.match(String(outcomes[1]), /^NotCapable: /);
  assert.deepEqual(outcomes.slice(2), ["denied", "undefined"]);
});

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "wandflow-access-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
