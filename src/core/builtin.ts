/** Modules of the runtime that are loaded at first use: loading them takes longer than all else. */

/** The SHA-256 digest of a text. */
export function sha256(text: string, form: "hex" | "base64url"): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest(form);
}

/** Whether two values are deeply equal. */
export function isDeepEqual(one: unknown, other: unknown): boolean {
  return process.getBuiltinModule("node:util").isDeepStrictEqual(one, other);
}
