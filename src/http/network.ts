import { Failure } from "../core/failure.ts";
import { findProxy, PROXY_CREDENTIALS } from "../core/network.ts";

/** What a network error says about the back end. */
interface Place {
  /** The back end's name for people. */
  readonly service: string;
  readonly setting: string;
  readonly baseUrl: URL;
}

/** The error for a host that the configuration does not name; undefined for other errors. */
export function permissionFailure(error: unknown): Failure | undefined {
  // Of an address that a name turned out to have, only the message speaks; URLs hold no quotes.
  const needed = /Requires net access to "([^"]+)"/;
  const refused = causes(error).find((one) =>
    one.name === "NotCapable" || one.name === "PermissionDenied" || needed.test(one.message)
  );
  if (refused === undefined) return undefined;
  const host = needed.exec(refused.message)?.[1] ?? "that host";
  return hostNotAllowed(host, `${host} is not among the hosts that the configuration names`);
}

/** The error that names a host and the setting that would permit it, if one can. */
export function hostNotAllowed(host: string, what: string): Failure {
  return new Failure("host_not_allowed", `${what}; nothing was sent there.`, {
    effect: "none",
    hint: LINK_LOCAL.test(host)
      ? "No setting permits it: 169.254.0.0/16 belongs to cloud metadata services."
      : `If that host is to be trusted, add it: --allow-hosts ${host} ` +
        `(WANDFLOW_ALLOW_HOSTS=${host}).`,
  });
}

/** 169.254.0.0/16 as the URL parser writes it, also as an IPv6 address. */
const LINK_LOCAL = /^(169\.254\.|\[::ffff:a9fe:)/i;

/** Words of errors that come before a request is sent. */
const NEVER_SENT =
  /client error \(connect\)|connect(ion)? refused|econnrefused|enotfound|are blocked/;

/** The error for a request that got no reply, with its likely cause. */
export function networkFailure(place: Place, error: unknown): Failure {
  const { service, setting, baseUrl } = place;
  // The runtime quotes the URL, whose words say nothing about the cause.
  const text = causes(error).map((one) => one.message).join(" ").toLowerCase()
    .replaceAll(/\bfor (?:url )?\(?https?:\/\/\S+/g, "");
  const at = baseUrl.host;
  const effect = NEVER_SENT.test(text) ? "none" : undefined;
  const fail = (message: string, hint: string, retryable: boolean) =>
    new Failure("unreachable", message, { hint, retryable, effect, cause: error });
  const proxy = findProxy(baseUrl);
  if (proxy !== undefined) {
    if (/proxy authentication required/.test(text)) {
      return new Failure("unauthorized", `The proxy ${proxy} asks for credentials.`, {
        hint: PROXY_CREDENTIALS,
        effect,
        cause: error,
      });
    }
    if (/unsuccessful tunnel/.test(text)) {
      return fail(
        `The proxy ${proxy} does not connect to ${service} at ${at}.`,
        `It may not permit that host, or not reach it. ${checkSetting(setting)}`,
        true,
      );
    }
    if (/refused|dns error/.test(text)) {
      return fail(
        `The proxy ${proxy} on the way to ${service} at ${at} does not answer.`,
        `Check that variable; NO_PROXY=${baseUrl.hostname} does without the proxy.`,
        true,
      );
    }
  }
  if (/corrupt message|wrong version number|wrong_version/.test(text)) {
    return fail(
      `${service} at ${at} does not speak TLS.`,
      `Use http:// instead of https:// in ${setting}, if that is intended.`,
      false,
    );
  }
  if (/fatal alert: \w*(certificate|unknownca|accessdenied)/.test(text)) {
    return fail(
      `${service} at ${at} admits only those who show a certificate that it trusts.`,
      "For MLflow, MLFLOW_TRACKING_CLIENT_CERT_PATH names a PEM file with one and its key.",
      false,
    );
  }
  if (/certificate|tls|handshake|unknownissuer/.test(text)) {
    const trust =
      "Give the authority's PEM file in DENO_CERT (for MLflow: MLFLOW_TRACKING_SERVER_CERT_PATH), " +
      "or trust the system's with DENO_TLS_CA_STORE=system.";
    const [why, hint] = /unknownissuer|self[- ]signed|unable to get/.test(text)
      ? ["its certificate is signed by an authority that is not trusted here", trust]
      : /notvalidforname|not valid for name|altname/.test(text)
      ? ["its certificate is for another host name", `Name the host in ${setting} as it does.`]
      : /expired/.test(text)
      ? ["its certificate has expired", "The server needs a new one; check both clocks, too."]
      : ["the TLS connection failed", trust];
    return fail(`${service} at ${at} cannot be trusted: ${why}.`, hint, false);
  }
  if (/dns|lookup|name or service|no address|nodename/.test(text)) {
    return fail(
      `The host name of ${service}, ${baseUrl.hostname}, is not known.`,
      `Check ${setting} if it is set, the name service here, and HTTPS_PROXY if a proxy is needed.`,
      false,
    );
  }
  const blocked = /requests to port (\d+) are blocked/.exec(text)?.[1];
  if (blocked !== undefined) {
    return fail(
      `Port ${blocked}, where ${service} at ${at} should be, belongs to another service by ` +
        "convention and is never asked.",
      checkSetting(setting),
      false,
    );
  }
  if (/refused/.test(text)) {
    return fail(
      `Nothing answers at ${at}: ${service} is not running there.`,
      checkSetting(setting),
      true,
    );
  }
  return fail(
    `The connection to ${service} at ${at} failed or was lost.`,
    `Repeat the call; if it fails again, check ${setting}, the network and HTTPS_PROXY.`,
    true,
  );
}

function checkSetting(setting: string): string {
  return `Check ${setting} and that the server runs.`;
}

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  let current: unknown = error;
  while (current instanceof Error && chain.length < 6) {
    chain.push(current);
    current = current.cause;
  }
  return chain;
}
