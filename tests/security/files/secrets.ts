/** The files that hold secrets, each with a secret of its own, and how to find what stays of one. */
import { createHash } from "node:crypto";
import { rootCertificates } from "node:tls";
import { AUTHORITY_VARIABLES } from "../../../src/config/authorities.ts";
import type { FakeMlflow } from "../../e2e/fake_mlflow.ts";

/** Servers, each at an address of its own; nothing is for `elsewhere`, to which some redirect. */
export const HOSTS = [
  "mlflow",
  "databricks",
  "wandb",
  "docs",
  "sts",
  "s3",
  "google",
  "elsewhere",
] as const;
export type Host = (typeof HOSTS)[number];
export type Urls = Readonly<Record<Host, string>>;

/** A file with a secret in it. */
export interface Secret {
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
export const TOKEN = makeSecret(200);
export const CALLER: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...["cookie", "proxy-authorization", "x-mlflow-authorization", "x-api-key", "x-wandb-api-key"],
    ...["x-forwarded-access-token", "x-amz-security-token", "referer", "mcp-session-id", "baggage"],
    ...["tracestate", "x-request-id", "user-agent", "last-event-id"],
  ].map((name, index) => [name, makeSecret(300 + index)]),
);
export const hostOf = (url: string) => new URL(url).host;
const certificate = (secret: string) =>
  `# ${secret}\n-----BEGIN PRIVATE KEY-----\n${btoa(secret)}\n-----END PRIVATE KEY-----\n` +
  `${rootCertificates[0]}\n`;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const KEY = await crypto.subtle.generateKey(
  { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  true,
  ["sign", "verify"],
);
export const PKCS8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", KEY.privateKey))
  .toBase64();

export const SECRETS: readonly Secret[] = [
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

/** A secret whose beginning, end and middle are each found only where it is. */
export function makeSecret(index: number): string {
  const [start, end] = [0, 1].map(() => crypto.randomUUID().slice(24));
  return `cnry${index}-${start}/+=&${end}`;
}

/** Of what must not leave: what stays of a secret in every form, cut ones included. */
export function needlesOf(secret: string, user: string): string[] {
  const base64 = (text: string) => btoa(text).replace(/=+$/, "");
  const [start = "", end = ""] = secret.split("/+=&");
  return [start.slice(0, 14), end, base64(secret), base64(`${user}:${secret}`)]
    .flatMap((form) => [form, form.slice(0, 20)]);
}

/** What was sent, and what it says when it is decoded. */
export function readAll({ path, headers, body }: FakeMlflow["seen"][number]): string {
  const texts = [path, body, ...[...headers].map(([, value]) => value)];
  const decoded = texts.flatMap((text) => {
    const basic = /^Basic (\S+)$/.exec(text)?.[1];
    return [text, decodeURIComponent(text.replaceAll("+", " ").replaceAll(/%(?![\dA-F]{2})/gi, ""))]
      .concat(basic === undefined ? [] : atob(basic));
  });
  return decoded.join("\n");
}

/** The forms in which a careless server repeats what it was sent. */
export function repeat(secrets: readonly string[]): string {
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
