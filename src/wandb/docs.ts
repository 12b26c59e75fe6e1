import * as z from "zod";
import { Failure, isFailure } from "../core/failure.ts";
import { type Json, tryParseJson } from "../core/json.ts";
import type { Log } from "../core/log.ts";
import { cutText } from "../core/values.ts";
import { openSession } from "../http/client.ts";
import { path, type UpstreamOptions, type UpstreamRequest } from "../http/request.ts";
import { createTransport, type Transport } from "../http/transport.ts";

/** What documentation search works with. */
export interface DocsServices {
  readonly docs: WandbDocs;
}

/** W&B's public documentation: an MCP server of its own, asked without credentials. */
export interface WandbDocs {
  /** Searches; gives the text parts of the answer. */
  search(query: string, signal: AbortSignal): Promise<string[]>;
}

/** The tool of that server. */
const TOOL = "search_weights_biases_documentation";
/** Milliseconds for one search. */
const TIMEOUT = 30_000;

const REPLY = z.looseObject({
  result: z.looseObject({
    content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
    isError: z.boolean().optional(),
  }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** Makes the client of the documentation's search. */
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
    timeoutMs: options.timeoutMs ?? TIMEOUT,
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
      const reply = REPLY.safeParse(replyIn(text));
      if (!reply.success || (reply.data.result ?? reply.data.error) === undefined) {
        throw failed("answered with something else than search results");
      }
      const { result, error } = reply.data;
      if (result === undefined || result.isError === true) {
        const said = error?.message ?? result?.content[0]?.text ?? "";
        throw failed(`failed${said === "" ? "" : `: ${cutText(said, 300)}`}`);
      }
      return result.content.flatMap(({ type, text: part }) =>
        type === "text" && part ? [part] : []
      );
    },
  };
}

/** Sends a request; where the documentation cannot be reached, says what to do without it. */
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

function failed(what: string): Failure {
  return new Failure("upstream_error", `W&B documentation search ${what}.`, {
    hint: "Repeat the call, or read https://docs.wandb.ai; WANDBOT_BASE_URL sets the endpoint.",
    retryable: true,
  });
}

/** The JSON-RPC reply in a body that is JSON, or a stream of events of which one holds it. */
function replyIn(text: string): Json | undefined {
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
