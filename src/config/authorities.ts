import type { ConfigNote } from "./resolve.ts";

/** Variables that name files of certificate authorities, as other programs read them. */
export const AUTHORITY_VARIABLES = [
  "SSL_CERT_FILE",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
] as const;

/**
 * The certificate authorities that the environment names, in PEM format. The launcher reads them so
 * that the server needs no permission for the files. Unusable ones are reported and not trusted.
 */
export function readAuthorities(
  env: (name: string) => string | undefined,
  read: (path: string) => string = Deno.readTextFileSync,
): { authorities: string[]; notes: ConfigNote[] } {
  const authorities = new Set<string>();
  const notes: ConfigNote[] = [];
  for (const source of AUTHORITY_VARIABLES) {
    const path = env(source)?.trim() ?? "";
    if (path === "") continue;
    const pem = readPem(path, read);
    if (pem === undefined) {
      const message = `${source} is not used: ${path} is not a readable PEM file of certificates.`;
      notes.push({ source, message });
    } else authorities.add(pem);
  }
  return { authorities: [...authorities], notes };
}

function readPem(path: string, read: (path: string) => string): string | undefined {
  try {
    const text = read(path);
    // Bundles also hold comments and, rarely, keys.
    const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
    return found === null ? undefined : found.join("\n");
  } catch {
    return undefined;
  }
}
