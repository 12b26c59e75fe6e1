import { defined } from "../core/values.ts";
import { badArgument, didYouMean, Failure } from "../core/failure.ts";
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  inputRequired,
  type InputRequiredResult,
  inputResponse,
  isInputRequiredResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
  TRACEPARENT_META_KEY,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Log } from "../core/log.ts";
import { isDeeper } from "../core/json.ts";
import { chooseFit, chooseHints, type Fit } from "./fit.ts";
import { pageHint, renderFailure, renderReply, showsApps, toFailureReport } from "./result.ts";
import { type Agreement, createAgreements, openAgreement } from "./consent.ts";
import { handleOffers, listCapabilities, showGiven } from "./handlers.ts";
import type { Prompt } from "./prompts.ts";
import { keepUsableLinks, type Resource } from "./resource.ts";
import type { Skills } from "./skills.ts";
import type { BoundTool, CallContext, Caller, Consent, Reply } from "./tool.ts";
import { type Watch, watchCall } from "./watch.ts";

/** What a server instance is made from. */
export interface ServerParts {
  readonly name: string;
  readonly version: string;
  /** What the model reads about the server as a whole. */
  readonly instructions: string;
  readonly tools: readonly BoundTool[];
  /** Names of the tools that start most chains. */
  readonly starters?: readonly string[];
  /** Why existing tools are not listed, by each of their names. */
  readonly absentTools?: () => Promise<ReadonlyMap<string, string>>;
  readonly prompts?: readonly Prompt[];
  /** The kinds of resources, in listing order. */
  readonly resources?: readonly Resource[];
  /** The prompts as skills. */
  readonly skills?: Skills | undefined;
  /** The user's bound on each answer, in tokens; if unset, the client decides. */
  readonly maxTokens?: number | undefined;
  /** Accept `confirm: true` as a yes even if the client can ask its user. */
  readonly trustConfirm: boolean;
  readonly log: Log;
  /** Called for every call, as it begins. */
  readonly onCall?: (running: Promise<unknown>) => void;
  /** Called for every tool call that has ended. */
  readonly onOutcome?: (outcome: CallOutcome) => void;
  /** Signs what travels through clients: shared by all replicas, or private to this process. */
  readonly stateKey?: Uint8Array | undefined;
}

/** How a call ended. */
export interface CallOutcome {
  readonly tool: string;
  /** `ok`, `asked` or the code of the failure. */
  readonly outcome: string;
  readonly seconds: number;
}

/** What one HTTP request adds to the server that answers it. */
export interface RequestScope {
  /** Knows the request, and the secrets that it brought. */
  readonly log: Log;
  readonly caller?: Caller;
  /** The caller's trace (W3C). */
  readonly traceparent?: string;
  /**
   * Counts a call until the result is disposed of.
   *
   * @throws {Failure} `rate_limited` if the caller has too many.
   */
  readonly admit?: () => Disposable;
}

const HOUR = 3_600_000;
/** Deepest nesting of arguments; deeper ones, never meant, would exhaust the reader's stack. */
const MAX_DEPTH = 200;
const LISTS = { ttlMs: HOUR, cacheScope: "private" } as const;
const ENVELOPE = z.looseObject({
  [CLIENT_CAPABILITIES_META_KEY]: z.looseObject({
    elicitation: z.looseObject({ form: z.unknown(), url: z.unknown() }).partial().optional(),
  }),
  [CLIENT_INFO_META_KEY]: z.looseObject({ name: z.string(), version: z.string().optional() })
    .optional(),
});
const CACHE_HINTS = {
  "server/discover": LISTS,
  "tools/list": LISTS,
  "prompts/list": LISTS,
  "resources/list": LISTS,
  "resources/templates/list": LISTS,
};
const AGREEMENT = z.object({ confirm: z.boolean() });

/**
 * Makes the factory that both transports and both protocol eras use: one fresh server per HTTP
 * request or stdio connection, all sharing the same tools.
 */
export function createServerFactory(shared: ServerParts): (scope?: RequestScope) => McpServer {
  const byName = new Map<string, BoundTool>();
  const agreements = createAgreements(shared.stateKey);
  for (const tool of shared.tools) {
    for (const name of [tool.name, ...tool.aliases]) byName.set(name, tool);
  }
  return (scope) => {
    const parts = { ...shared, ...scope };
    const server = new McpServer({ name: parts.name, version: parts.version, title: "wandflow" }, {
      capabilities: { tools: { listChanged: false }, ...listCapabilities(parts) },
      instructions: parts.instructions,
      cacheHints: CACHE_HINTS,
      requestState: { verify: agreements.verify },
    });
    handleOffers(
      server,
      parts,
      (context) =>
        makeContext(context, server, parts, { signal: context.mcpReq.signal, progress: () => {} }),
    );
    server.server.setRequestHandler("tools/list", (_request, context) => {
      const client = readClient(context, server)?.name;
      const tools = parts.tools.map((tool) => {
        const listing = tool.listing();
        const hints = chooseHints(client, listing, {
          starter: parts.starters?.includes(tool.name) === true,
          userSet: parts.maxTokens,
        });
        const meta = { ...pageHint(tool), ...hints };
        return Object.keys(meta).length === 0 ? listing : { ...listing, _meta: meta };
      });
      return { tools };
    });
    server.server.setRequestHandler("tools/call", async (request, context) => {
      const { name, arguments: args } = request.params;
      const tool = byName.get(name);
      if (tool === undefined) throw await explainUnknown(name, parts);
      const purpose = [tool.name, args, parts.caller?.id];
      const agreement = await readAgreement(context, purpose);
      const seal = (state: string | undefined) => agreements.seal(purpose, state);
      const running = callTool(tool, args, context, server, { ...parts, agreement, seal });
      parts.onCall?.(running);
      const result = await running;
      return isInputRequiredResult(result)
        ? result
        : server.server.projectCallToolResult(result, tool.listing().outputSchema);
    });
    return server;
  };
}

/** What answers one call. */
interface CallParts extends ServerParts, Partial<Omit<RequestScope, "log">> {
  readonly agreement: Agreement | undefined;
  /** Seals the state that comes back with the answer to a question. */
  readonly seal: (state: string | undefined) => Promise<string>;
}

async function callTool(
  tool: BoundTool,
  args: unknown,
  context: ServerContext,
  server: McpServer,
  parts: CallParts,
): Promise<CallToolResult | InputRequiredResult> {
  const started = performance.now();
  let outcome = "ok";
  using watch = watchCall(context.mcpReq);
  let admitted: Disposable | undefined;
  let work: Promise<unknown> | undefined;
  try {
    admitted = parts.admit?.();
    if (isDeeper(args, MAX_DEPTH)) {
      throw badArgument(`The arguments are nested more than ${MAX_DEPTH} levels deep.`);
    }
    const call = makeContext(context, server, parts, watch, parts.agreement);
    const called = tool.call(args, call);
    work = called;
    const given = await Promise.race([called, watch.late]);
    if (given.kind === "ask") {
      outcome = "asked";
      return askUser(parts.log.redact(given.question), await parts.seal(given.state));
    }
    const reply = keepOffered(given.reply, parts, readCapabilities(context, server));
    return reduceToRevision(renderReply(reply, call.fit, parts.log), server);
  } catch (error) {
    outcome = context.mcpReq.signal.aborted ? "cancelled" : toFailureReport(error, parts.log).error;
    if (!context.mcpReq.signal.aborted) {
      return reduceToRevision(renderFailure(error, parts.log), server);
    }
    // An abort's reason may be anything, even text; nobody waits for this answer.
    parts.log.info("Call cancelled", { tool: tool.name });
    return renderFailure(new Failure("cancelled", "The call was cancelled."), parts.log);
  } finally {
    releaseAfter(work, admitted);
    const seconds = (performance.now() - started) / 1000;
    parts.onOutcome?.({ tool: tool.name, outcome, seconds });
    parts.log.debug("Call finished", {
      tool: tool.name,
      outcome,
      milliseconds: Math.round(seconds * 1000),
    });
  }
}

/** A call that is answered before its work has ended counts until the work has. */
function releaseAfter(work: Promise<unknown> = Promise.resolve(), admitted?: Disposable): void {
  const release = () => admitted?.[Symbol.dispose]();
  work.then(release, release);
}

/** Drops pointers to what this server does not offer, and what the client cannot show. */
function keepOffered<T>(
  { drawnBy, chart, links = [], ...reply }: Reply<T>,
  { tools, resources = [] }: ServerParts,
  capabilities: unknown,
): Reply<T> {
  return {
    ...reply,
    ...(chart !== undefined && showsApps(capabilities) ? { chart } : {}),
    ...(drawnBy !== undefined && tools.some(({ name }) => name === drawnBy) ? { drawnBy } : {}),
    links: keepUsableLinks(links, resources),
  };
}

function makeContext(
  context: ServerContext,
  server: McpServer,
  parts: ServerParts & Partial<RequestScope>,
  { signal, progress }: Pick<Watch, "signal" | "progress">,
  agreement?: Agreement,
): CallContext & { readonly fit: Fit } {
  const { elicitation } = readCapabilities(context, server);
  // A bare `elicitation: {}` means form support: the rule from before there were modes.
  const canAsk = elicitation !== undefined &&
    (elicitation.form !== undefined || elicitation.url === undefined);
  const fit = chooseFit(readClient(context, server)?.name, parts.maxTokens);
  return {
    fit,
    signal,
    progress: (update) => progress({ ...update, message: parts.log.redact(update.message) }),
    maxTokens: fit.tokens,
    log: parts.log,
    ...defined({
      client: describeClient(context, server),
      caller: parts.caller,
      traceparent: readTraceparent(context) ?? parts.traceparent,
    }),
    consent: {
      canAsk,
      // An answer counts only if this server asked the question, about this very call.
      answer: agreement === undefined ? undefined : readAnswer(context),
      trustConfirm: parts.trustConfirm,
      state: agreement?.state,
    },
  };
}

/** The trace that the message belongs to, if it names one in the standard's form. */
function readTraceparent({ mcpReq }: ServerContext): string | undefined {
  const given = mcpReq._meta?.[TRACEPARENT_META_KEY];
  return typeof given === "string" && isTraceparent(given) ? given : undefined;
}

/** Whether a text is a `traceparent` header of W3C Trace Context, version 00. */
export function isTraceparent(text: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);
}

/** What the client can do; clients of the newest revision say so with each request. */
function readCapabilities(context: ServerContext, { server }: McpServer) {
  return readEnvelope(context)?.[CLIENT_CAPABILITIES_META_KEY] ??
    server.getClientCapabilities() ?? {};
}

/** What the client says about itself, with each request or at the beginning. */
function readClient(context: ServerContext, { server }: McpServer) {
  return readEnvelope(context)?.[CLIENT_INFO_META_KEY] ?? server.getClientVersion();
}

/** What a client of the newest revision says with each request. */
function readEnvelope({ mcpReq: { envelope } }: ServerContext) {
  return envelope === undefined ? undefined : ENVELOPE.safeParse(envelope).data;
}

function describeClient(context: ServerContext, server: McpServer): string | undefined {
  const { name, version } = readClient(context, server) ?? {};
  return version === undefined ? name : `${name} ${version}`;
}

/** The first revision has only text and whether it is an error; the rest would waste tokens. */
function reduceToRevision(result: CallToolResult, { server }: McpServer): CallToolResult {
  if (server.getNegotiatedProtocolVersion() !== "2024-11-05") return result;
  const { content, isError } = result;
  return { content, ...(isError === undefined ? {} : { isError }) };
}

function readAnswer(context: ServerContext): Consent["answer"] {
  const responses = context.mcpReq.inputResponses;
  const response = inputResponse(responses, "consent");
  if (response.kind === "missing") return undefined;
  if (response.kind === "elicit" && response.action === "cancel") return "none";
  return acceptedContent(responses, "consent", AGREEMENT)?.confirm === true ? "yes" : "no";
}

/**
 * What the caller was asked, if anything.
 *
 * @throws {ProtocolError} if the question was about something else.
 */
async function readAgreement(
  { mcpReq }: ServerContext,
  purpose: unknown,
): Promise<Agreement | undefined> {
  const given = mcpReq.requestState();
  if (given === undefined) return undefined;
  const agreement = await openAgreement(given, purpose);
  if (agreement !== undefined) return agreement;
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, "Invalid or expired requestState", {
    reason: "invalid_request_state",
  });
}

function askUser(question: string, requestState: string): InputRequiredResult {
  return inputRequired({
    requestState,
    inputRequests: {
      consent: inputRequired.elicit({
        message: question,
        requestedSchema: {
          type: "object",
          properties: {
            confirm: {
              type: "boolean",
              title: "Do it",
              description: "This cannot be undone.",
              // Some forms preselect a yes: it must be given.
              default: false,
            },
          },
          required: ["confirm"],
        },
      }),
    },
  });
}

async function explainUnknown(
  name: string,
  { tools, absentTools }: ServerParts,
): Promise<ProtocolError> {
  const reason = (await absentTools?.())?.get(name);
  if (reason !== undefined) {
    return new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `There is no tool "${name}" with this configuration. ${reason}`,
    );
  }
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no tool "${showGiven(name)}" with this configuration` +
      didYouMean(name, tools.map((tool) => tool.name)),
  );
}
