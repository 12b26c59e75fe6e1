/**
 * Google Cloud Storage as `google-cloud-storage` writes to it without credentials, as an emulator,
 * and as readers with a service account see it. `sign_google.py` lets `google-auth` sign in here.
 */
import * as z from "zod";
import { runWithClouds } from "./write.ts";

export interface GoogleStub extends AsyncDisposable {
  readonly url: string;
  /** The text of a service account's key file. */
  readonly keyFile: string;
  /** Objects by `bucket/name`. */
  readonly objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** How often a token was given. */
  readonly issued: () => number;
  /** What reads are answered with in place of objects. */
  answer: (() => Response) | undefined;
  /** What requests for tokens are answered with. */
  refuseTokens: (() => Response) | undefined;
}

const Claims = z.object({
  iss: z.literal("reader@project.iam.gserviceaccount.com"),
  scope: z.string().min(1),
  // Google's own library names this one, whatever token_uri says.
  aud: z.literal("https://oauth2.googleapis.com/token"),
  iat: z.number(),
  exp: z.number(),
});
const Metadata = z.looseObject({ name: z.string() });
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

export async function startGoogle(): Promise<GoogleStub> {
  const pair = await crypto.subtle.generateKey(
    { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  );
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)).toBase64();
  const objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const tokens = new Set<string>();
  const stub: Pick<GoogleStub, "answer" | "refuseTokens"> = {
    answer: undefined,
    refuseTokens: undefined,
  };

  const giveToken = async (request: Request): Promise<Response> => {
    if (stub.refuseTokens !== undefined) return stub.refuseTokens();
    const form = new URLSearchParams(await request.text());
    const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const decode = (text: string) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const signed = new TextEncoder().encode(`${header}.${claims}`);
    const genuine = form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer" &&
      await crypto.subtle.verify(RSA, pair.publicKey, decode(signature), signed);
    const { iat, exp } = Claims.parse(JSON.parse(new TextDecoder().decode(decode(claims))));
    const now = Date.now() / 1000;
    const timely = iat <= now + 60 && exp >= now && exp - iat <= 3600;
    if (!genuine || !timely) {
      return Response.json({ error: "invalid_grant", error_description: "Invalid JWT." }, {
        status: 400,
      });
    }
    const token = `ya29.canary-${crypto.randomUUID()}`;
    tokens.add(token);
    return Response.json({ access_token: token, token_type: "Bearer", expires_in: 3599 });
  };

  const store = async (request: Request, bucket: string): Promise<Response> => {
    const boundary = /boundary="?([^";]+)/.exec(request.headers.get("content-type") ?? "")?.[1];
    // One byte is one character here, so that places in the text are places in the bytes.
    const text = new TextDecoder("latin1").decode(await request.arrayBuffer());
    const [, metadata = "", content = ""] = text.split(`--${boundary}`)
      .map((part) => part.replace(/^\r?\n?[\s\S]*?\r?\n\r?\n/, "").replace(/\r?\n$/, ""));
    const bytes = (latin: string) => Uint8Array.from(latin, (one) => one.charCodeAt(0));
    const { name } = Metadata.parse(JSON.parse(new TextDecoder().decode(bytes(metadata))));
    objects.set(`${bucket}/${name}`, bytes(content));
    return Response.json({ kind: "storage#object", bucket, name, size: String(content.length) });
  };

  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/token") return await giveToken(request);
      const [, uploads] = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(pathname) ?? [];
      if (request.method === "POST" && uploads !== undefined) return await store(request, uploads);
      const [, bucket = "", name = ""] = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(pathname) ??
        [];
      const bearer = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
      if (!tokens.has(bearer)) return refuseRead(401, "Invalid Credentials", "authError");
      if (stub.answer !== undefined) return stub.answer();
      const object = objects.get(`${bucket}/${decodeURIComponent(name)}`);
      return object === undefined || searchParams.get("alt") !== "media"
        ? refuseRead(404, `No such object: ${bucket}/${decodeURIComponent(name)}`, "notFound")
        : new Response(object);
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const keyFile = JSON.stringify({
    type: "service_account",
    project_id: "project",
    private_key_id: "0123abcd",
    private_key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n` +
      "-----END PRIVATE KEY-----\n",
    client_email: "reader@project.iam.gserviceaccount.com",
    client_id: "1",
    token_uri: `${url}/token`,
  });
  return Object.assign(stub, {
    ...{ url, keyFile, objects },
    issued: () => tokens.size,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

/** A refusal in the form of Google's services. */
export function refuseRead(status: number, message: string, reason: string): Response {
  return Response.json({ error: { code: status, message, errors: [{ message, reason }] } }, {
    status,
  });
}

/** Lets `google-auth` sign in with a key file. */
export function signInByGoogleAuth(keyFile: string): Promise<string> {
  return runWithClouds("./sign_google.py", [keyFile], {});
}
