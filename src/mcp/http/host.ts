import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { refuse } from "./refusal.ts";

/** `uri-host [":" port]` of RFC 9110; its group is the host. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::[0-9]{0,5})?$/i;

/** Listening on all addresses; as a Host header, any page could use these to name this machine. */
const ANY_ADDRESS = new Set(["0.0.0.0", "[::]"]);

const REMEDY = "The server accepts it if WANDFLOW_ALLOWED_HOSTS names it.";

/** Whether the text can be a Host header; two of these arrive with a space between them. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

/**
 * Refuses requests of others than loopback and the given hosts, against DNS rebinding and foreign
 * pages; undefined for a request that may go on.
 */
export function createHostGuard(
  allowed: readonly string[],
): (request: Request, target: URL) => Response | undefined {
  const names = allowed.map(normalizeHost).filter((host) => !ANY_ADDRESS.has(host));
  const hosts = new Set([...localhostAllowedHostnames(), ...names]);
  const origins = [...localhostAllowedOrigins(), ...names];
  const check = (host: string): Response | undefined => {
    const name = AUTHORITY.exec(host)?.[1]?.toLowerCase();
    if (name === undefined) {
      return refuse(400, "Invalid Host: not a name or address, with or without a port.");
    }
    // Only an IPv6 address has several spellings that mean the same to everybody.
    const known = hosts.has(name) || (name.startsWith("[") && hosts.has(normalizeHost(name)));
    return known ? undefined : refuse(403, `Invalid Host: ${name}. ${REMEDY}`);
  };
  return (request, { host }) => {
    const given = request.headers.get("host");
    return (given === null ? refuse(403, "Missing Host header") : check(given)) ??
      // A target in absolute form names the host itself, whatever the header says.
      (host === "localhost" || host === given ? undefined : check(host)) ??
      originValidationResponse(request, origins);
  };
}

/** A host name or address as the guard compares it: lower case, no port, IPv6 in brackets. */
function normalizeHost(entry: string): string {
  if (entry.includes("://")) return URL.parse(entry)?.hostname ?? entry;
  const bracketed = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$/.test(entry)
    ? `[${entry}]`
    : entry;
  return URL.parse(`http://${bracketed}`)?.hostname ?? entry;
}
