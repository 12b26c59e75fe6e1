import { createCatalog, loadBackends } from "../../src/catalog.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { createLog } from "../../src/core/log.ts";
import { chooseFit } from "../../src/mcp/fit.ts";
import { renderReply, toFailureReport } from "../../src/mcp/result.ts";
import type { BoundTool, CallContext } from "../../src/mcp/tool.ts";

const LOADED = await loadBackends();

/** What came of a call in a test. */
export interface Answer {
  /** The structured result, when the tool answered. */
  readonly data: Record<string, unknown>;
  /** The text block. */
  readonly text: string;
  /** The report, when it failed. */
  readonly failure:
    | { error: string; message: string; hint?: string; retryable: boolean }
    | undefined;
  /** The question, when the user is to be asked. */
  readonly question: string | undefined;
  /** What the question's answer comes back with. */
  readonly state?: string | undefined;
}

/** The tools with a configuration, called in this process. */
export interface Tools {
  /** Their listings. */
  readonly list: readonly BoundTool[];
  /** Calls one and expects an answer. */
  ok(name: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Calls one and expects a failure. */
  fails(name: string, args?: Record<string, unknown>): Promise<NonNullable<Answer["failure"]>>;
  /** Calls one, whatever comes. */
  call(
    name: string,
    args?: Record<string, unknown>,
    context?: Partial<CallContext>,
  ): Promise<Answer>;
}

/** Makes the tools that an environment configures. */
export function toolsWith(env: Readonly<Record<string, string>>): Tools {
  const { settings, notes, errors } = resolveSettings(new Map(), (name) => env[name]);
  if (errors.length > 0) throw new Error(errors.join("\n"));
  const log = createLog({ level: "ERROR", format: "human", secrets: [], write: () => {} });
  const config = {
    command: "call",
    words: [],
    options: {},
    settings,
    notes,
    home: env.HOME,
    version: "0.0.0",
  };
  const { tools } = createCatalog(config, log, LOADED);
  const maxTokens = settings.maxResponseTokens ?? 30_000;
  const call = async (
    name: string,
    args: Record<string, unknown> = {},
    context: Partial<CallContext> = {},
  ): Promise<Answer> => {
    const tool = tools.find((one) => one.name === name || one.aliases.includes(name));
    if (tool === undefined) throw new Error(`No tool ${name}.`);
    try {
      const outcome = await tool.call(args, {
        signal: new AbortController().signal,
        progress: () => {},
        maxTokens,
        log,
        consent: { canAsk: false, answer: undefined, trustConfirm: false },
        ...context,
      });
      if (outcome.kind === "ask") {
        const { question, state } = outcome;
        return { data: {}, text: "", failure: undefined, question, state };
      }
      const result = renderReply(outcome.reply, chooseFit(undefined, maxTokens), log);
      const [block] = result.content;
      return {
        data: Object.fromEntries(Object.entries(result.structuredContent ?? {})),
        text: block?.type === "text" ? block.text : "",
        failure: undefined,
        question: undefined,
      };
    } catch (error) {
      const { hint, ...report } = toFailureReport(error, log);
      const failure = hint === undefined ? report : { ...report, hint };
      return { data: {}, text: "", failure, question: undefined };
    }
  };
  return {
    list: tools,
    call,
    ok: async (name, args) => {
      const answer = await call(name, args);
      if (answer.failure !== undefined) {
        throw new Error(`${name} failed: ${JSON.stringify(answer.failure)}`);
      }
      return answer.data;
    },
    fails: async (name, args) => {
      const answer = await call(name, args);
      if (answer.failure === undefined) {
        throw new Error(`${name} should have failed: ${JSON.stringify(answer.data).slice(0, 300)}`);
      }
      return answer.failure;
    },
  };
}

/** A member of a JSON value by a path of keys; undefined where there is none. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  let node = value;
  for (const key of keys) {
    if (node === null || typeof node !== "object") return undefined;
    node = Object.entries(node).find(([name]) => name === String(key))?.[1];
  }
  return node;
}

/** A list at a path; empty where there is none. */
export function listAt(value: unknown, ...keys: readonly (string | number)[]): unknown[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
}
