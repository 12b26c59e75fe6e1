import type { Config } from "../../src/config/config.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { Failure } from "../../src/core/failure.ts";
import { createLog, type Log } from "../../src/core/log.ts";
import type { CallContext, Reply, Tool } from "../../src/mcp/tool.ts";
import { apiKeyCredentials, createAccount, type Credentials } from "../../src/wandb/account.ts";
import { createWandb, type Wandb } from "../../src/wandb/client.ts";
import type { WandbServices } from "../../src/wandb/tool.ts";
import { startWandbSim, type WandbSim, type WandbSimOptions } from "../support/wandb/mod.ts";

import assert from "node:assert/strict";

/** A simulator, our client on it, and a way to call tools. */
export interface Rig extends AsyncDisposable {
  readonly sim: WandbSim;
  readonly wandb: Wandb;
  /** Lines that were logged. */
  readonly logged: string[];
  /** Calls a tool and gives its reply. */
  call(tool: Tool<WandbServices>, args: unknown, options?: CallOptions): Promise<Reply<Data>>;
  /** Calls a tool and gives the structured result. */
  data(tool: Tool<WandbServices>, args: unknown, options?: CallOptions): Promise<Data>;
  /** Calls a tool that must fail, and gives its report. */
  failure(tool: Tool<WandbServices>, args: unknown, options?: CallOptions): Promise<Data>;
  /** The context of a call, without services. */
  context(options?: CallOptions): CallContext;
  /** What was asked of the server meanwhile. */
  counted<T>(work: () => Promise<T>): Promise<{ result: T; requests: number }>;
}

/** A structured result as a test reads it. */
export type Data = Record<string, unknown>;

/** How a call is made. */
export interface CallOptions {
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
}

/** Settings of {@link startRig}. */
export interface RigOptions extends WandbSimOptions {
  readonly credentials?: (sim: WandbSim, log: Log) => Credentials;
  readonly entity?: string;
  readonly project?: string;
  readonly timeoutMs?: number;
}

/** Starts a simulator and a client on it. */
export function startRig(options: RigOptions = {}): Rig {
  return rigOn(startWandbSim(options), options);
}

/** A client on a simulator that runs already; it ends with the rig. */
export function rigOn(sim: WandbSim, options: RigOptions = {}): Rig {
  const logged: string[] = [];
  const log = memoryLog(logged);
  const wandb = createWandb(createAccount({
    baseUrl: new URL(sim.url),
    appUrl: new URL("https://app.example.test"),
    credentials: options.credentials?.(sim, log) ?? apiKeyCredentials(sim.apiKey, log),
    entity: options.entity,
    project: options.project,
    timeoutMs: options.timeoutMs ?? 20_000,
    log,
    backoffMs: 1,
  }));
  const call: Rig["call"] = async (tool, args, callOptions = {}) => {
    const outcome = await tool.call(args, { ...contextFor(log, callOptions), wandb });
    if (outcome.kind !== "reply") throw new Error(`The tool asks: ${outcome.question}`);
    return outcome.reply;
  };
  return {
    sim,
    wandb,
    logged,
    context: (callOptions) => contextFor(log, callOptions),
    call,
    data: async (...args) => (await call(...args)).data,
    failure: async (...args) => {
      try {
        await call(...args);
      } catch (error) {
        return toFailureReport(error);
      }
      throw new Error("The call was expected to fail.");
    },
    counted: async (work) => {
      sim.requests.length = 0;
      const result = await work();
      return { result, requests: sim.requests.length };
    },
    [Symbol.asyncDispose]: () => sim.stop(),
  };
}

/** The configuration of a program on a simulator. */
export function configFor(
  sim: { readonly url: string; readonly apiKey: string },
  docs = "http://127.0.0.1:1",
): Config {
  const env: Record<string, string> = {
    WANDB_BASE_URL: sim.url,
    WANDB_APP_URL: "https://app.example.test",
    WANDB_API_KEY: sim.apiKey,
    WANDBOT_BASE_URL: docs,
  };
  const { settings, notes } = resolveSettings(new Map(), (name) => env[name]);
  return {
    command: "stdio",
    words: [],
    options: {},
    settings,
    notes,
    home: undefined,
    version: "0",
  };
}

/** The context of a call outside of a server. */
export function contextFor(log: Log, options: CallOptions = {}): CallContext {
  return {
    signal: options.signal ?? new AbortController().signal,
    progress: () => {},
    maxTokens: options.maxTokens ?? 30_000,
    log,
    consent: { canAsk: false, answer: undefined, trustConfirm: false },
  };
}

/** A log that keeps its lines. */
export function memoryLog(lines: string[], secrets: readonly string[] = []): Log {
  return createLog({
    level: "DEBUG",
    format: "human",
    secrets,
    write: (line) => void lines.push(line),
  });
}

/** What a failed call tells the model. */
export function toFailureReport(error: unknown): Data {
  if (error instanceof Failure) return { ...error.report };
  throw error;
}

/** A member that must be a list of objects. */
export function list(value: unknown): Data[] {
  assert.ok(Array.isArray(value));
  return value;
}

/** A member that must be an object with this key. */
export function part(value: unknown, key: string): Data {
  assert.ok(typeof value === "object" && value !== null && key in value, key);
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
