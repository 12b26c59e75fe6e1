import { Failure } from "../core/failure.ts";
import { hostNotAllowed } from "./network.ts";
import type { Transport, TransportInit } from "./transport.ts";

/** Redirects followed for one request. */
const MAX_HOPS = 5;

/**
 * Follows redirects within the configured host. One to another host is refused and named, unless
 * that host is permitted by `--allow-hosts`: then it is followed, without credentials.
 *
 * @throws {Failure} `host_not_allowed` or `upstream_error`.
 */
export async function followRedirect(
  first: Response,
  from: URL,
  init: TransportInit,
  options: { readonly service: string; readonly setting: string; readonly transport: Transport },
): Promise<Response> {
  let response = first;
  let url = from;
  const { method } = init;
  let { headers } = init;
  for (let hop = 0; isRedirect(response.status); hop++) {
    const location = response.headers.get("location");
    const target = location === null ? null : URL.parse(location, url);
    await response.body?.cancel().catch(() => {});
    if (target === null || !/^https?:$/.test(target.protocol)) {
      throw new Failure(
        "upstream_error",
        `${options.service} redirects (HTTP ${response.status}) to nowhere.`,
        { status: response.status },
      );
    }
    if (hop >= MAX_HOPS) {
      throw new Failure("upstream_error", `${options.service} redirects in circles.`, {
        hint: `Check ${options.setting}.`,
        status: response.status,
      });
    }
    if (target.host !== url.host || target.protocol !== url.protocol) {
      const host = hostPort(target);
      if (!mayReach(host) || (url.protocol === "https:" && target.protocol === "http:")) {
        throw hostNotAllowed(
          host,
          `${options.service} at ${url.host} redirects to another host, ${host}` +
            (target.hostname === url.hostname
              ? ` (set ${options.setting} to ${target.origin} if that is where it lives)`
              : ""),
        );
      }
      headers = { accept: headers.accept ?? "*/*" };
    }
    if (method !== "GET" && method !== "HEAD" && ![307, 308].includes(response.status)) {
      throw new Failure(
        "upstream_error",
        `${options.service} redirects a ${method} request (HTTP ${response.status}), ` +
          "which would lose it.",
        {
          hint: `Set ${options.setting} to the address it redirects to: ${target.origin}.`,
          status: response.status,
        },
      );
    }
    url = target;
    url.username = "";
    url.password = "";
    response = await options.transport(url, { ...init, headers });
  }
  return response;
}

/** Whether the process may connect there: the permissions are the one truth. */
export function mayReach(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** `host:port` of an http(s) URL with the default port filled in, as permissions name it. */
export function hostPort(url: URL): string {
  return `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port}`;
}
