/** Microsoft Entra, as far as a service principal sees it. */
export interface Entra {
  readonly url: string;
  readonly tenant: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** The resources that tokens were asked for. */
  readonly asked: readonly string[];
  /** Whether a token was given here for Databricks. */
  knows(token: string): boolean;
  stop(): Promise<void>;
}

const STORAGE = "https://storage.azure.com/";
const DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

export function startEntra(): Entra {
  const tenant = "99999999-8888-7777-6666-555555555555";
  const client = { id: "33333333-aaaa-bbbb-cccc-444444444444", secret: "entra-canary~9.8-7_6" };
  const asked: string[] = [];
  const given = new Set<string>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const form = new URLSearchParams(await request.text());
      const { pathname } = new URL(request.url);
      if (pathname !== `/${tenant}/oauth2/token`) return new Response("", { status: 404 });
      const secret = form.get("client_secret");
      if (form.get("client_id") !== client.id || secret !== client.secret) {
        return Response.json({
          error: "invalid_client",
          error_description:
            `AADSTS7000222: The provided client secret keys are expired: ${secret}`,
        }, { status: 401 });
      }
      const resource = form.get("resource") ?? "";
      asked.push(resource);
      const token = resource === STORAGE
        ? printToken(tenant, client.id)
        : `entra-token-canary-${crypto.randomUUID()}`;
      if (resource === DATABRICKS) given.add(token);
      // Version 1 of the endpoint writes numbers as texts.
      return Response.json({ access_token: token, token_type: "Bearer", expires_in: "3599" });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    ...{ tenant, client, asked },
    knows: (token) => given.has(token),
    stop: () => server.shutdown(),
  };
}

/** A token whose claims Azurite reads; it checks no signature. */
function printToken(tenant: string, client: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ aud: STORAGE, iss: `https://sts.windows.net/${tenant}/`, tid: tenant, appid: client },
    ...{ iat: now - 60, nbf: now - 60, exp: now + 3600, ver: "1.0" },
  };
  const encode = (value: object) =>
    new TextEncoder().encode(JSON.stringify(value))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  return `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}.c2lnbmF0dXJl`;
}
