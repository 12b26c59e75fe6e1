import { badArgument } from "../core/failure.ts";
import type { z } from "zod";
import { describeIssue, lowerToCeilings, prepareArguments } from "./arguments.ts";
import { seekConsent } from "./consent.ts";
import { type JsonSchema, toJsonSchema } from "./schema.ts";
import { once } from "../core/async.ts";
import type { Tool, ToolListing, ToolSpec } from "./tool.ts";

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
      // What destroys is never wider or narrower than it was asked for.
      const lowered = spec.effect === "read" ? lowerToCeilings(prepared, rules().properties) : [];
      const args = parseWith(spec.input, prepared, rules().listed);
      if (spec.effect === "destroy" && (spec.needsConsent?.(args) ?? true)) {
        const preview = async () => await spec.preview?.(args, context);
        const question = await seekConsent(spec, confirm === true, context.consent, preview);
        if (question !== undefined) return question;
      }
      const reply = await spec.run(args, context);
      return { kind: "reply", reply: lowered.length === 0 ? reply : addNotes(reply, lowered) };
    },
  };
}

/** The tool with arguments that its listing does not show; calls may give them all the same. */
export function hideArguments<S>(tool: Tool<S>, names: readonly string[]): Tool<S> {
  const listing = once(() => {
    const whole = tool.listing();
    return { ...whole, inputSchema: omitArguments(whole.inputSchema, names) };
  });
  return { ...tool, listing };
}

/** The reply with sentences before its own note. */
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
