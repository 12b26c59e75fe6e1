/** A scripted client: it reads a prompt and makes the calls that it describes. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import type { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { type Catalog, createCatalog, loadBackends } from "../../src/catalog.ts";
import type { Config } from "../../src/config/config.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { createLog } from "../../src/core/log.ts";
import { createServerFactory } from "../../src/mcp/server.ts";

/** The protocol's two eras. */
export const ERAS = ["2025-11-25", "2026-07-28"] as const;

/** One of them. */
export type Era = (typeof ERAS)[number];

/** A structured result as a test reads it. */
export type Data = Record<string, unknown>;

/** A client connected to a server in this process. */
export interface Connected extends AsyncDisposable {
  readonly client: Client;
}

/** Connects a client of an era to the servers that a factory makes. */
export async function connect(factory: () => McpServer, era: Era): Promise<Connected> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const handle = serveStdio(() => factory(), { transport: far });
  const client = new Client({ name: "test-client", version: "1.0.0" }, {
    ...(era === "2026-07-28" ? { versionNegotiation: { mode: "auto" as const } } : {}),
  });
  await client.connect(near);
  assert.equal(client.getNegotiatedProtocolVersion(), era);
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await handle.close();
    },
  };
}

/** The configuration that an environment makes. */
export function configOf(env: Readonly<Record<string, string>>): Config {
  const { settings, notes, errors } = resolveSettings(new Map(), (name) => env[name]);
  assert.deepEqual(errors, []);
  return {
    command: "stdio",
    words: [],
    options: {},
    settings,
    notes,
    home: undefined,
    version: "0.0.0",
  };
}

/** A log that says nothing. */
export const quiet = createLog({
  level: "ERROR",
  format: "human",
  secrets: [],
  write: () => {},
});

const LOADED = await loadBackends();

/** What exists with an environment. */
export function catalogOf(env: Readonly<Record<string, string>>): Catalog {
  return createCatalog(configOf(env), quiet, LOADED);
}

/** A client that follows prompts. */
export interface Follower extends AsyncDisposable {
  readonly client: Client;
  /** The lines of a prompt's text. */
  prompt(name: string, args: Readonly<Record<string, string>>): Promise<string[]>;
  /** Calls a tool and gives the structured result. */
  call(name: string, args: Data): Promise<Data>;
  /** Makes the call of one step, with the arguments that its text names and these. */
  follow(step: string | undefined, more?: Data): Promise<Data>;
  /** Values that are suggested for a prompt's argument. */
  suggestions(
    prompt: string,
    argument: { name: string; value: string },
    given?: Record<string, string>,
  ): Promise<string[]>;
}

/** Connects a follower to what an environment configures. */
export async function startFollower(
  env: Readonly<Record<string, string>>,
  era: Era = "2026-07-28",
): Promise<Follower> {
  const { tools, prompts, resources, instructions } = catalogOf(env);
  const factory = createServerFactory({
    name: "test-server",
    version: "1.2.3",
    instructions,
    tools,
    prompts,
    resources,
    maxTokens: 30_000,
    trustConfirm: false,
    log: quiet,
  });
  const { client, [Symbol.asyncDispose]: dispose } = await connect(factory, era);
  const call: Follower["call"] = async (name, args) => {
    const result = await client.callTool({ name, arguments: args });
    assert.notEqual(result.isError, true, JSON.stringify(result.content));
    return Object.fromEntries(Object.entries(result.structuredContent ?? {}));
  };
  return {
    client,
    call,
    [Symbol.asyncDispose]: dispose,
    prompt: async (name, args) => {
      const { messages: [message] } = await client.getPrompt({ name, arguments: args });
      assert.equal(message?.content.type, "text");
      return message?.content.type === "text" ? message.content.text.split("\n") : [];
    },
    follow: async (step, more = {}) => {
      assert.ok(step !== undefined, "the prompt has no such step");
      return await call(toolIn(step), { ...argumentsIn(step), ...more });
    },
    suggestions: async (prompt, argument, given) => {
      const { completion } = await client.complete({
        ref: { type: "ref/prompt", name: prompt },
        argument,
        ...(given === undefined ? {} : { context: { arguments: given } }),
      });
      return completion.values;
    },
  };
}

/** The lines of a prompt that are steps. */
export function stepsIn(lines: readonly string[]): string[] {
  return lines.filter((line) => /^\d+\. /.test(line));
}

/** The tool that a step names. */
export function toolIn(step: string): string {
  return /^\d+\. (?:Or )?(\w+):/.exec(step)?.[1] ?? "";
}

/** The arguments that a step spells out: `name="text"`, `name=word` and `name=[…]`. */
export function argumentsIn(step: string): Data {
  const found: Data = {};
  for (const [, name = "", list, text, word] of step.matchAll(ARGUMENT)) {
    found[name] = list === undefined ? text ?? wordOf(word ?? "") : JSON.parse(list);
  }
  return found;
}

const ARGUMENT = /(?<![\w.])(\w+)=(?:(\[[^\]]*\])|"([^"]*)"|(\w+))/g;

function wordOf(word: string): unknown {
  return /^(true|false|\d+)$/.test(word) ? JSON.parse(word) : word;
}

/** The addresses that a result links to, in order. */
export function uris(structured: unknown): string[] {
  return LINKED.parse(structured).links.map(({ uri }) => uri);
}

const LINKED = z.looseObject({
  links: z.array(z.looseObject({ uri: z.string() })).default([]),
});
