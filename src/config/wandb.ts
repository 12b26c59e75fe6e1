/**
 * Which of W&B's hosts a configuration names. The launcher uses this to permit exactly these;
 * everything else about the account is in `wandb/account.ts`.
 *
 * @module
 */
import { toHttpUrl } from "../core/values.ts";
import { type Needs, notUrl } from "./needs.ts";
import type { Settings } from "./settings.ts";

/** The documentation search endpoint, unless `WANDBOT_BASE_URL` names another. */
const DOCS_URL = "https://docs.wandb.ai/mcp";

/** Whether there are credentials for Weights & Biases, or callers bring their own. */
export function isWandbConfigured(settings: Settings): boolean {
  return settings.auth === "passthrough" || settings.wandbApiKey !== undefined ||
    settings.wandbIdentityTokenFile !== undefined;
}

/** Explains why W&B's tools are missing without credentials. */
export function explainNoKey(settings: Settings): string {
  const host = wandbBaseUrl(settings)?.host ?? "the API's host";
  return "W&B and Weave tools are not listed: no key is configured (WANDB_API_KEY, or an entry for " +
    `${host} in the netrc file).`;
}

/**
 * The address of W&B's API, without credentials, query or trailing slash; undefined if it is not an
 * http(s) URL. The web address of the public cloud is mapped to its API, and a GraphQL endpoint to
 * the API that it belongs to.
 */
export function wandbBaseUrl(settings: Settings): URL | undefined {
  const url = httpUrl(settings.wandbBaseUrl.trim().replace(/\/graphql\/*$/, ""));
  if (url !== undefined && /^(app\.|www\.)?wandb\.ai$/.test(url.hostname)) {
    return new URL("https://api.wandb.ai");
  }
  return url;
}

/**
 * The address of Weave's trace server: `WF_TRACE_SERVER_URL`, else `WEAVE_TRACE_SERVER_URL`, else
 * W&B's own for the public cloud, else `/traces` below the instance (as in Weave's SDKs).
 */
export function weaveTraceUrl(settings: Settings): URL | undefined {
  if (settings.weaveTraceUrl !== undefined) return httpUrl(settings.weaveTraceUrl);
  const base = settings.wandbPublicUrl === undefined
    ? wandbBaseUrl(settings)
    : httpUrl(settings.wandbPublicUrl);
  if (base === undefined) return undefined;
  if (/^(api\.|app\.|www\.)?wandb\.ai$/.test(base.hostname)) {
    return new URL("https://trace.wandb.ai");
  }
  return new URL(`${base.href.replace(/\/+$/, "")}/traces`);
}

/** The documentation search endpoint; undefined if it is off, absent or not an http(s) URL. */
export function wandbDocsUrl(settings: Settings): URL | undefined {
  if (!isWandbConfigured(settings) || !settings.wandbProxyDocs) return undefined;
  return httpUrl(settings.wandbDocsUrl ?? DOCS_URL);
}

/** Parses an http(s) URL; drops credentials, query, fragment and trailing slash. */
export function httpUrl(text: string): URL | undefined {
  const url = toHttpUrl(text.trim());
  if (url === undefined) return undefined;
  url.username = "";
  url.password = "";
  url.search = "";
  url.hash = "";
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

/** W&B's hosts are needed only with credentials, the documentation's only if search is on. */
export function needWandb(settings: Settings): Needs {
  if (!isWandbConfigured(settings)) return {};
  const base = wandbBaseUrl(settings);
  const docs = wandbDocsUrl(settings);
  const traces = weaveTraceUrl(settings);
  const errors: string[] = [];
  if (base === undefined) errors.push(notUrl("WANDB_BASE_URL", settings.wandbBaseUrl));
  if (docs === undefined && settings.wandbProxyDocs) {
    errors.push(notUrl("WANDBOT_BASE_URL", settings.wandbDocsUrl));
  }
  if (traces === undefined && base !== undefined) {
    const { weaveTraceUrl: own, wandbPublicUrl } = settings;
    errors.push(
      own === undefined
        ? notUrl("WANDB_PUBLIC_BASE_URL", wandbPublicUrl)
        : notUrl("WF_TRACE_SERVER_URL", own),
    );
  }
  const urls = [
    [base, "W&B's API"],
    [docs, "W&B's documentation search"],
    [traces, "Weave"],
  ] as const;
  const { wandbApiKey, wandbIdentityTokenFile: file } = settings;
  return {
    hosts: urls.flatMap(([url, why]) => url === undefined ? [] : [[url, why] as const]),
    files: wandbApiKey === undefined && file !== undefined
      ? [[file, "WANDB_IDENTITY_TOKEN_FILE"]]
      : [],
    errors,
  };
}
