import { tryPercentDecoded } from "../core/values.ts";
import type { BoundTool, ResultLink } from "./tool.ts";
import type { LookUps } from "./workflow.ts";

/** A kind of thing with an address of its own, read through a tool. */
export interface ResourceSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Its addresses, such as `mlflow://traces/{trace_id}`: each part is literal or one variable. */
  readonly template: string;
  /** The tool that reads it; without it there is no such resource. */
  readonly tool: string;
  readonly args: (variables: Readonly<Record<string, string>>) => Record<string, unknown>;
  /** Whether the tool's answer holds the thing; always, if not given. */
  readonly found?: (data: Readonly<Record<string, unknown>>) => boolean;
}

/** A kind of resource with the tool that reads it. */
export interface Resource {
  readonly spec: ResourceSpec;
  readonly tool: BoundTool;
  readonly lookUps: LookUps;
}

/** Only resources that a listed reading tool can read are listed. */
export function resourcesOf(
  specs: readonly ResourceSpec[],
  tools: readonly BoundTool[],
  lookUps: LookUps = {},
): Resource[] {
  return specs.flatMap((spec) => {
    const tool = tools.find(({ name, effect }) => name === spec.tool && effect === "read");
    return tool === undefined ? [] : [{ spec, tool, lookUps }];
  });
}

/** The links that lead somewhere: web pages, and addresses that one of the resources reads. */
export function leadingLinks(
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
 * An address of the template, with every variable as one encoded part; undefined when a value
 * could not be read back, such as an empty one.
 */
export function resourceUri(
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

/** What {@link matchUri} finds: the variables, or the one whose value no such thing can have. */
type UriMatch =
  | { readonly kind: "match"; readonly variables: Readonly<Record<string, string>> }
  | { readonly kind: "hostile"; readonly variable: string };

/** Reads an address by a template; undefined when it is of another form. */
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
    const value = tryPercentDecoded(part);
    if (value === undefined || /[?#]/.test(part) || !isPlainId(value)) hostile ??= name;
    else variables[name] = value;
  }
  return hostile === undefined
    ? { kind: "match", variables }
    : { kind: "hostile", variable: hostile };
}
