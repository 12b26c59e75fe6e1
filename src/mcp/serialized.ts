/** JSON texts of structures that have been written once already. */
const KNOWN = new WeakMap<object, string>();

/** Remembers a structure's JSON text, so that a transport need not write it again. */
export function rememberJson(structure: object, json: string): void {
  KNOWN.set(structure, json);
}

/** The JSON text that was remembered for a structure. */
export function knownJson(structure: unknown): string | undefined {
  return structure !== null && typeof structure === "object" ? KNOWN.get(structure) : undefined;
}
