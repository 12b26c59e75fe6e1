import { Failure } from "../core/failure.ts";
import { followRedirect } from "./redirect.ts";
import type { UpstreamOptions, UpstreamRequest } from "./request.ts";

/**
 * Sends a request once, follows its redirects and tells the log; the reply may have any status.
 *
 * @throws {Failure} `unauthorized` when the credentials cannot stand in a header; else
 * whatever the transport throws.
 */
export async function exchange(
  options: UpstreamOptions,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<Response> {
  const url = urlOf(options.baseUrl, request);
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
  const started = performance.now();
  let status: number | undefined;
  try {
    const init = {
      method: request.method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    };
    const first = await options.transport(url, init);
    const response = await followRedirect(first, url, init, options);
    status = response.status;
    return response;
  } finally {
    options.onAttempt?.({
      method: request.method,
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

function urlOf(base: URL, request: UpstreamRequest): URL {
  const url = new URL(base);
  url.username = "";
  url.password = "";
  url.hash = "";
  url.search = "";
  url.pathname = `${base.pathname.replace(/\/+$/, "")}${request.path.text}`;
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
  return url;
}
