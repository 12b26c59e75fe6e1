/** Who is asking: API keys, and access tokens got for an identity token. */
import { Buffer } from "node:buffer";
import type { Sim } from "./context.ts";
import type { User } from "./model.ts";

/** The credentials that the simulator knows. */
export class Credentials {
  readonly #users = new Map<string, string>();
  readonly #identities = new Map<string, string>();
  readonly #tokens = new Map<string, string>();

  /** Lets a key in as this user. */
  addKey(key: string, username: string): void {
    this.#users.set(key, username);
  }

  /** Lets an identity token be exchanged as this user. */
  addIdentity(token: string, username: string): void {
    this.#identities.set(token, username);
  }

  /** The user of a request; undefined without valid credentials. */
  caller(sim: Sim, header: string | null): User | undefined {
    const [scheme, value] = (header ?? "").split(" ", 2);
    if (value === undefined) return undefined;
    let username: string | undefined;
    if (scheme?.toLowerCase() === "bearer") username = this.#tokens.get(value);
    else if (scheme?.toLowerCase() === "basic") {
      const text = Buffer.from(value, "base64").toString();
      const key = text.slice(text.indexOf(":") + 1);
      username = this.#users.get(key) ?? this.#identities.get(key);
    }
    return username === undefined ? undefined : sim.db.users.first({ username });
  }

  /** Answers the token endpoint's form: RFC 7523. */
  exchange(form: URLSearchParams): Response {
    const username = this.#identities.get(form.get("assertion") ?? "");
    if (
      form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer" ||
      username === undefined
    ) {
      return Response.json({ error: "invalid_grant" }, { status: 401 });
    }
    const token = `access-${crypto.randomUUID()}`;
    this.#tokens.set(token, username);
    return Response.json({ access_token: token, token_type: "Bearer", expires_in: 3600 });
  }

  /** Ends all access tokens, as their expiry does. */
  expireTokens(): void {
    this.#tokens.clear();
  }
}
