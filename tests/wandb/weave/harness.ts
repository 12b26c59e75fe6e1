import { Failure } from "../../../src/core/failure.ts";
import { createLog, type Log } from "../../../src/core/log.ts";
import { chooseFit } from "../../../src/mcp/fit.ts";
import { renderReply } from "../../../src/mcp/result.ts";
import type { CallContext, Tool } from "../../../src/mcp/tool.ts";
import { apiKeyCredentials, createAccount } from "../../../src/wandb/account.ts";
import type { WeaveServices } from "../../../src/wandb/tool.ts";
import { createWeave, type Weave } from "../../../src/wandb/weave/client.ts";

import assert from "node:assert/strict";

/** A structured result as a test reads it. */
export type Data = Record<string, unknown>;

/** Where a trace server is. */
export interface Server {
  readonly url: string;
  readonly apiKey: string;
  readonly project: string;
}

/** Our client on a server, and a way to call tools. */
export interface Rig {
  readonly weave: Weave;
  /** Lines that were logged. */
  readonly logged: string[];
  /** Paths of the requests so far. */
  readonly paths: string[];
  /** Bytes of the bodies read so far. */
  readonly bytes: () => number;
  /** Addresses that the last result led to. */
  readonly links: string[];
  /** Calls a tool and gives the structured result, as a client gets it. */
  call(tool: Tool<WeaveServices>, args?: Data, options?: CallOptions): Promise<Data>;
  /** Calls a tool that must fail, and gives its report. */
  failure(tool: Tool<WeaveServices>, args?: Data): Promise<Data>;
}

/** How a call is made. */
export interface CallOptions {
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
}

/** Our client on a server; calls go to its project unless they name another. */
export function rigOn(server: Server, timeoutMs = 60_000): Rig {
  const logged: string[] = [];
  const paths: string[] = [];
  const links: string[] = [];
  let bytes = 0;
  const log = createLog({
    level: "DEBUG",
    format: "human",
    secrets: [server.apiKey],
    write: (line) => void logged.push(line),
  });
  const [entity, project] = server.project.split("/");
  const baseUrl = new URL(server.url);
  const account = createAccount({
    baseUrl,
    appUrl: new URL("https://app.example.test"),
    credentials: apiKeyCredentials(server.apiKey, log),
    entity,
    project,
    timeoutMs,
    log,
    backoffMs: 1,
    transport: async (url, init) => {
      paths.push(url.pathname);
      const response = await fetch(url, init);
      const counted = response.body?.pipeThrough(
        new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
          transform(chunk, controller) {
            bytes += chunk.byteLength;
            controller.enqueue(chunk);
          },
        }),
      );
      return new Response(counted ?? null, response);
    },
  });
  const weave = createWeave(account, baseUrl);
  const call: Rig["call"] = async (tool, args = {}, options = {}) => {
    const context = { ...contextFor(log, options), weave };
    const outcome = await tool.call(args, context);
    if (outcome.kind !== "reply") throw new Error(`The tool asks: ${outcome.question}`);
    const result = renderReply(outcome.reply, chooseFit(undefined, context.maxTokens), context.log);
    const { links: linked = [], ...data } = record(result.structuredContent);
    links.splice(0, links.length, ...list(linked).map(({ uri }) => String(uri)));
    return data;
  };
  return {
    weave,
    logged,
    paths,
    links,
    bytes: () => bytes,
    call,
    failure: async (tool, args) => {
      try {
        await call(tool, args);
      } catch (error) {
        if (error instanceof Failure) return { ...error.report };
        throw error;
      }
      throw new Error("The call was expected to fail.");
    },
  };
}

function contextFor(log: Log, options: CallOptions): CallContext {
  return {
    signal: options.signal ?? new AbortController().signal,
    progress: () => {},
    maxTokens: options.maxTokens ?? 30_000,
    log,
    consent: { canAsk: false, answer: undefined, trustConfirm: false },
  };
}

/** A value that must be an object. */
export function record(value: unknown): Data {
  assert(value !== null && typeof value === "object" && !Array.isArray(value));
  return Object.fromEntries(Object.entries(value));
}

/** A value that must be a list of objects. */
export function list(value: unknown): Data[] {
  assert(Array.isArray(value));
  return value.map(record);
}
