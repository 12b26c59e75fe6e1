import { Failure } from "../core/failure.ts";
import { defined } from "../core/values.ts";
import { hostNotAllowed } from "./network.ts";
import type { UpstreamOptions, UpstreamRequest } from "./request.ts";
import type { Transport, TransportInit } from "./transport.ts";

/** A request that is ready to be sent. */
export interface Prepared {
  readonly url: URL;
  readonly init: TransportInit;
}

/**
 * Makes a request ready: its address, credentials and body.
 *
 * @throws {Failure} `unauthorized` when the credentials cannot stand in a header.
 */
export async function prepare(
  options: UpstreamOptions,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<Prepared> {
  const headers: Record<string, string> = {
    accept: "application/json",
    ...await options.headers(),
    ...request.headers,
  };
  if (!canBeSent(headers)) {
    throw new Failure(
      "unauthorized",
      `The credentials for ${options.service} hold characters that a header cannot carry.`,
      { hint: "Check them for line breaks, quotation marks and other leftovers of copying." },
    );
  }
  const body = request.json === undefined ? request.body : JSON.stringify(request.json);
  if (request.json !== undefined) headers["content-type"] = "application/json";
  signal.throwIfAborted();
  return {
    url: resolveUrl(options.baseUrl, request),
    init: {
      method: request.method,
      headers,
      signal,
      atMostOnce: !isRepeatable(request),
      ...defined({ body }),
    },
  };
}

/**
 * Sends a request once, follows its redirects and tells the log; the reply may have any status.
 *
 * @throws {Failure} for a redirect that is not followed; else whatever the transport throws.
 */
export async function exchange(
  options: UpstreamOptions,
  { url, init }: Prepared,
): Promise<Response> {
  const started = performance.now();
  let status: number | undefined;
  try {
    const response = await followRedirect(await options.transport(url, init), url, init, options);
    status = response.status;
    return response;
  } finally {
    options.onAttempt?.({
      method: init.method,
      path: url.pathname,
      status,
      milliseconds: Math.round(performance.now() - started),
    });
  }
}

function canBeSent(headers: Record<string, string>): boolean {
  try {
    new Headers(headers);
    return true;
  } catch {
    return false;
  }
}

function resolveUrl(base: URL, request: UpstreamRequest): URL {
  if (request.address !== undefined) return request.address;
  const url = new URL(base);
  url.username = "";
  url.password = "";
  url.hash = "";
  url.search = "";
  url.pathname = `${base.pathname.replace(/\/+$/, "")}${request.path?.text ?? ""}`;
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
  return url;
}

/** Whether a request may arrive more than once. */
export function isRepeatable({ repeatable, method }: UpstreamRequest): boolean {
  return repeatable ?? method === "GET";
}

/** Methods of requests without a body. */
const READS = new Set(["GET", "HEAD"]);

/** Redirects followed for one request. */
const MAX_HOPS = 5;

/**
 * Follows redirects within the configured host. One to another host is refused and named, unless
 * that host is permitted by `--allow-hosts`: then a read is followed, without credentials. Anything
 * else is refused there, too: bodies hold what is meant for the first host, such as secrets.
 *
 * @throws {Failure} `host_not_allowed` or `upstream_error`.
 */
async function followRedirect(
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
      if (!READS.has(method)) {
        throw new Failure(
          "upstream_error",
          `${options.service} redirects a ${method} request to another host, ${host}, which does ` +
            "not get what was meant for the first.",
          {
            hint: `Set ${options.setting} to ${target.origin} if that is where it lives.`,
            status: response.status,
          },
        );
      }
      headers = { accept: headers.accept ?? "*/*" };
    }
    if (!READS.has(method) && ![307, 308].includes(response.status)) {
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
