import { Failure } from "../core/failure.ts";
import { defined } from "../core/defined.ts";
import { followRedirect } from "./redirect.ts";
import { isRepeatable, type UpstreamOptions, type UpstreamRequest } from "./request.ts";
import type { TransportInit } from "./transport.ts";

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
