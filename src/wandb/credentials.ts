import * as z from "zod";
import { Failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import type { UpstreamSession } from "../http/client.ts";
import { path } from "../http/path.ts";

/** Who the requests come from. Every secret is hidden from the log when it is learnt. */
export interface Credentials {
  /** The `Authorization` header; may ask W&B's API for a token first. */
  authorization(api: UpstreamSession): Promise<string>;
  /** Forgets a header that was refused; true when another try may do better. */
  renew(refused: string): boolean;
}

/** An API key, sent as HTTP Basic: W&B takes any user name with it. */
export function apiKeyCredentials(key: string, log: Log): Credentials {
  const basic = new TextEncoder().encode(`api:${key}`).toBase64();
  log.hide([key, basic]);
  return { authorization: () => Promise.resolve(`Basic ${basic}`), renew: () => false };
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
  log: Log,
  read: (file: string) => Promise<string> = Deno.readTextFile,
  now: () => number = Date.now,
): Credentials {
  let current: { header: string; until: number } | undefined;
  return {
    authorization: async (api) => {
      if (current !== undefined && current.until > now()) return current.header;
      const identity = await readIdentity(file, read);
      log.hide([identity]);
      const reply = TOKEN.safeParse(
        await api.json({
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
      log.hide([token]);
      const header = `Bearer ${token}`;
      current = { header, until: now() + Math.max(5, seconds - MARGIN) * 1000 };
      return header;
    },
    renew: (refused) => {
      // Another call may have renewed it meanwhile.
      if (current?.header === refused) current = undefined;
      return true;
    },
  };
}

async function readIdentity(
  file: string,
  read: (file: string) => Promise<string>,
): Promise<string> {
  const text = (await read(file).catch(() => "")).trim();
  if (text !== "") return text;
  throw new Failure(
    "unauthorized",
    "The identity token file of WANDB_IDENTITY_TOKEN_FILE cannot be read or is empty.",
    { hint: "Check the path and who may read it, or set WANDB_API_KEY." },
  );
}
