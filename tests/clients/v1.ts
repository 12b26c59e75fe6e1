import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, LATEST_PROTOCOL_VERSION } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { type Answer, CALLS, codeOf, outcomeOf, type Report, type Target } from "./session.ts";

// Deno finds no types for this package's subpaths: what it hands out is parsed.
const QUESTION = z.looseObject({ params: z.looseObject({ message: z.string() }) });
const LISTING = z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) });
const SERVER = z.looseObject({ name: z.string() });

/** Holds the conversation with the TypeScript SDK of the first generation. */
export async function talkV1(target: Target, answer: Answer): Promise<Report> {
  const client = new Client({ name: "test", version: "1" }, {
    capabilities: answer === undefined ? {} : { elicitation: {} },
  });
  let question = "";
  if (answer !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, (request: unknown) => {
      question = QUESTION.parse(request).params.message;
      return answer === "accept"
        ? { action: answer, content: { confirm: true } }
        : { action: answer };
    });
  }
  await client.connect(
    target.kind === "http"
      ? new StreamableHTTPClientTransport(new URL(target.url))
      : new StdioClientTransport({
        command: target.command,
        args: [...target.args],
        env: { ...target.env },
        stderr: "ignore",
      }),
  );
  try {
    const { tools } = LISTING.parse(await client.listTools());
    const read = await client.callTool(CALLS.read);
    const failure = await client.callTool(CALLS.failure);
    const unknownTool = await client.callTool(CALLS.unknownTool).then(() => 0, codeOf);
    let progress = false;
    const onprogress = () => void (progress = true);
    await client.callTool(CALLS.progress, undefined, { onprogress });
    const deletion = await client.callTool(CALLS.deletion);
    return {
      server: SERVER.parse(client.getServerVersion()).name,
      protocol: LATEST_PROTOCOL_VERSION,
      tools: tools.map(({ name }) => name),
      read: outcomeOf(read),
      failure: outcomeOf(failure),
      unknownTool,
      progress,
      deletion: outcomeOf(deletion),
      question,
    };
  } finally {
    await client.close();
  }
}
