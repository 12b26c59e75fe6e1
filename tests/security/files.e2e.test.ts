/**
 * A distinct secret in every file that wandflow reads: it leaves in no byte, whatever servers make of
 * it, and reaches no other server than the one that it is for.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { z } from "zod";
import { sourcesIn } from "../../scripts/graph.ts";
import { AUTHORITY_VARIABLES } from "../../src/config/authorities.ts";
import type { Setting } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { ASSESSMENT, type FakeMlflow, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, LEGACY, MODERN, send } from "../e2e/rpc.ts";
import { type Env, run, startHttp, startStdio } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";

/** Servers, each at an address of its own; nothing is for `elsewhere`, to which some redirect. */
const HOSTS = [
  "mlflow",
  "databricks",
  "wandb",
  "docs",
  "sts",
  "s3",
  "google",
  "elsewhere",
] as const;
type Host = (typeof HOSTS)[number];
type Urls = Readonly<Record<Host, string>>;
/** What the servers do, in this order: who has been let in would not be refused again. */
const MODES = ["redirects", "refuses", "stores refuse", "repeats"] as const;
type Mode = (typeof MODES)[number];

/** A file with a secret in it. */
interface Secret {
  /** Its place below the home folder. */
  readonly file: string;
  /** The variables that name it, if one of them must. */
  readonly settings?: readonly string[];
  /** The source that reads it. */
  readonly readBy: string;
  readonly text: (secret: string, urls: Urls) => string;
  /** Whom the secret may be sent to. */
  readonly goesTo?: readonly Host[];
  /** The user name that it is sent with, in HTTP Basic. */
  readonly user?: string;
  /** The files that are there together. */
  readonly setup: "server" | "databricks" | "signed";
}

const PROFILES = "src/config/profiles.ts";
const CONNECT = "src/mlflow/access/connect.ts";
/** What a caller sends: it is for this server, and most of it for nobody. */
const TOKEN = makeSecret(200);
const CALLER: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...["cookie", "proxy-authorization", "x-mlflow-authorization", "x-api-key", "x-wandb-api-key"],
    ...["x-forwarded-access-token", "x-amz-security-token", "referer", "mcp-session-id", "baggage"],
    ...["tracestate", "x-request-id", "user-agent", "last-event-id"],
  ].map((name, index) => [name, makeSecret(300 + index)]),
);
const hostOf = (url: string) => new URL(url).host;
const certificate = (secret: string) =>
  `# ${secret}\n-----BEGIN PRIVATE KEY-----\n${btoa(secret)}\n-----END PRIVATE KEY-----\n` +
  `${rootCertificates[0]}\n`;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const KEY = await crypto.subtle.generateKey(
  { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  true,
  ["sign", "verify"],
);
const PKCS8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", KEY.privateKey)).toBase64();

const SECRETS: readonly Secret[] = [
  {
    file: ".mlflow/credentials",
    readBy: CONNECT,
    text: (secret) =>
      `[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = ${secret}\n`,
    goesTo: ["mlflow"],
    user: "ann",
    setup: "server",
  },
  {
    file: ".netrc",
    settings: ["NETRC"],
    readBy: "src/config/netrc.ts",
    text: (secret, { wandb }) => `machine ${hostOf(wandb)} login user password ${secret}\n`,
    goesTo: ["wandb"],
    user: "api",
    setup: "server",
  },
  {
    file: "ca.pem",
    settings: ["MLFLOW_TRACKING_SERVER_CERT_PATH"],
    readBy: CONNECT,
    text: certificate,
    setup: "server",
  },
  ...AUTHORITY_VARIABLES.map((name): Secret => ({
    file: `${name}.pem`,
    settings: [name],
    readBy: "src/config/authorities.ts",
    text: certificate,
    setup: "server",
  })),
  {
    file: "aws-config",
    settings: ["AWS_CONFIG_FILE"],
    readBy: PROFILES,
    text: (secret) =>
      "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/reader\n" +
      `web_identity_token_file = @home@/aws-identity\nnote = ${secret}\n` +
      `[profile other]\naws_access_key_id = AKIA\naws_secret_access_key = ${secret}\n`,
    setup: "server",
  },
  {
    file: "aws-identity",
    settings: ["AWS_WEB_IDENTITY_TOKEN_FILE"],
    readBy: "src/mlflow/aws/sign.ts",
    text: (secret) => `${secret}\n`,
    goesTo: ["sts"],
    setup: "server",
  },
  {
    file: "google.json",
    settings: ["GOOGLE_APPLICATION_CREDENTIALS"],
    readBy: "src/mlflow/google/storage.ts",
    text: (secret, { google }) =>
      JSON.stringify({
        type: "service_account",
        client_email: "reader@project.iam.gserviceaccount.com",
        private_key: `-----BEGIN PRIVATE KEY-----\n${PKCS8}\n-----END PRIVATE KEY-----\n`,
        refresh_token: secret,
        token_uri: `${google}/token`,
      }),
    setup: "server",
  },
  {
    file: "tokens",
    settings: ["WANDFLOW_TOKENS_FILE"],
    readBy: "src/mcp/http/tokens.ts",
    text: (secret) =>
      `# ${secret}\ncaller ${createHash("sha256").update(TOKEN).digest("hex")}\n` +
      `other ${createHash("sha256").update(secret).digest("hex")}\n`,
    setup: "server",
  },
  {
    file: "databricks.cfg",
    settings: ["DATABRICKS_CONFIG_FILE"],
    readBy: PROFILES,
    text: (secret, { databricks }) => `[DEFAULT]\nhost = ${databricks}\ntoken = ${secret}\n`,
    goesTo: ["databricks"],
    setup: "databricks",
  },
  {
    file: "wandb-identity",
    settings: ["WANDB_IDENTITY_TOKEN_FILE"],
    readBy: "src/wandb/account.ts",
    text: (secret) => `${secret}\n`,
    goesTo: ["wandb"],
    setup: "databricks",
  },
  {
    file: "aws-credentials",
    settings: ["AWS_SHARED_CREDENTIALS_FILE"],
    readBy: PROFILES,
    text: (secret) => `[default]\naws_access_key_id = AKIA\naws_secret_access_key = ${secret}\n`,
    setup: "signed",
  },
  {
    file: "client.pem",
    settings: ["MLFLOW_TRACKING_CLIENT_CERT_PATH"],
    readBy: CONNECT,
    text: certificate,
    setup: "signed",
  },
];

/** What reads files in which people keep data: the local store's own. */
const DATA = [
  "src/config/local_store.ts",
  "src/mlflow/local/inspect.ts",
  "src/mlflow/local/spans.ts",
];

Deno.test("the tests put a secret in every file that a setting names", async () => {
  const readers: string[] = [];
  for (const path of [...await sourcesIn("src"), "main.ts"]) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const reads = /\bDeno\.(readTextFile|readFile|readDir|open|symlink|readLink)(Sync)?\b/;
    if (reads.test(text) || /from "node:fs/.test(text)) readers.push(path);
  }
  assert.deepEqual(
    readers.sort(),
    [...new Set([...SECRETS.map(({ readBy }) => readBy), ...DATA])].sort(),
  );
  const names = Object.values<Setting>(SETTINGS).flatMap(({ env, help }) =>
    /\bfile\b/i.test(help) && env.some((name) => /(_FILE|_PATH|_CREDENTIALS|NETRC)$/.test(name))
      ? env
      : []
  );
  assert.deepEqual(
    [...names, ...AUTHORITY_VARIABLES].sort(),
    SECRETS.flatMap(({ settings = [] }) => settings).sort(),
  );
});

/** A secret whose beginning, end and middle are each found only where it is. */
function makeSecret(index: number): string {
  const [start, end] = [0, 1].map(() => crypto.randomUUID().slice(24));
  return `cnry${index}-${start}/+=&${end}`;
}

/** Of what must not leave: what stays of a secret in every form, cut ones included. */
function needlesOf(secret: string, user: string): string[] {
  const base64 = (text: string) => btoa(text).replace(/=+$/, "");
  const [start = "", end = ""] = secret.split("/+=&");
  return [start.slice(0, 14), end, base64(secret), base64(`${user}:${secret}`)]
    .flatMap((form) => [form, form.slice(0, 20)]);
}

/** What was sent, and what it says when it is decoded. */
function readAll({ path, headers, body }: FakeMlflow["seen"][number]): string {
  const texts = [path, body, ...[...headers].map(([, value]) => value)];
  const decoded = texts.flatMap((text) => {
    const basic = /^Basic (\S+)$/.exec(text)?.[1];
    return [text, decodeURIComponent(text.replaceAll("+", " ").replaceAll(/%(?![\dA-F]{2})/gi, ""))]
      .concat(basic === undefined ? [] : atob(basic));
  });
  return decoded.join("\n");
}

/** The forms in which a careless server repeats what it was sent. */
function repeat(secrets: readonly string[]): string {
  return secrets.flatMap((secret) => [
    secret,
    btoa(secret),
    encodeURIComponent(secret),
    String(new URLSearchParams([["p", secret]])),
    JSON.stringify({ deep: JSON.stringify({ secret }) }),
    secret.replaceAll("/", "\\/").replaceAll("&", "\\u0026"),
    `${secret.slice(0, 16)}…`,
  ]).join(" | ");
}

/** The servers, and what is in the home folder. */
async function prepare(setup: Secret["setup"]) {
  await using starting = new AsyncDisposableStack();
  let mode: Mode = "repeats";
  const planted = SECRETS.map((row, index) => ({ ...row, secret: makeSecret(index) }));
  const issued: string[] = [];
  const issue = () => issued[issued.push(makeSecret(100 + issued.length)) - 1] ?? "";
  const servers = new Map<Host, FakeMlflow>();
  const answer = (host: Host, url: URL): Response | undefined => {
    const last = servers.get(host)?.seen.at(-1);
    const sent = last === undefined ? "" : readAll(last);
    const known = [...planted.map(({ secret }) => secret), ...issued];
    const told = repeat([
      ...known.filter((secret) => sent.includes(secret)),
      ...planted.flatMap(({ user, secret }) =>
        user !== undefined && sent.includes(`${user}:${secret}`) ? [`${user}:${secret}`] : []
      ),
    ]);
    if (host !== "elsewhere" && mode === "redirects") {
      return Response.redirect(`${servers.get("elsewhere")?.url}${url.pathname}${url.search}`, 307);
    }
    const isStore = host === "sts" || host === "s3" || host === "google";
    if (mode === "refuses" || mode === "stores refuse" && isStore) {
      // Of JSON only the fields that its kind of server has are shown, of other text its beginning.
      if (isStore || url.pathname === "/oidc/token") return new Response(told, { status: 403 });
      const reply = { error_code: "PERMISSION_DENIED", message: told, errors: [{ message: told }] };
      return Response.json(reply, { status: url.pathname.endsWith("graphql") ? 200 : 403 });
    }
    switch (host) {
      case "sts":
        return new Response(
          ["AccessKeyId", "SecretAccessKey", "SessionToken"].map((name) =>
            `<${name}>${name === "AccessKeyId" ? "AKIA" : issue().replace("&", "")}</${name}>`
          ).join(""),
        );
      case "google":
        return url.pathname === "/token"
          ? Response.json({ access_token: issue(), expires_in: 3599 })
          : new Response(told);
      case "mlflow":
      case "databricks":
        return answerMlflow(url, told);
      case "wandb":
        if (url.pathname === "/oidc/token") {
          return Response.json({ access_token: issue(), expires_in: 300 });
        }
        return Response.json({
          data: { viewer: { username: told, entity: told, teams: { edges: [] } } },
          errors: url.pathname.endsWith("graphql") ? undefined : [{ message: told }],
        });
      default:
        return new Response(told);
    }
  };
  for (const host of HOSTS) {
    servers.set(host, starting.use(startFakeMlflow((url) => answer(host, url))));
  }
  const urlOf = (host: Host) => servers.get(host)?.url ?? "";
  const urls: Urls = {
    ...{ mlflow: urlOf("mlflow"), databricks: urlOf("databricks"), wandb: urlOf("wandb") },
    ...{ docs: urlOf("docs"), sts: urlOf("sts"), s3: urlOf("s3"), google: urlOf("google") },
    elsewhere: urlOf("elsewhere"),
  };
  const { path: home } = starting.use(await temporaryFolder());
  const env: Record<string, string> = {
    HOME: home,
    MLFLOW_TRACKING_URI: setup === "databricks" ? "databricks" : urls.mlflow,
    MLFLOW_EXPERIMENT_ID: "1",
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0",
    WANDB_BASE_URL: urls.wandb,
    WF_TRACE_SERVER_URL: urls.wandb,
    WANDBOT_BASE_URL: `${urls.docs}/mcp`,
    WANDB_ENTITY: "team",
    WANDB_PROJECT: "project",
    MCP_SERVER_LOG_LEVEL: "DEBUG",
    WANDFLOW_ALLOW_HOSTS: `${hostOf(urls.elsewhere)},${hostOf(urls.google)}`,
    ...(setup === "signed" ? { MLFLOW_TRACKING_AWS_SIGV4: "true", AWS_REGION: "eu-west-1" } : {}),
    ...(setup === "server"
      ? {
        WANDFLOW_ARTIFACT_STORES: "s3://bucket,gs://bucket",
        AWS_ENDPOINT_URL_STS: urls.sts,
        MLFLOW_S3_ENDPOINT_URL: urls.s3,
        STORAGE_EMULATOR_HOST: urls.google,
      }
      : {}),
  };
  for (const { file, settings = [], text, secret, setup: own } of planted) {
    if (own !== setup) continue;
    const path = join(home, file);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text(secret, urls).replaceAll("@home@", home));
    for (const name of settings) if (name !== "NETRC") env[name] = path;
  }
  // Named by the profile.
  delete env["AWS_WEB_IDENTITY_TOKEN_FILE"];
  const kept = starting.move();
  return {
    env,
    servers,
    tell: (next: Mode) => mode = next,
    /** Fails for a secret in the text. */
    check: (text: string, where: string) => {
      const all = [
        ...planted.map(({ secret, user }) => ({ secret, user: user ?? "" })),
        ...[...issued, TOKEN, ...Object.values(CALLER)].map((secret) => ({ secret, user: "" })),
      ];
      const needles = [
        ...all.flatMap(({ secret, user }) => needlesOf(secret, user)),
        ...[100, 800, 1500].map((at) => PKCS8.slice(at, at + 20)),
      ];
      for (const needle of needles) {
        const at = text.indexOf(needle);
        assert.ok(at < 0, `${where}, ${needle}: ${text.slice(Math.max(0, at - 300), at + 100)}`);
      }
    },
    /** Fails for a secret at a server that it is not for. */
    checkServers: () => {
      for (const [host, { seen }] of servers) {
        const text = seen.map(readAll).join("\n");
        for (const { file, secret, goesTo = [] } of planted) {
          const [start = ""] = secret.split("/");
          assert.ok(goesTo.includes(host) || !text.includes(start), `${file} was sent to ${host}`);
        }
        if (host === "elsewhere") { for (const one of issued) assert.ok(!text.includes(one)); }
      }
      for (const { file, setup: own, goesTo = [], secret } of planted) {
        if (own !== setup) continue;
        for (const host of goesTo) {
          const text = servers.get(host)?.seen.map(readAll).join("\n") ?? "";
          assert.ok(text.includes(secret), `${file} has reached ${host}`);
        }
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A trace that is all of what its server was sent, with its spans in an object store. */
function answerMlflow(url: URL, told: string, store?: "s3" | "gs"): Response | undefined {
  const id = /\/traces\/(tr-\w+)$/.exec(url.pathname)?.[1];
  if (url.pathname.endsWith("/get-trace-artifact")) return Response.json({ spans: [] });
  if (url.pathname.endsWith("/traces/get")) {
    return Response.json({ trace: { trace_info: {}, spans: [] } });
  }
  if (id === undefined) return undefined;
  const place = { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } };
  const tags = {
    told,
    "mlflow.trace.spansLocation": "ARCHIVE_REPO",
    "mlflow.trace.archiveLocation": `${store ?? (id === TRACE ? "s3" : "gs")}://bucket/${id}`,
  };
  const info = { trace_id: id, trace_location: place, request_preview: told, state: "OK", tags };
  return Response.json({ trace: { trace_info: info } });
}

/** A value for every argument that some tool must have. */
const ARGUMENTS: Readonly<Record<string, unknown>> = {
  trace_id: TRACE,
  assessment_id: ASSESSMENT,
  name: "tone",
  value: "good",
  key: "team",
  query: "How do I log a metric?",
  run_id: "run1",
  run_ids: ["run1", "run2"],
  trace_ids: [TRACE],
  artifact_name: "team/project/cars:v0",
  artifact_name_a: "team/project/cars:v0",
  artifact_name_b: "team/project/cars:v1",
  collection_name: "cars",
  registry_name: "model",
  analysis_name: "analysis",
  data: [{ a: 1 }],
  confirm: true,
};
const Listing = z.looseObject({
  tools: z.array(z.looseObject({
    name: z.string(),
    inputSchema: z.looseObject({
      required: z.array(z.string()).default([]),
      properties: z.looseObject({}),
    }),
  })),
});

/** A call of each tool, and of a trace in each store. */
function callsOf(listing: unknown): (readonly [string, Record<string, unknown>])[] {
  const calls = Listing.parse(listing).tools.map(({ name, inputSchema }) => {
    const { required, properties } = inputSchema;
    const names = Object.keys(ARGUMENTS).filter((one) => one in properties);
    for (const one of required) assert.ok(names.includes(one), `${name} needs ${one}`);
    return [name, Object.fromEntries(names.map((one) => [one, ARGUMENTS[one]]))] as const;
  });
  const other = TRACE.replace(/1$/, "2");
  return calls.some(([name]) => name === "get_trace")
    ? [...calls, ["get_trace", { trace_id: other }]]
    : calls;
}

async function callOverStdio(
  env: Env,
  tell: (mode: Mode) => unknown,
  least: number,
): Promise<string> {
  await using product = await startStdio(env);
  await initialize(product);
  await send(product, { id: 1, method: "tools/list" });
  const calls = callsOf((await answerTo(product, 1)).result);
  assert.ok(calls.length >= least, String(calls.length));
  let id = 1;
  for (const mode of MODES) {
    tell(mode);
    const begun = id;
    for (const [name, args] of calls) {
      await send(product, { id: ++id, method: "tools/call", params: { name, arguments: args } });
    }
    await send(product, {
      id: ++id,
      method: "resources/read",
      params: { uri: `mlflow://traces/${TRACE}` },
    });
    for (let one = begun + 1; one <= id; one++) await answerTo(product, one);
  }
  await product.end();
  assert.equal((await product.status()).code, 0);
  return product.stdout.text + product.stderr.text;
}

Deno.test("no byte of a secret in a file gets out over stdio, and only its own server gets it", async () => {
  for (const setup of ["server", "databricks", "signed"] as const) {
    await using prepared = await prepare(setup);
    const { env, tell, check, checkServers } = prepared;
    const { MLFLOW_TRACKING_CLIENT_CERT_PATH: client, ...rest } = env;
    const told = await callOverStdio(rest, tell, setup === "signed" ? 12 : 30);
    if (setup !== "signed") assert.match(told, /\*\*\*/, "servers did repeat them");
    check(told, setup);
    tell("repeats");
    const away = {
      MLFLOW_TRACKING_URI: "http://127.0.0.1:1",
      WANDB_BASE_URL: "http://127.0.0.1:1",
    };
    for (
      const [words, more] of [
        [["doctor"], {}],
        [
          ["doctor", "--json"],
          client === undefined ? {} : { MLFLOW_TRACKING_CLIENT_CERT_PATH: client },
        ],
        [["setup", "claude-code"], {}],
        [["call", "get_trace", `trace_id=${TRACE}`], away],
      ] as const
    ) {
      const { stdout, stderr } = await run(words, { ...rest, ...more });
      assert.ok(stdout + stderr !== "");
      check(stdout + stderr, words.join(" "));
    }
    checkServers();
  }
});

Deno.test("no byte of a secret in a file or header gets out over HTTP", async () => {
  await using prepared = await prepare("server");
  const { env, tell, check, checkServers } = prepared;
  const { url, process } = await startHttp(env, ["--auth", "token", "--metrics"]);
  await using _ = process;
  const told: string[] = [];
  const take = async (response: Response) => {
    told.push([...response.headers].join("\n"), await response.text());
    return told.at(-1) ?? "";
  };
  for (const path of ["healthz", "readyz", "metrics", "mcp", "other"]) {
    for (const token of [TOKEN, `${TOKEN}x`]) {
      const headers = { ...CALLER, authorization: `Bearer ${token}` };
      await take(await fetch(new URL(`/${path}`, url), { headers }));
    }
  }
  const headers = { ...CALLER, authorization: `Bearer ${TOKEN}` };
  const post = (method: string) =>
    fetch(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": LEGACY,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} }),
    });
  const list = await take(await post("tools/list"));
  const listing = z.looseObject({ result: z.unknown() })
    .parse(JSON.parse(list.replace(/^[\s\S]*?^data: ?/m, "").split("\n")[0] ?? "")).result;
  for (const mode of MODES) {
    tell(mode);
    for (const [name, args] of callsOf(listing)) {
      const revision = mode === "refuses" ? LEGACY : MODERN;
      await take(await callOverHttp(url, revision, name, args, null, headers));
    }
  }
  process.signal("SIGTERM");
  assert.equal((await process.status()).code, 0);
  told.push(process.stdout.text, process.stderr.text);
  check(told.join("\n"), "HTTP");
  assert.match(told.join("\n"), /\*\*\*/, "servers did repeat them");
  checkServers();
});

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

Deno.test("a proxy sees no secret of a file before the tunnel is open", async () => {
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

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
