/** Careless servers that repeat what they were sent, and a home folder with secrets in its files. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type FakeMlflow, startFakeMlflow, TRACE } from "../../e2e/fake_mlflow.ts";
import {
  CALLER,
  type Host,
  hostOf,
  HOSTS,
  makeSecret,
  needlesOf,
  PKCS8,
  readAll,
  repeat,
  type Secret,
  SECRETS,
  TOKEN,
  type Urls,
} from "./secrets.ts";

/** What the servers do, in this order: who has been let in would not be refused again. */
export const MODES = ["redirects", "refuses", "stores refuse", "repeats"] as const;
export type Mode = (typeof MODES)[number];

/** The servers, and what is in the home folder. */
export async function prepare(setup: Secret["setup"]) {
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
export function answerMlflow(url: URL, told: string, store?: "s3" | "gs"): Response | undefined {
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

export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
