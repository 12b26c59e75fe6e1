import * as z from "zod";
import { Failure, isFailure } from "../core/failure.ts";
import { type Json, tryParseJson } from "../core/json.ts";
import type { Log } from "../core/log.ts";
import { cutText } from "../core/values.ts";
import { openSession } from "../http/client.ts";
import { path, type UpstreamOptions, type UpstreamRequest } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";

/** What the documentation search tool needs. */
export interface DocsServices {
  readonly docs: WandbDocs;
}

/** W&B's public documentation: a separate MCP server that needs no credentials. */
export interface WandbDocs {
  /** Returns the text parts of the answer. */
  search(query: string, signal: AbortSignal): Promise<string[]>;
}

/** The name of that server's tool. */
const TOOL = "search_weights_biases_documentation";
/** Milliseconds for one search. */
const SEARCH_TIMEOUT_MS = 30_000;

const REPLY = z.looseObject({
  result: z.looseObject({
    content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
    isError: z.boolean().optional(),
  }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** Creates the client of the documentation search. */
export function createDocs(
  url: URL,
  log: Log,
  options: { transport?: Transport; backoffMs?: number; timeoutMs?: number } = {},
): WandbDocs {
  const upstream: UpstreamOptions = {
    service: "W&B documentation search",
    setting: "WANDBOT_BASE_URL",
    baseUrl: url,
    headers: () => ({ accept: "application/json, text/event-stream" }),
    transport: options.transport ?? createTransport(),
    timeoutMs: options.timeoutMs ?? SEARCH_TIMEOUT_MS,
    retry: {
      maxRetries: 2,
      backoffMs: options.backoffMs ?? 500,
      jitterMs: 100,
      respectRetryAfter: true,
    },
    onAttempt: (attempt) => log.debug("W&B documentation request", { ...attempt }),
  };
  return {
    search: async (query, signal) => {
      const text = await ask(upstream, signal, {
        method: "POST",
        path: path``,
        json: {
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: TOOL, arguments: { query } },
        },
        repeatable: true,
      });
      const reply = REPLY.safeParse(findReply(text));
      if (!reply.success || (reply.data.result ?? reply.data.error) === undefined) {
        throw createSearchFailure("answered with something other than search results");
      }
      const { result, error } = reply.data;
      if (result === undefined || result.isError === true) {
        const detail = error?.message ?? result?.content[0]?.text ?? "";
        throw createSearchFailure(`failed${detail === "" ? "" : `: ${cutText(detail, 300)}`}`);
      }
      return result.content.flatMap(({ type, text: part }) =>
        type === "text" && part ? [part] : []
      );
    },
  };
}

/** Sends a request; if the documentation cannot be reached, the failure says how to go without. */
async function ask(
  upstream: UpstreamOptions,
  signal: AbortSignal,
  request: UpstreamRequest,
): Promise<string> {
  try {
    return await openSession(upstream, signal).text(request);
  } catch (error) {
    if (!isFailure(error, "unreachable")) throw error;
    throw new Failure("unreachable", error.message, {
      hint: "Without access to it, set WANDB_MCP_PROXY_DOCS=false to leave this tool out, or " +
        "WANDBOT_BASE_URL to an endpoint that can be reached.",
      retryable: error.retryable,
      cause: error,
    });
  }
}

function createSearchFailure(what: string): Failure {
  return new Failure("upstream_error", `W&B documentation search ${what}.`, {
    hint: "Repeat the call, or read https://docs.wandb.ai; WANDBOT_BASE_URL sets the endpoint.",
    retryable: true,
  });
}

/** Finds the JSON-RPC reply in a body that is either JSON or a stream of events. */
function findReply(text: string): Json | undefined {
  const whole = tryParseJson(text);
  if (whole !== undefined) return whole;
  for (const event of text.split(/\r?\n\r?\n/)) {
    const data = event.split(/\r?\n/).flatMap((line) =>
      line.startsWith("data:") ? [line.slice("data:".length).trimStart()] : []
    );
    const parsed = tryParseJson(data.join("\n"));
    // Notifications may come before the reply.
    if (REPLY.safeParse(parsed).success && JSON.stringify(parsed).includes('"id"')) return parsed;
  }
  return undefined;
}
