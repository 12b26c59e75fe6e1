/** The name in an op's URI (`weave:///entity/project/op/name:digest`); other names as they are. */
export function baseName(opName: string): string {
  if (!opName.startsWith("weave:///")) return opName;
  const at = opName.indexOf("/op/");
  if (at < 0) return opName;
  const end = opName.lastIndexOf(":");
  return opName.slice(at + "/op/".length, end > at ? end : undefined);
}

/** What a caller means by an op's name. */
export type OpSelector =
  | { readonly kind: "version"; readonly uri: string }
  | { readonly kind: "name"; readonly name: string }
  /** Every name that fits a pattern, `*` standing for any characters. */
  | { readonly kind: "pattern"; readonly pattern: string };

/**
 * Reads an op as callers write it: `name`, `name:*`, `name:digest`, a URI, or a pattern with `*`.
 *
 * @param project `entity/project` whose op a name without a URI means.
 */
export function parseOp(text: string, project: string): OpSelector {
  const own = `weave:///${project}/op/`;
  const uri = text.startsWith("weave:///");
  const rest = text.startsWith(own) ? text.slice(own.length) : text;
  if (uri && rest === text) {
    // Another project's op, which only its whole URI names.
    return { kind: "version", uri: text };
  }
  const colon = rest.lastIndexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const version = colon < 0 ? "*" : rest.slice(colon + 1);
  if (name.includes("*")) return { kind: "pattern", pattern: name };
  // Versions are digests; a colon before anything else belongs to the name of a span.
  if (!/^[\w-]+$|^\*$/.test(version)) return { kind: "name", name: rest };
  return version === "*" ? { kind: "name", name } : { kind: "version", uri: `${own}${rest}` };
}

/**
 * The name under which the service keeps a span that came by OpenTelemetry; a pattern keeps its `*`.
 */
export function storedSpanName(name: string): string {
  return name.replaceAll(/[ /]/g, "_").replaceAll(/[^\p{L}\p{N}_.*-]/gu, "").toLowerCase();
}

/** Whether no op but a span of OpenTelemetry can have been sent under a name. */
export function isSpanName(name: string): boolean {
  return /[^\p{L}\p{N}_.*-]/u.test(name);
}

/** Whether a name fits a pattern in which `*` stands for any characters. */
export function fitsPattern(name: string, pattern: string): boolean {
  if (isSpanName(pattern) && fitsPattern(name, storedSpanName(pattern))) return true;
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su").test(name);
}
