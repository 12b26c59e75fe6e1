import { tryDecodePercent } from "../core/values.ts";
import type { BoundTool, ResultLink } from "./tool.ts";
import type { LookUps } from "./workflow.ts";

/** A kind of resource: it has a URI and is read through a tool. */
export interface ResourceSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Its addresses, such as `mlflow://traces/{trace_id}`: each part is literal or one variable. */
  readonly template: string;
  /** The tool that reads it; the resource exists only if the tool is listed. */
  readonly tool: string;
  readonly args: (variables: Readonly<Record<string, string>>) => Record<string, unknown>;
  /** Whether the tool's answer contains the resource; assumed, if not given. */
  readonly found?: (data: Readonly<Record<string, unknown>>) => boolean;
}

/** A kind of resource with the tool that reads it. */
export interface Resource {
  readonly spec: ResourceSpec;
  readonly tool: BoundTool;
  readonly lookUps: LookUps;
}

/** Creates the resources that a listed reading tool can read. */
export function createResources(
  specs: readonly ResourceSpec[],
  tools: readonly BoundTool[],
  lookUps: LookUps = {},
): Resource[] {
  return specs.flatMap((spec) => {
    const tool = tools.find(({ name, effect }) => name === spec.tool && effect === "read");
    return tool === undefined ? [] : [{ spec, tool, lookUps }];
  });
}

/** Keeps the links that can be followed: web pages, and URIs that one of the resources reads. */
export function keepUsableLinks(
  links: readonly ResultLink[],
  resources: readonly Resource[],
): ResultLink[] {
  return links.filter(({ uri }) =>
    /^https?:/.test(uri) ||
    resources.some(({ spec }) => matchUri(spec.template, uri)?.kind === "match")
  );
}

/** Longest part of an address. */
const LONGEST = 512;

/**
 * Fills a template, with every variable as one encoded part; undefined if a value could not be
 * read back, such as an empty one.
 */
export function writeResourceUri(
  template: string,
  variables: Readonly<Record<string, string>>,
): string | undefined {
  let sound = true;
  const uri = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = variables[name] ?? "";
    sound &&= isPlainId(value);
    return sound ? encodeURIComponent(value) : "";
  });
  return sound ? uri : undefined;
}

/**
 * Whether a text can be an id or a name: one part of a path that stays where it is, without
 * control characters.
 */
export function isPlainId(text: string): boolean {
  return text.trim() !== "" && text.length <= LONGEST && text.isWellFormed() &&
    // deno-lint-ignore no-control-regex
    !/[\u0000-\u001F\u007F-\u009F/\\]/.test(text) && !/^(\.|%2e){1,2}$/i.test(text);
}

/** What {@link matchUri} finds: the variables, or the one whose value cannot be an id or a name. */
type UriMatch =
  | { readonly kind: "match"; readonly variables: Readonly<Record<string, string>> }
  | { readonly kind: "hostile"; readonly variable: string };

/** Matches a URI against a template; undefined if it has another form. */
export function matchUri(template: string, uri: string): UriMatch | undefined {
  const [scheme, ...wanted] = template.split(/:\/\/|\//);
  const separator = uri.indexOf("://");
  if (separator < 0 || uri.slice(0, separator).toLowerCase() !== scheme) return undefined;
  const parts = uri.slice(separator + 3).split("/");
  if (parts.length !== wanted.length) return undefined;
  const variables: Record<string, string> = {};
  let hostile: string | undefined;
  for (const [index, part] of parts.entries()) {
    const name = /^\{(\w+)\}$/.exec(wanted[index] ?? "")?.[1];
    if (name === undefined) {
      if (part !== wanted[index]) return undefined;
      continue;
    }
    const value = tryDecodePercent(part);
    if (value === undefined || /[?#]/.test(part) || !isPlainId(value)) hostile ??= name;
    else variables[name] = value;
  }
  return hostile === undefined
    ? { kind: "match", variables }
    : { kind: "hostile", variable: hostile };
}
