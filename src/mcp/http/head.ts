import type { IncomingMessage } from "node:http";
import { isAuthority } from "./host.ts";

/** Most lines of a head. `node:http` drops further ones without a word: it has to see one more. */
export const MOST_LINES = 1_000;

/** In absolute form, a target has an authority. */
const TARGET = /^(?:\/[^#]*|https?:\/\/([^/?#]+)(?:[/?][^#]*)?)$/i;

/**
 * The request that a head makes, or the refusal of one that no request can have, or whose body
 * others may see end elsewhere. The Host header is the guard's business.
 */
export function readHead(incoming: IncomingMessage, signal: AbortSignal): Request | Response {
  const { method = "GET", url = "/", rawHeaders, headers, httpVersion } = incoming;
  if (rawHeaders.length > 2 * MOST_LINES) return refuse(431);
  const coding = headers["transfer-encoding"];
  if (coding !== undefined) {
    if (httpVersion !== "1.1") return refuse(400);
    if (coding.toLowerCase() !== "chunked") return refuse(501);
  }
  if ((headers.expect ?? "100-continue").toLowerCase() !== "100-continue") return refuse(417);
  const [target, authority] = TARGET.exec(url) ?? [];
  if (target === undefined || !isAuthority(authority ?? "")) return refuse(400);
  try {
    const absolute = authority === undefined ? `http://localhost${target}` : target;
    const request = new Request(absolute, { method, signal });
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      request.headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
    }
    return request;
  } catch {
    return refuse(400);
  }
}

/** Nothing that comes after such a head can be trusted to be a request. */
function refuse(status: number): Response {
  return new Response(null, { status, headers: { connection: "close" } });
}
