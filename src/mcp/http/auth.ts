import { createHmac } from "node:crypto";
import { defined } from "../../core/values.ts";
import type { Caller } from "../tool.ts";
import { refuse } from "./refusal.ts";
import { findHolder, type ReadTokens } from "./tokens.ts";

/** How callers are authenticated. */
export type Authentication =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly read: ReadTokens }
  | {
    readonly kind: "passthrough";
    /** Key of the hash that turns credentials into a caller's id, which does not reveal them. */
    readonly key: Uint8Array;
  };

/** An authenticated caller, with the secrets that must not be shown. */
export interface Admitted {
  readonly caller?: Caller;
  /** Whose quota its calls use: each credential has its own, since none has been checked. */
  readonly counted: readonly string[];
  readonly secrets: readonly string[];
}

/** Carries the `Authorization` header for MLflow, beside W&B's key in the request's own. */
const MLFLOW_HEADER = "x-mlflow-authorization";

/** Headers that must not go further than here. */
export const CREDENTIAL_HEADERS: readonly string[] = ["authorization", MLFLOW_HEADER];

/** One token of visible characters; two headers of a name arrive with a space between them. */
const BEARER = /^Bearer +([\x21-\x7E]{1,8192})$/i;
const MLFLOW = /^(Basic|Bearer) +([\x21-\x7E]{1,8192})$/i;

/** Identifies the caller of a request, or returns the response that refuses it. */
export async function authenticate(
  headers: Headers,
  how: Authentication,
): Promise<Admitted | Response> {
  if (how.kind === "none") return { counted: [], secrets: [] };
  const given = headers.get("authorization");
  const bearer = BEARER.exec(given ?? "")?.[1];
  if (given !== null && bearer === undefined) {
    return challenge("The Authorization header must be: Bearer <token>.", "invalid_request");
  }
  if (how.kind === "passthrough") return admitWithCredentials(bearer, headers, how.key);
  if (bearer === undefined) return challenge("Send a token: Authorization: Bearer <token>.");
  const tokens = await how.read();
  if (tokens === undefined) {
    return refuse(503, "The server cannot read its list of tokens.");
  }
  const name = findHolder(tokens, bearer);
  if (name === undefined) return challenge("This token is not valid here.", "invalid_token");
  return { caller: { id: name }, counted: [name], secrets: [bearer] };
}

function admitWithCredentials(
  wandb: string | undefined,
  headers: Headers,
  key: Uint8Array,
): Admitted | Response {
  const mlflow = headers.get(MLFLOW_HEADER) ?? undefined;
  const [, scheme = "", secret = ""] = MLFLOW.exec(mlflow ?? "") ?? [];
  if (mlflow !== undefined && secret === "") {
    return challenge(`${MLFLOW_HEADER} must be Basic or Bearer credentials.`, "invalid_request");
  }
  if (wandb === undefined && mlflow === undefined) {
    return challenge(
      "Send credentials: Authorization: Bearer <W&B API key>, " +
        `${MLFLOW_HEADER}: <MLflow's Authorization header>, or both.`,
    );
  }
  const identify = (...credentials: readonly (string | null)[]) =>
    createHmac("sha256", key)
      .update("caller:")
      .update(JSON.stringify(credentials))
      .digest("hex").slice(0, 32);
  return {
    caller: {
      id: identify(wandb ?? null, mlflow ?? null),
      credentials: defined({ wandb, mlflow }),
    },
    counted: [
      ...(wandb === undefined ? [] : [identify("wandb", wandb)]),
      ...(mlflow === undefined ? [] : [identify("mlflow", mlflow)]),
    ],
    secrets: [
      ...(wandb === undefined ? [] : [wandb, btoa(`api:${wandb}`)]),
      ...(secret === "" ? [] : [secret]),
      ...(/^basic$/i.test(scheme) ? basicSecrets(secret) : []),
    ],
  };
}

/** The pair and the password that HTTP Basic carries. */
function basicSecrets(encoded: string): string[] {
  try {
    const pair = new TextDecoder().decode(Uint8Array.fromBase64(encoded));
    return [pair, pair.slice(pair.indexOf(":") + 1)];
  } catch {
    return [];
  }
}

/** Names no authorization server: there is none, and clients would try to log in there. */
function challenge(message: string, error?: "invalid_request" | "invalid_token"): Response {
  const how = error === undefined ? "Bearer" : `Bearer error="${error}"`;
  return refuse(401, message, { "www-authenticate": how });
}
