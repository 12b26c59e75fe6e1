/**
 * A Databricks workspace as `databricks-sdk` and `mlflow` see it: its sign-in, the routes of
 * experiments and traces, and a store behind presigned links. `clients.test.ts` points both
 * packages at it.
 *
 * @module
 */
import { type Entra, startEntra } from "./entra.ts";
import { startStorage, type Storage } from "./storage.ts";
import { createTraces, type Seed, type Traces } from "./traces.ts";

/** How a workspace behaves. */
export interface WorkspaceOptions {
  /** What the long search does: answer at once, after some polls, for no experiments, or not exist. */
  readonly search?:
    | "at once"
    | "polled"
    | "endless"
    | "no experiments"
    | "absent"
    | "fails"
    | "fails later"
    | "one by one";
  /** Traces of Unity Catalog whose spans cannot be read, with the refusal of their batch. */
  readonly damaged?: ReadonlyMap<string, { readonly status: number; readonly code: string }>;
  /** Called after each page of a search. */
  readonly onPage?: () => void;
  /** Seconds that tokens are said to be good for. */
  readonly lifetime?: number;
  /** Where tokens are given, if not here. */
  readonly tokenEndpoint?: string;
}

/** A request that a workspace got. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
}

/** A running workspace. */
export interface Workspace extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly client: { readonly id: string; readonly secret: string };
  readonly warehouse: string;
  readonly entra: Entra;
  readonly storage: Storage;
  readonly requests: readonly Seen[];
  /** How often a token was given for the client's credentials. */
  readonly issued: () => number;
  /** Every token that was given is refused from now on. */
  revoke(): void;
  /** Adds a trace of Unity Catalog or of an experiment. */
  add(trace: Seed): void;
}

/** A refusal in the form of Databricks' services. */
export function refuse(status: number, code: string, message: string): Response {
  return Response.json({ error_code: code, message }, { status });
}

export function startDatabricks(options: WorkspaceOptions = {}): Workspace {
  const token = "dapi-canary-0123456789";
  const client = { id: "11111111-aaaa-bbbb-cccc-222222222222", secret: "dose-canary/+ 9876543210" };
  const warehouse = "abcdef0123456789";
  const requests: Seen[] = [];
  const entra = startEntra();
  const storage = startStorage();
  const traces = createTraces({ options, warehouse, storage });
  const given = new Set<string>();
  let issued = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const url = new URL(request.url);
      const body = await request.text();
      const { method, headers } = request;
      requests.push({ method, path: url.pathname, query: url.searchParams, headers, body });
      switch (url.pathname) {
        case "/.well-known/databricks-config":
          return Response.json({ oidc_endpoint: `${url.origin}/oidc`, workspace_id: "4242" });
        case "/oidc/.well-known/oauth-authorization-server":
          return Response.json({
            authorization_endpoint: `${url.origin}/oidc/v1/authorize`,
            token_endpoint: options.tokenEndpoint ?? `${url.origin}/oidc/v1/token`,
          });
        case "/oidc/v1/token": {
          const form = new URLSearchParams(body);
          if (!isClient(headers.get("authorization"), client)) {
            return Response.json({ error: "invalid_client", error_description: body }, {
              status: 401,
            });
          }
          if (form.get("grant_type") !== "client_credentials" || form.get("scope") !== "all-apis") {
            return Response.json({ error: "invalid_request" }, { status: 400 });
          }
          const access = `oauth-canary-${++issued}-${crypto.randomUUID()}`;
          given.add(access);
          const { lifetime: seconds = 3600 } = options;
          return Response.json({ access_token: access, token_type: "Bearer", expires_in: seconds });
        }
      }
      const bearer = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
      if (bearer !== token && !given.has(bearer) && !entra.knows(bearer)) {
        return refuse(403, "403", `Invalid access token. ${headers.get("authorization")}`);
      }
      return traces.answer(method, url, body);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    ...{ token, client, warehouse, entra, storage, requests },
    issued: () => issued,
    revoke: () => given.clear(),
    add: (trace) => traces.add(trace),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([server.shutdown(), entra.stop(), storage.stop()]);
    },
  };
}

/** HTTP Basic, with or without the percent-encoding that OAuth asks for. */
function isClient(header: string | null, { id, secret }: Workspace["client"]): boolean {
  const encoded = /^Basic (.+)$/.exec(header ?? "")?.[1] ?? "";
  const text = new TextDecoder().decode(Uint8Array.fromBase64(encoded));
  return text === `${id}:${secret}` ||
    text === `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
}

export type { Seed, Traces };
