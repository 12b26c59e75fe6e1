/** Some of the runtime's modules take longer to load than the rest of a start: at their first use. */

/** The SHA-256 digest of a text. */
export function sha256(text: string, form: "hex" | "base64url"): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest(form);
}

/** Whether two values have the same members, to the last. */
export function isDeepEqual(one: unknown, other: unknown): boolean {
  return process.getBuiltinModule("node:util").isDeepStrictEqual(one, other);
}
