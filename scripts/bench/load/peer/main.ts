/**
 * What wandflow is measured beside: on the same SDK, a tool that only does given requests and gives
 * back what they answered, one that parses that and gives back wandflow's own answer, ready made,
 * or, at /proxy, the same requests without MCP.
 *
 *     deno run -A main.js SETUP.json        over standard input and output
 *     deno run -A main.js SETUP.json PORT   over HTTP
 */
import { type CallToolResult, createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { createLog } from "../../../../src/core/log.ts";
import { runStdio } from "../../../../src/mcp/stdio.ts";
import { send } from "../../recorder.ts";

const Setup = z.object({
  base: z.string(),
  /** Requests in their order, those of a step side by side. */
  steps: z.array(z.array(z.object({
    method: z.string(),
    path: z.string(),
    type: z.string().nullable(),
    body: z.string(),
  }))),
  /** What wandflow answers. */
  answer: z.custom<CallToolResult>(),
  /** What `tools/list` answers. */
  tools: z.array(z.looseObject({
    name: z.string(),
    inputSchema: z.looseObject({ type: z.literal("object") }),
  })),
});

const [file = "", port] = Deno.args;
const { base, steps, answer, tools } = Setup.parse(JSON.parse(await Deno.readTextFile(file)));

async function ask(): Promise<string[]> {
  const texts: string[] = [];
  for (const step of steps) {
    texts.push(
      ...await Promise.all(step.map(async (one) => await (await send(base, one)).text())),
    );
  }
  return texts;
}

function createServer(): McpServer {
  const mcp = new McpServer({ name: "peer", version: "0" }, { capabilities: { tools: {} } });
  mcp.registerTool("fetch", { inputSchema: z.object({}) }, async () => ({
    content: [{ type: "text", text: (await ask()).join("\n") }],
  }));
  mcp.registerTool("read", { inputSchema: z.object({}) }, async () => {
    for (const text of await ask()) JSON.parse(text);
    return answer;
  });
  mcp.server.setRequestHandler("tools/list", () => ({ tools }));
  return mcp;
}

if (port === undefined) {
  const log = createLog({ level: "ERROR", format: "human", secrets: [] });
  await runStdio(createServer, { log });
  Deno.exit(0);
} else {
  const handler = createMcpHandler(createServer);
  Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
    switch (new URL(request.url).pathname) {
      case "/mcp":
        return await handler.fetch(request);
      case "/proxy":
        await request.text();
        return new Response((await ask()).join("\n"));
      default:
        return new Response("ok");
    }
  });
}
