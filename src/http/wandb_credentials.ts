import { Failure } from "../core/failure.ts";
import * as z from "zod";
import type { UpstreamSession } from "./client.ts";
import { path } from "./path.ts";

/** Who the requests come from. */
export interface Credentials {
  /** The `Authorization` header; may ask the API for a token first. */
  authorization(session: UpstreamSession): Promise<string>;
  /** Forgets what was refused; true when another try may do better. */
  renew(): boolean;
  /** Values that must not be shown. */
  secrets(): readonly string[];
}

/** An API key, sent as HTTP Basic: W&B takes any user name with it. */
export function apiKeyCredentials(key: string): Credentials {
  const header = `Basic ${new TextEncoder().encode(`api:${key}`).toBase64()}`;
  return {
    authorization: () => Promise.resolve(header),
    renew: () => false,
    secrets: () => [key, header.slice("Basic ".length)],
  };
}

/**
 * The API key wins over a file with an identity token; undefined without either. The launcher has
 * put a netrc file's key in the key's place.
 */
export function credentialsFor(
  key: string | undefined,
  identityFile: string | undefined,
): Credentials | undefined {
  if (key !== undefined) return apiKeyCredentials(key);
  return identityFile === undefined ? undefined : identityCredentials(identityFile);
}

/** RFC 7523: the grant that exchanges an identity token. */
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** Seconds before its end at which an access token is no longer used. */
const MARGIN = 60;

const TOKEN = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().catch(300),
});

/**
 * An identity token in a file, exchanged for access tokens at `{base}/oidc/token`. The file is read
 * anew for each exchange, since whoever issues the token replaces it before it expires.
 */
export function identityCredentials(
  file: string,
  read: (file: string) => Promise<string> = Deno.readTextFile,
  now: () => number = Date.now,
): Credentials {
  let current: { token: string; until: number } | undefined;
  let identity = "";
  return {
    authorization: async (session) => {
      if (current === undefined || current.until <= now()) {
        identity = await readIdentity(file, read);
        const reply = TOKEN.safeParse(
          await session.json({
            method: "POST",
            path: path`/oidc/token`,
            body: String(new URLSearchParams({ grant_type: GRANT, assertion: identity })),
            headers: { "content-type": "application/x-www-form-urlencoded" },
            repeatable: true,
          }),
        );
        if (!reply.success) {
          throw new Failure(
            "unauthorized",
            "W&B's token exchange gave no access token for the identity token.",
            { hint: "Check that the organization trusts the token's issuer." },
          );
        }
        const { access_token: token, expires_in: seconds } = reply.data;
        current = { token, until: now() + Math.max(5, seconds - MARGIN) * 1000 };
      }
      return `Bearer ${current.token}`;
    },
    renew: () => {
      const had = current !== undefined;
      current = undefined;
      return had;
    },
    secrets: () => [current?.token ?? "", identity],
  };
}

async function readIdentity(
  file: string,
  read: (file: string) => Promise<string>,
): Promise<string> {
  const text = await read(file).catch(() => "");
  if (text.trim() === "") {
    throw new Failure(
      "unauthorized",
      "The identity token file of WANDB_IDENTITY_TOKEN_FILE cannot be read or is empty.",
      { hint: "Check the path and who may read it, or set WANDB_API_KEY." },
    );
  }
  return text.trim();
}
