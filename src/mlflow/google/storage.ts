/** Files in Google Cloud Storage; loaded only when one of a configured bucket is asked for. */
import * as z from "zod";
import { findGoogleStorage, GOOGLE_TOKENS } from "../../config/clouds.ts";
import type { Settings } from "../../config/settings.ts";
import { Failure } from "../../core/failure.ts";
import { tryParseJson } from "../../core/json.ts";
import { type Log, readLifetime } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import { path } from "../../http/request.ts";
import type { Transport } from "../../http/transport.ts";
import { requestToken } from "../access/oauth.ts";
import {
  type OpenObject,
  readStoreRefusal,
  type Reason,
  type StoreLimits,
  type StoreWords,
} from "../objects.ts";
import { createTokenSource, type IssuedToken } from "../../http/token.ts";

const SETTING = "GOOGLE_APPLICATION_CREDENTIALS";
const SCOPE = "https://www.googleapis.com/auth/devstorage.read_only";
/** Seconds for which Google accepts a signed assertion. */
const LIFETIME = 3_600;

const KeyFile = z.looseObject({
  type: z.literal("service_account"),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.url({ protocol: /^https?$/ }).default(GOOGLE_TOKENS.href),
});
type KeyFile = z.output<typeof KeyFile>;

/** Why Google refuses a request, by its words; the first match is reported. */
const REASONS: readonly Reason[] = [
  {
    says: /does not have storage\.|insufficientPermissions|"forbidden"|AccessDenied/i,
    code: "forbidden",
    message: "Google Cloud Storage does not permit this",
    hint: `The service account of ${SETTING} needs the role Storage Object Viewer on the bucket.`,
  },
  {
    says: /authError|Invalid Credentials|UNAUTHENTICATED/i,
    code: "unauthorized",
    message: "Google Cloud Storage refused the credentials",
    hint: `Check ${SETTING}: the key may have been deleted, or its account disabled.`,
  },
];

export function reachGoogle(settings: Settings, limits: StoreLimits, log: Log): OpenObject {
  const storage = findGoogleStorage(settings);
  if (typeof storage === "string") throw new Failure("unauthorized", storage);
  const { credentialsFile: file, endpoint } = storage;
  const tokens = createTokenSource(() => signIn(file ?? "", limits.transport, log));
  const words: StoreWords = {
    service: "Google Cloud Storage",
    credentials: SETTING,
    setting: settings.gcsEndpoint === undefined
      ? "WANDFLOW_ARTIFACT_STORES"
      : "STORAGE_EMULATOR_HOST",
    reasons: REASONS,
    noFile: /No such object|notFound|^not found\s*$/i,
    noPlace: { name: "bucket", says: /bucket does not exist|NoSuchBucket/i },
  };
  const options = {
    ...limits,
    service: words.service,
    setting: words.setting,
    baseUrl: endpoint,
    headers: async (): Promise<Record<string, string>> =>
      file === undefined ? {} : { authorization: `Bearer ${await tokens.get()}` },
    readError: (status: number, body: string) => {
      // A token that is refused is not shown again.
      if (status === 401) tokens.drop();
      return readStoreRefusal(words, status, body);
    },
  };
  return (location, signal) => {
    const [, bucket = "", name = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(location) ?? [];
    return {
      session: openSession(options, signal),
      request: {
        method: "GET",
        path: path`/storage/v1/b/${bucket}/o/${name}`,
        query: [["alt", "media"]],
      },
    };
  };
}

/** Exchanges an assertion signed with the service account's key for a token (RFC 7523). */
async function signIn(file: string, transport: Transport, log: Log): Promise<IssuedToken> {
  const account = await readKeyFile(file);
  log.hide([account.private_key]);
  const assertion = await signAssertion(account);
  log.hide([assertion], readLifetime(assertion));
  return await requestToken(
    { name: "Google", setting: SETTING, credentials: SETTING, transport, log },
    new URL(account.token_uri),
    { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion },
  );
}

async function readKeyFile(file: string): Promise<KeyFile> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new Failure("unauthorized", `The key file ${file} cannot be read.`, {
      hint: `Check ${SETTING}.`,
      cause,
    });
  }
  const parsed = KeyFile.safeParse(tryParseJson(text));
  if (parsed.success) return parsed.data;
  throw new Failure("unauthorized", `${file} is not the key file of a service account.`, {
    hint: `${SETTING} takes a JSON file of the type service_account; users' logins, workload ` +
      "identities and the metadata service are not supported.",
  });
}

async function signAssertion(account: KeyFile): Promise<string> {
  const { client_email: issuer, private_key: pem, private_key_id: id } = account;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "RS256", typ: "JWT", ...(id === undefined ? {} : { kid: id }) };
  const claims = {
    iss: issuer,
    scope: SCOPE,
    aud: GOOGLE_TOKENS.href,
    iat: now,
    exp: now + LIFETIME,
  };
  const text = [header, claims].map((part) =>
    encode(new TextEncoder().encode(JSON.stringify(part)))
  )
    .join(".");
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  let key: CryptoKey;
  try {
    const body = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
    key = await crypto.subtle.importKey("pkcs8", Uint8Array.fromBase64(body), rsa, false, ["sign"]);
  } catch {
    // The cause may quote the key.
    throw new Failure("unauthorized", "The private key in the key file is damaged.", {
      hint: `Check ${SETTING}: private_key is PEM text of PKCS #8, as Google gives it.`,
    });
  }
  const signature = await crypto.subtle.sign(rsa, key, new TextEncoder().encode(text));
  return `${text}.${encode(new Uint8Array(signature))}`;
}

function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
