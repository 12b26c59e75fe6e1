/**
 * The proxies in front of back ends. The runtime uses them by itself and never names them in an
 * error: they are read here only for messages.
 *
 * @module
 */
import { defined } from "./values.ts";

/** The proxies that the environment names, as `host:port`, without credentials. */
export interface Proxies {
  /** For http addresses. */
  readonly http?: string;
  /** For https addresses. */
  readonly https?: string;
  /** Hosts that are reached without one, with their subdomains. */
  readonly except: readonly string[];
}

/** Variables in which the runtime finds proxies. */
export const PROXY_VARIABLES: readonly string[] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** What to do if a proxy asks for credentials. */
export const PROXY_CREDENTIALS =
  "Put them into HTTPS_PROXY or HTTP_PROXY: http://user:password@host:port.";

/** Reads the environment as the runtime does. */
export function readProxies(env: (name: string) => string | undefined): Proxies {
  const read = (name: string) => env(name) || env(name.toLowerCase()) || undefined;
  const host = (name: string) => {
    const value = read(name);
    if (value === undefined) return undefined;
    return URL.parse(/^\w+:\/\//.test(value) ? value : `http://${value}`)?.host;
  };
  const except = (read("NO_PROXY") ?? "").split(",")
    .map((name) => name.trim().replace(/^\./, "")).filter((name) => name !== "");
  return { ...defined({ http: host("HTTP_PROXY"), https: host("HTTPS_PROXY") }), except };
}

let proxies: Proxies = { except: [] };

/** Keeps the proxies for {@link findProxy}: the server itself does not read the environment. */
export function keepProxies(found: Proxies): void {
  proxies = found;
}

/** The proxy in front of an address and the variable that names it, as `host:port (VARIABLE)`. */
export function findProxy({ protocol, hostname }: URL): string | undefined {
  const direct = proxies.except.some((name) =>
    name === "*" || name === hostname || hostname.endsWith(`.${name}`)
  );
  if (direct) return undefined;
  const [host, variable] = protocol === "https:"
    ? [proxies.https, "HTTPS_PROXY"]
    : [proxies.http, "HTTP_PROXY"];
  return host === undefined ? undefined : `${host} (${variable})`;
}

let kept: readonly string[] = [];

/** Keeps PEM texts of authorities for {@link trustedAuthorities}. */
export function keepAuthorities(pems: readonly string[]): void {
  kept = pems;
}

/** PEM texts of the authorities that every connection trusts besides the built-in ones. */
export function trustedAuthorities(): readonly string[] {
  return kept;
}
