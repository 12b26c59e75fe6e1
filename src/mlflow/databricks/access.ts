import * as z from "zod";
import type { DatabricksLogin, Workspace } from "../../config/databricks.ts";
import { defined, toHttpUrl } from "../../core/values.ts";
import { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { openSession } from "../../http/client.ts";
import { path } from "../../http/request.ts";
import { hostNotAllowed } from "../../http/network.ts";
import { formatHostPort, mayReach, type Transport } from "../../http/transport.ts";
import { readMlflowError } from "../errors.ts";
import { type Issuer, reachIssuer, requestEntraToken, requestToken } from "../access/oauth.ts";
import { createTokenSource, type IssuedToken } from "../../http/token.ts";

/** The id of Azure Databricks in Entra, the same in every tenant. */
const AZURE_DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

const Discovery = z.looseObject({ token_endpoint: z.string() });

/** How requests to a workspace are authorized. */
export interface DatabricksAccess {
  /** Headers of every request. */
  readonly headers: () => Promise<Record<string, string>>;
  /** Reads an error body, and forgets a refused token. */
  readonly readError: (status: number, body: string) => Failure | undefined;
}

/** The settings of each kind of login, for messages. */
const CREDENTIALS: Readonly<Record<DatabricksLogin["kind"], string>> = {
  "pat": "DATABRICKS_TOKEN",
  "oauth-m2m": "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET",
  "azure-client-secret": "ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET",
};

export function accessWorkspace(
  workspace: Workspace,
  transport: Transport,
  log: Log,
): DatabricksAccess {
  const { authorize, drop } = prepareLogin(workspace, transport, log);
  const credentials = CREDENTIALS[workspace.login.kind];
  return {
    headers: async () => ({
      ...await authorize(),
      ...defined({ "x-databricks-org-id": workspace.id }),
    }),
    readError: (status, body) => {
      const refused = status === 401 || (status === 403 && /(invalid|expired).*token/i.test(body));
      if (refused) {
        drop();
        return new Failure(
          "unauthorized",
          `Databricks refused the credentials (HTTP ${status}).`,
          { status, hint: `Check ${credentials}: they may be wrong, expired or revoked.` },
        );
      }
      if (status === 403) {
        return new Failure("forbidden", "Databricks does not permit this (HTTP 403).", {
          status,
          hint: `The user or service principal of ${credentials} lacks the permission on the ` +
            "experiment or workspace, or an IP access list keeps this machine out.",
        });
      }
      if (/Could not resolve a SQL warehouse/i.test(body)) {
        return new Failure("invalid_arguments", "Traces in Unity Catalog need a SQL warehouse.", {
          status,
          hint: "Set MLFLOW_TRACING_SQL_WAREHOUSE_ID to the id of one that you may use.",
        });
      }
      return readMlflowError(status, body);
    },
  };
}

interface Login {
  readonly authorize: () => Promise<Record<string, string>>;
  readonly drop: () => void;
}

function prepareLogin({ url, login }: Workspace, transport: Transport, log: Log): Login {
  switch (login.kind) {
    case "pat": {
      const headers = { authorization: `Bearer ${login.token}` };
      return { authorize: () => Promise.resolve(headers), drop: () => {} };
    }
    case "oauth-m2m": {
      const issuer: Issuer = {
        name: "Databricks",
        setting: "DATABRICKS_HOST",
        credentials: CREDENTIALS[login.kind],
        ...{ transport, log },
      };
      const tokens = createTokenSource(() => requestFromWorkspace(issuer, url, login));
      return {
        authorize: async () => ({ authorization: `Bearer ${await tokens.get()}` }),
        drop: () => tokens.drop(),
      };
    }
    case "azure-client-secret":
      return logInByEntra(login, transport, log);
  }
}

async function requestFromWorkspace(
  issuer: Issuer,
  url: URL,
  { clientId, clientSecret }: DatabricksLogin & { kind: "oauth-m2m" },
): Promise<IssuedToken> {
  const session = openSession(reachIssuer(issuer, url), new AbortController().signal);
  const discovery = Discovery.safeParse(
    await session.json({
      method: "GET",
      path: path`/oidc/.well-known/oauth-authorization-server`,
    }),
  );
  const endpoint = toHttpUrl(discovery.data?.token_endpoint ?? "");
  if (endpoint === undefined) {
    throw new Failure("upstream_error", "The workspace does not say where it issues tokens.", {
      hint: "Check that DATABRICKS_HOST is the address of a Databricks workspace.",
    });
  }
  if (url.protocol === "https:" && endpoint.protocol === "http:") {
    throw new Failure("upstream_error", "The workspace issues tokens without TLS.", {
      hint: `The secret was not sent to ${formatHostPort(endpoint)}. Check DATABRICKS_HOST.`,
    });
  }
  // The secret goes to the workspace's own host, or to one that the configuration names.
  if (endpoint.origin !== url.origin && !mayReach(formatHostPort(endpoint))) {
    const host = formatHostPort(endpoint);
    throw hostNotAllowed(host, `Databricks at ${url.host} issues tokens at another host, ${host}`);
  }
  const basic = new TextEncoder().encode(
    `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`,
  ).toBase64();
  issuer.log.hide([basic]);
  return await requestToken(
    issuer,
    endpoint,
    { grant_type: "client_credentials", scope: "all-apis" },
    { authorization: `Basic ${basic}` },
  );
}

function logInByEntra(
  login: DatabricksLogin & { kind: "azure-client-secret" },
  transport: Transport,
  log: Log,
): Login {
  const issuer = { credentials: CREDENTIALS[login.kind], transport, log };
  const ask = (resource: string) => () => requestEntraToken(issuer, login, resource);
  const tokens = createTokenSource(ask(AZURE_DATABRICKS));
  const management = createTokenSource(ask(login.management));
  const { resourceId } = login;
  return {
    authorize: async () => ({
      authorization: `Bearer ${await tokens.get()}`,
      // A principal that is not a user of the workspace yet is identified by its Azure rights.
      ...(resourceId === undefined ? {} : {
        "x-databricks-azure-workspace-resource-id": resourceId,
        "x-databricks-azure-sp-management-token": await management.get(),
      }),
    }),
    drop: () => {
      tokens.drop();
      management.drop();
    },
  };
}
