/**
 * The set-up for services that call the server's URL themselves (the Responses API, LeChat): TLS
 * through nginx, a real client package, and a stand-in of the service that really calls.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { z } from "zod";
import { startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { startHttp } from "../support/product.ts";
import { startNginx } from "./nginx.ts";
import { runScript } from "./python.ts";

const TOKEN = "token-of-the-service";

const TOOL = z.looseObject({
  type: z.literal("mcp"),
  server_label: z.string(),
  server_url: z.string(),
  authorization: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
const REQUEST = z.looseObject({ model: z.string(), tools: z.array(TOOL) });

/** A stand-in for the Responses API: lists the tools at the URL, calls one and returns its answer. */
function startResponses(authority: string) {
  const client = Deno.createHttpClient({ caCerts: [authority] });
  const seen: { tool: z.output<typeof TOOL>; tools: string[] }[] = [];
  const respond = async (body: unknown): Promise<object> => {
    const { model, tools: [tool] } = REQUEST.parse(body);
    assert.ok(tool !== undefined);
    const headers = {
      ...tool.headers,
      ...(tool.authorization === undefined
        ? {}
        : { authorization: `Bearer ${tool.authorization}` }),
    };
    const transport = new StreamableHTTPClientTransport(new URL(tool.server_url), {
      requestInit: { headers },
      fetch: (url, init) => fetch(url, { ...init, client }),
    });
    const mcp = new Client({ name: "responses", version: "1" });
    await mcp.connect(transport);
    try {
      const { tools } = await mcp.listTools();
      seen.push({ tool, tools: tools.map(({ name }) => name) });
      const args = { trace_id: TRACE, extract_fields: "info.trace_id" };
      const result = await mcp.callTool({ name: "get_trace", arguments: args });
      const text = JSON.stringify(result.structuredContent);
      return {
        id: "resp_1",
        object: "response",
        created_at: 1,
        status: "completed",
        model,
        parallel_tool_calls: false,
        tool_choice: "auto",
        tools: [],
        output: [
          {
            type: "mcp_list_tools",
            id: "mcpl_1",
            server_label: tool.server_label,
            tools: tools.map(({ name, inputSchema }) => ({ name, input_schema: inputSchema })),
          },
          {
            type: "mcp_call",
            id: "mcp_1",
            server_label: tool.server_label,
            name: "get_trace",
            arguments: JSON.stringify(args),
            output: text,
          },
          {
            type: "message",
            id: "msg_1",
            role: "assistant",
            status: "completed",
            content: [{ type: "output_text", text: `It is ${text}`, annotations: [] }],
          },
        ],
        usage: {
          input_tokens: 1,
          output_tokens: 1,
          total_tokens: 2,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens_details: { reasoning_tokens: 0 },
        },
      };
    } finally {
      await mcp.close();
    }
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      try {
        return Response.json(await respond(await request.json()));
      } catch (error) {
        return Response.json({ error: { message: String(error) } }, { status: 424 });
      }
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/v1`,
    seen,
    [Symbol.asyncDispose]: async () => {
      await server.shutdown();
      client.close();
    },
  };
}

Deno.test("a hosted tool, as in the Responses API, reaches the server by its URL, with TLS and a token", async () => {
  await using mlflow = startFakeMlflow();
  const tokens = await Deno.makeTempFile();
  const hash = createHash("sha256").update(TOKEN).digest("hex");
  await Deno.writeTextFile(tokens, `responses ${hash}\n`);
  try {
    await using product = await startHttp(
      { MLFLOW_TRACKING_URI: mlflow.url },
      ["--auth", "token", "--tokens-file", tokens],
    );
    const { host } = new URL(product.url);
    await using nginx = await startNginx([host, "127.0.0.1:9", "127.0.0.1:9"]);
    await using responses = startResponses(nginx.authority);
    const tool = {
      type: "mcp",
      server_label: "wandflow",
      server_url: nginx.url,
      authorization: TOKEN,
      require_approval: "never",
    };
    const task = { model: responses.url, prompt: "Which trace is it?", tool };
    const { success, output } = await runScript("agent-frameworks", "hosted.py", task);
    assert.ok(success, output);
    assert.ok(output.includes(TRACE), output);
    assert.equal(responses.seen[0]?.tool.server_url, nginx.url);
    assert.ok(responses.seen[0]?.tools.includes("search_traces"));
    const refused = await runScript("agent-frameworks", "hosted.py", {
      ...task,
      tool: { ...tool, authorization: "another" },
    });
    assert.equal(refused.success, false);
    assert.equal(responses.seen.length, 1);
  } finally {
    await Deno.remove(tokens);
  }
});
