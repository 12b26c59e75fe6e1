/** Headers whose values are secrets. */
const SECRET = /auth|key|token|cookie|secret/i;

/**
 * A reply's text without the secrets that the request carried: some servers and proxies print the
 * request's headers into their error pages.
 */
export function withoutSent(text: string, headers: Readonly<Record<string, string>>): string {
  const secrets = Object.entries(headers).flatMap(([name, value]) =>
    SECRET.test(name) ? formsOf(value) : []
  );
  return secrets.filter((secret) => secret.length > 3)
    .sort((a, b) => b.length - a.length)
    .reduce((result, secret) => result.replaceAll(secret, "***"), text);
}

/** A header's value, what follows its scheme, and what that is in plain text. */
function formsOf(value: string): string[] {
  const [, scheme = "", rest = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (rest === "") return [value];
  if (scheme.toLowerCase() !== "basic") return [value, rest];
  try {
    const bytes = Uint8Array.from(atob(rest), (character) => character.charCodeAt(0));
    const plain = new TextDecoder().decode(bytes);
    return [value, rest, plain, plain.slice(plain.indexOf(":") + 1)];
  } catch {
    return [value, rest];
  }
}
