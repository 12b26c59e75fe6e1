import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { within } from "../core/async.ts";
import { didYouMean, Failure, shortenName } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { defined } from "../core/values.ts";
import { stripInvisible } from "../core/visible.ts";
import { listApp, listApps, readApp, renderReply, toFailureReport } from "./result.ts";
import type { Fit } from "./fit.ts";
import type { Prompt } from "./prompts.ts";
import { keepUsableLinks, matchUri, type Resource } from "./resource.ts";
import { SKILL_TYPE, type Skills } from "./skills.ts";
import type { BoundTool, CallContext, UpstreamCall } from "./tool.ts";
import { lookUpNamed, type Suggest, type Suggestion } from "./workflow.ts";

/** What a server offers besides tools. */
interface Offers {
  readonly tools: readonly BoundTool[];
  readonly prompts?: readonly Prompt[];
  /** The kinds of resources, in listing order. */
  readonly resources?: readonly Resource[];
  /** The prompts as skills. */
  readonly skills?: Skills | undefined;
  readonly log: Log;
  /** The user's bound on each answer, in tokens; if unset, the client decides. */
  readonly maxTokens?: number | undefined;
  /** Counts the calls under way. */
  readonly onCall?: (running: Promise<unknown>) => void;
  /** Counts a call; throws if its caller has too many. */
  readonly admit?: () => Disposable;
}

/** The capabilities that go with what is offered. */
export function listCapabilities({ prompts = [], resources = [], skills, tools }: Offers): {
  prompts?: { listChanged: false };
  resources?: { listChanged: false };
} {
  return {
    ...(prompts.length === 0 ? {} : { prompts: { listChanged: false } }),
    ...(resources.length + listApps(tools).length === 0 && skills === undefined
      ? {}
      : { resources: { listChanged: false } }),
  };
}

/** Answers requests about prompts, resources and their arguments. */
export function handleOffers(
  mcp: McpServer,
  offers: Offers,
  contextOf: (context: ServerContext) => CallContext & { readonly fit: Fit },
): void {
  const { server } = mcp;
  const { prompts = [], resources = [], skills } = offers;
  const apps = listApps(offers.tools);
  if (prompts.length > 0) {
    server.setRequestHandler("prompts/list", () => ({
      prompts: prompts.map(({ listing }) => listing),
    }));
    server.setRequestHandler("prompts/get", ({ params }) => {
      const prompt = findPrompt(prompts, params.name);
      return {
        description: prompt.listing.description,
        messages: [{
          role: "user",
          content: { type: "text", text: promptText(prompt, params.arguments ?? {}) },
        }],
      };
    });
  }
  skills?.attach(mcp);
  if (resources.length + apps.length > 0 || skills !== undefined) {
    server.setRequestHandler("resources/list", async () => ({
      resources: [...apps.map(listApp), ...await skills?.list() ?? []],
    }));
    server.setRequestHandler("resources/templates/list", () => ({
      resourceTemplates: resources.map(({ spec }) => ({
        name: spec.name,
        title: spec.title,
        uriTemplate: spec.template,
        description: spec.description,
        mimeType: "application/json",
      })),
    }));
    server.setRequestHandler("resources/read", async ({ params }, context) => {
      const text = skills?.read(params.uri);
      if (text !== undefined) {
        return { contents: [{ uri: params.uri, mimeType: SKILL_TYPE, text }] };
      }
      const app = apps.find(({ uri }) => uri === params.uri);
      const running = app === undefined
        ? readResource(offers, params.uri, contextOf(context))
        : readApp(app);
      offers.onCall?.(running);
      return await running;
    });
  }
  if (prompts.length + resources.length === 0) return;
  server.registerCapabilities({ completions: {} });
  server.setRequestHandler("completion/complete", async ({ params }, context) => {
    const { ref, argument } = params;
    const suggest = ref.type === "ref/prompt"
      ? findPrompt(prompts, ref.name).suggest(argument.name)
      : findSuggest(resources, ref.uri, argument.name);
    const bounded: Suggest | undefined = suggest && (async (...asked) => {
      using _admitted = offers.admit?.();
      return await suggest(...asked);
    });
    const completion = await complete(bounded, {
      ...contextOf(context),
      typed: argument.value,
      given: params.context?.arguments ?? {},
    });
    return { completion: { ...completion } };
  });
}

/** Longest part of an address that a message repeats. */
const SHOWN = 200;

/** A caller's words as a protocol error repeats them: a model may have copied them from a trace. */
export function showGiven(text: string, most?: number): string {
  return shortenName(stripInvisible(text).text, most);
}

function findPrompt(prompts: readonly Prompt[], name: string): Prompt {
  const found = prompts.find(({ listing }) => listing.name === name);
  if (found !== undefined) return found;
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no prompt "${showGiven(name)}" with this configuration` +
      didYouMean(name, prompts.map(({ listing }) => listing.name)),
  );
}

function promptText(prompt: Prompt, given: Readonly<Record<string, string>>): string {
  try {
    return prompt.text(given);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, stripInvisible(error.message).text);
  }
}

function findSuggest(
  resources: readonly Resource[],
  template: string,
  variable: string,
): Suggest | undefined {
  const found = resources.find(({ spec }) => spec.template === template);
  if (found !== undefined) {
    return found.spec.template.includes(`{${variable}}`)
      ? lookUpNamed(found.lookUps, variable)
      : undefined;
  }
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no resource template ${showGiven(template, SHOWN)} with this configuration.`,
  );
}

async function readResource(
  { resources = [], skills, log, admit }: Offers,
  uri: string,
  context: CallContext & { readonly fit: Fit },
): Promise<ReadResourceResult> {
  const shown = showGiven(uri, SHOWN);
  const missing = (message = `There is no resource ${shown}.`) =>
    new ResourceNotFoundError(shown, message);
  for (const { spec, tool } of resources) {
    const match = matchUri(spec.template, uri);
    if (match === undefined) continue;
    if (match.kind === "hostile") {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `The ${match.variable} in ${shown} cannot be an id or a name.`,
        { uri: shown, reason: "invalid_uri" },
      );
    }
    const reply = await callTool(tool, spec.args(match.variables), context, missing, admit);
    if (spec.found?.(reply.data) === false) throw missing();
    const { content: [block], _meta } = renderReply(
      { ...reply, links: keepUsableLinks(reply.links ?? [], resources) },
      context.fit,
      log,
    );
    const text = block?.type === "text" ? block.text : "";
    return {
      contents: [{ uri, mimeType: "application/json", text }],
      ...defined({ _meta }),
    };
  }
  const forms = [
    ...resources.map(({ spec }) => spec.template),
    ...(skills === undefined ? [] : ["skill://{name}/SKILL.md"]),
  ].join(", ");
  throw missing(`There is no resource ${shown}. Resources: ${forms}.`);
}

/** Calls a reading tool; its failures become the protocol's errors. */
async function callTool(
  tool: BoundTool,
  args: Record<string, unknown>,
  context: CallContext,
  missing: (message: string) => ProtocolError,
  admit: Offers["admit"],
) {
  try {
    using _admitted = admit?.();
    const outcome = await tool.call(args, context);
    if (outcome.kind === "reply") return outcome.reply;
    throw new Failure("confirmation_required", outcome.question);
  } catch (error) {
    const { error: kind, message, hint, retryable } = toFailureReport(error, context.log);
    const text = hint === undefined ? message : `${message} ${hint}`;
    if (kind === "not_found") throw missing(text);
    const code = kind === "invalid_arguments"
      ? ProtocolErrorCode.InvalidParams
      : ProtocolErrorCode.InternalError;
    throw new ProtocolError(code, text, { error: kind, retryable });
  }
}

/** Most values that the protocol allows in one answer. */
const MOST = 100;
/** Longest wait for values, in milliseconds: a person is typing. */
const PATIENCE = 3_000;

/** Values for an argument, as the protocol has them. */
interface Completion {
  /** At most 100. */
  readonly values: string[];
  /** How many were found to fit. */
  readonly total: number;
  /** Whether there are more than are given. */
  readonly hasMore: boolean;
}

/** What a look-up is asked; its `signal` aborts when the answer is no longer wanted. */
interface CompletionRequest extends UpstreamCall {
  readonly typed: string;
  readonly given: Readonly<Record<string, string>>;
  /** Longest wait in milliseconds; 3,000 if not given. */
  readonly patience?: number;
}

/**
 * The values that match what was typed: exact matches first, then those that begin with it. A
 * look-up that fails or takes too long suggests nothing: nobody depends on completions.
 */
export async function complete(
  suggest: Suggest | undefined,
  { typed, given, patience = PATIENCE, ...call }: CompletionRequest,
): Promise<Completion> {
  if (suggest === undefined) return { values: [], total: 0, hasMore: false };
  try {
    const found = await within(
      patience,
      call.signal,
      (signal) => suggest(typed, given, { ...call, signal }),
    );
    return chooseFitting(found, typed);
  } catch (error) {
    call.log.debug("No suggestions", {
      error: error instanceof Error ? error.message : String(error),
    });
    return chooseFitting([], typed);
  }
}

function chooseFitting(found: readonly Suggestion[], typed: string): Completion {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ value, label = "" }: Suggestion): number => {
    const texts = [value.toLowerCase(), label.toLowerCase()];
    if (texts.includes(wanted)) return 0;
    if (texts.some((text) => text.startsWith(wanted))) return 1;
    return texts.some((text) => text.includes(wanted)) ? 2 : 3;
  };
  const ranked = found.map((one) => ({ value: one.value, rank: rank(one) }));
  const values = [0, 1, 2].flatMap((level) =>
    ranked.filter((one) => one.rank === level).map(({ value }) => value)
  );
  // A name with invisible characters is not suggested: typing what it shows would not match it.
  const plain = [...new Set(values)].filter((value) =>
    value !== "" && stripInvisible(value).removed === 0
  );
  return { values: plain.slice(0, MOST), total: plain.length, hasMore: plain.length > MOST };
}
