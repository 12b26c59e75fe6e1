import * as z from "zod";
import { badArgument, Failure, isFailure } from "../core/failure.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { cutText, defined, once } from "../core/values.ts";
import { stripInvisible } from "../core/visible.ts";
import { describeIssue, lowerToMaximum, prepareArguments } from "./arguments.ts";
import { seekConsent } from "./consent.ts";
import type {
  BoundTool,
  CallContext,
  Caller,
  JsonSchema,
  Reply,
  Target,
  Tool,
  ToolListing,
  ToolSpec,
} from "./tool.ts";

const CONFIRM = {
  confirm: { type: "boolean", description: "Set true only after the user agreed to it." },
};

/** Turns a declaration into a tool: parsing, consent and listing are the same for all. */
export function defineTool<
  S,
  I extends z.ZodObject,
  O extends z.ZodObject,
>(spec: ToolSpec<S, I, O>): Tool<S> {
  const full = once(() => {
    const schema = toJsonSchema(spec.input, "input");
    if (spec.effect !== "destroy") return schema;
    return { ...schema, properties: { ...schema.properties, ...CONFIRM } };
  });
  const listing = once((): ToolListing => ({
    name: spec.name,
    title: spec.title,
    description: spec.description,
    inputSchema: omitArguments(full(), spec.unlisted ?? []),
    ...(spec.output === undefined ? {} : { outputSchema: toJsonSchema(spec.output, "output") }),
    annotations: {
      title: spec.title,
      readOnlyHint: spec.effect === "read",
      destructiveHint: spec.effect === "destroy",
      idempotentHint: spec.idempotent ?? spec.effect === "read",
      openWorldHint: true,
    },
  }));
  const rules = once(() => ({
    properties: full().properties,
    listed: Object.keys(listing().inputSchema.properties),
    aliases: spec.argumentAliases ?? {},
    mayBeEmpty: spec.mayBeEmpty ?? [],
  }));
  return {
    name: spec.name,
    title: spec.title,
    aliases: spec.aliases ?? [],
    toolset: spec.toolset,
    effect: spec.effect,
    ...(spec.app === undefined ? {} : { app: spec.app }),
    listing,
    call: async (raw, context) => {
      const { confirm, ...prepared } = prepareArguments(raw, rules());
      // A destructive call must do exactly what was asked for.
      const lowered = spec.effect === "read" ? lowerToMaximum(prepared, rules().properties) : [];
      const args = parseWith(spec.input, prepared, rules().listed);
      if (spec.effect === "destroy" && (spec.needsConsent?.(args) ?? true)) {
        const preview = async () => await spec.preview?.(args, context);
        const question = await seekConsent(spec, confirm === true, context.consent, preview);
        if (question !== undefined) return question;
      }
      const run = () => spec.run(args, context);
      const reply = spec.effect === "read"
        ? await run()
        : await audit(spec, () => spec.target?.(args, context) ?? {}, context, run);
      return { kind: "reply", reply: lowered.length === 0 ? reply : addNotes(reply, lowered) };
    },
  };
}

/** Gives a tool its back end's services, created for each call, and the back end's host. */
export function bind<S extends object>(
  tool: Tool<S>,
  services: (context: CallContext) => S | Promise<S>,
  host?: string,
): BoundTool {
  return {
    ...tool,
    call: async (raw, context) => {
      const own = { ...pickContext(context), ...defined({ host }) };
      return await tool.call(raw, { ...own, ...await services(own) });
    },
  };
}

function pickContext(context: CallContext): CallContext {
  const { signal, progress, maxTokens, log, consent, client, caller, traceparent } = context;
  return { signal, progress, maxTokens, log, consent, ...defined({ client, caller, traceparent }) };
}

/** Hides arguments from a tool's listing; calls may still give them. */
export function hideArguments<S>(tool: Tool<S>, names: readonly string[]): Tool<S> {
  const listing = once(() => {
    const whole = tool.listing();
    return { ...whole, inputSchema: omitArguments(whole.inputSchema, names) };
  });
  return { ...tool, listing };
}

/** Puts sentences before a reply's own note. */
function addNotes<R extends { readonly data: unknown }>(reply: R, sentences: readonly string[]): R {
  const { data } = reply;
  if (typeof data !== "object" || data === null || Array.isArray(data)) return reply;
  const own = "note" in data && typeof data.note === "string" ? [data.note] : [];
  return { ...reply, data: { ...data, note: [...sentences, ...own].join(" ") } };
}

function parseWith<I extends z.ZodObject>(
  schema: I,
  prepared: Record<string, unknown>,
  listed: readonly string[],
): z.output<I> {
  const parsed = schema.safeParse(prepared);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 3).map((issue) => describeIssue(issue, prepared));
  throw badArgument(
    `${problems.join("; ")}.`,
    `Arguments: ${listed.join(", ")}.`,
  );
}

function omitArguments(schema: JsonSchema, names: readonly string[]): JsonSchema {
  const kept = Object.entries(schema.properties).filter(([name]) => !names.includes(name));
  return { ...schema, properties: Object.fromEntries(kept) };
}

/**
 * The JSON Schema of an object schema in the subset that every client accepts: an object root,
 * no `$schema`, no integer bounds that only say "fits a double", open objects without `{}`.
 */
export function toJsonSchema(schema: z.ZodObject, io: "input" | "output"): JsonSchema {
  const { properties, required, additionalProperties } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (isEmptyObject(jsonSchema.additionalProperties)) delete jsonSchema.additionalProperties;
      if (jsonSchema.type === "object") delete jsonSchema.propertyNames;
      // What everybody expects is not worth its tokens; it is still checked.
      if (jsonSchema.minLength === 1) delete jsonSchema.minLength;
      if (jsonSchema.minimum === 0 || jsonSchema.minimum === 1) delete jsonSchema.minimum;
      if (jsonSchema.default === false) delete jsonSchema.default;
      if (isEmptyObject(jsonSchema.properties) && jsonSchema.type === "object") {
        delete jsonSchema.properties;
      }
      // A short budget may leave any member out and adds `truncated`; clients check results.
      if (io === "output") {
        delete jsonSchema.required;
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      }
    },
  });
  return {
    type: "object",
    properties: toJsonObject(properties ?? {}),
    required: required ?? [],
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: toJson(additionalProperties) }),
  };
}

/** A plain value as JSON; what JSON has no form for becomes null. */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(toJson);
  return typeof value === "object" ? toJsonObject(value) : null;
}

function toJsonObject(value: object): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, toJson(member)]),
  );
}

function isEmptyObject(value: unknown): boolean {
  return value !== null && typeof value === "object" && Object.keys(value).length === 0;
}

/** Most callers for whom something is kept; the least recent caller is forgotten first. */
const MOST = 1_000;

/**
 * Keeps a separate value for each caller that brings its own credentials, such as what its server
 * turned out not to have; all others share one.
 */
export function perCaller<T>(make: () => T, most = MOST): (caller: Caller | undefined) => T {
  const own = make();
  const kept = new Map<string, T>();
  return (caller) => {
    if (caller?.credentials === undefined) return own;
    const found = kept.get(caller.id) ?? make();
    kept.delete(caller.id);
    kept.set(caller.id, found);
    const [oldest] = kept.keys();
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return found;
  };
}

/** What came of a change. */
type Outcome = "done" | "refused" | "failed" | "partly done" | "effect unknown";

/** Refusals: whoever answered with one of these has checked the call and changed nothing. */
const REFUSALS = [
  "invalid_arguments",
  "not_found",
  "unauthorized",
  "forbidden",
  "conflict",
  "rate_limited",
  "host_not_allowed",
  "unsupported",
] as const;

/** Longest value in an audit line, in characters: callers choose names and ids. */
const LONGEST = 2_000;

/**
 * Makes a change and writes its audit line: who, what, where, and what came of it, without contents.
 * The line is written when the change has ended, even if the caller has gone away.
 */
export async function audit<R extends Reply<Record<string, unknown>>>(
  { name, effect }: { readonly name: string; readonly effect: string },
  target: () => Target,
  { log, client, host, signal }: CallContext,
  change: () => Promise<R>,
): Promise<R> {
  const write = (outcome: Outcome, error?: string, made: Target = {}) => {
    const fields = {
      tool: name,
      effect,
      outcome,
      error,
      // Whoever has gone, or was told that it took too long, has not heard what became of it.
      answered: signal.aborted ? false : undefined,
      client,
      host,
      ...readTarget(target),
      ...made,
    };
    log.audit("Change", Object.fromEntries(Object.entries(fields).map(show)));
  };
  try {
    const reply = await change();
    write("done", undefined, findIds(reply.data));
    return reply;
  } catch (error) {
    write(classify(error), isFailure(error) ? error.code : "internal");
    throw error;
  }
}

function classify(error: unknown): Outcome {
  if (!(error instanceof Failure) || error.effect === "unknown") return "effect unknown";
  if (error.effect === "part") return "partly done";
  return isFailure(error, ...REFUSALS) ? "refused" : "failed";
}

/** The target; empty if the arguments name none, about which the change itself complains. */
function readTarget(target: () => Target): Target {
  try {
    return target();
  } catch {
    return {};
  }
}

/** The ids in a reply: those of what was created are not the caller's choice. */
function findIds(data: Readonly<Record<string, unknown>>): Target {
  const ids = Object.entries(data).flatMap(([name, value]): [string, string][] =>
    name.endsWith("_id") && typeof value === "string" ? [[name, value]] : []
  );
  return Object.fromEntries(ids);
}

function show([name, value]: [string, Target[string]]): [string, Target[string]] {
  return [
    name,
    typeof value === "string" ? stripInvisible(cutText(value, LONGEST)).text : value,
  ];
}
