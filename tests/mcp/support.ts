/** Tools and servers for the tests of the protocol side. */
import { z } from "zod";
import { createLog, type Log } from "../../src/core/log.ts";
import { bind, defineTool } from "../../src/mcp/define.ts";
import { createServerFactory, type ServerParts } from "../../src/mcp/server.ts";
import type { BoundTool, CallContext } from "../../src/mcp/tool.ts";

/** A log that keeps its lines. */
export function keptLog(secrets: readonly string[] = []): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { log: createLog({ level: "DEBUG", format: "human", secrets, write }), lines };
}

/** A call's context that asks nobody. */
export function context(overrides: Partial<CallContext> = {}): CallContext {
  return {
    signal: new AbortController().signal,
    progress: () => {},
    maxTokens: 30000,
    log: keptLog().log,
    consent: { canAsk: false, answer: undefined, trustConfirm: false },
    ...overrides,
  };
}

/** A message of a client of 2025-11-25, as it arrives over HTTP. */
export function postMessage(message: object, headers: Record<string, string> = {}): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      host: "localhost",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...message }),
  });
}

/** The same, calling a tool. */
export function postCall(
  name: string,
  args: object,
  headers: Record<string, string> = {},
): Request {
  return postMessage({ method: "tools/call", params: { name, arguments: args } }, headers);
}

/** Answers with what it was given. */
export const echo: BoundTool = bind(
  defineTool({
    name: "echo",
    aliases: ["repeat"],
    title: "Echo",
    toolset: "test.read",
    effect: "read",
    description: "Answers with what it was given.",
    input: z.object({
      text: z.string().describe("What to repeat"),
      times: z.int().min(1).optional(),
      secret_format: z.string().optional(),
    }),
    unlisted: ["secret_format"],
    output: z.looseObject({ said: z.array(z.string()), count: z.int() }),
    run: ({ text, times }) => {
      const said = Array.from({ length: times ?? 1 }, () => text);
      return Promise.resolve({
        data: { said, count: said.length },
        rows: [{ path: "said", resume: (kept) => ({ count: kept }) }],
      });
    },
  }),
  () => ({}),
);

/** Destroys something; tells how often it did. */
export function destroyer(done: string[]): BoundTool {
  return bind(
    defineTool({
      name: "destroy",
      title: "Destroy",
      toolset: "test.write",
      effect: "destroy",
      description: "Destroys a thing.",
      input: z.object({ thing: z.string(), dry_run: z.boolean().optional() }),
      output: z.looseObject({ destroyed: z.string() }),
      needsConsent: ({ dry_run }) => dry_run !== true,
      preview: ({ thing }) => Promise.resolve({ question: `"${thing}" would be destroyed.` }),
      run: ({ thing, dry_run }) => {
        if (dry_run !== true) done.push(thing);
        return Promise.resolve({ data: { destroyed: thing } });
      },
    }),
    () => ({}),
  );
}

/** A tool that does what a test says. */
export function acting(run: (context: CallContext) => Promise<Record<string, unknown>>): BoundTool {
  return bind(
    defineTool({
      name: "act",
      title: "Act",
      toolset: "test.write",
      effect: "write",
      idempotent: true,
      description: "Does what the test says.",
      input: z.object({}),
      output: z.looseObject({}),
      run: async (_, context) => ({ data: await run(context) }),
    }),
    () => ({}),
  );
}

/** A server factory around some tools. */
export function factoryOf(tools: readonly BoundTool[], overrides: Partial<ServerParts> = {}) {
  return createServerFactory({
    name: "test-server",
    version: "1.2.3",
    instructions: "Test tools.",
    tools,
    maxTokens: 30000,
    trustConfirm: false,
    log: keptLog().log,
    ...overrides,
  });
}
