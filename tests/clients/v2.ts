import {
  Client,
  StreamableHTTPClientTransport,
  type VersionNegotiationOptions,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { type Answer, CALLS, codeOf, outcomeOf, type Report, type Target } from "./session.ts";

/** Holds the conversation with the TypeScript SDK of the second generation. */
export async function talkV2(
  target: Target,
  answer: Answer,
  mode: VersionNegotiationOptions["mode"],
): Promise<Report> {
  const client = new Client({ name: "test", version: "1" }, {
    capabilities: answer === undefined ? {} : { elicitation: { form: {} } },
    ...(mode === undefined ? {} : { versionNegotiation: { mode } }),
  });
  let question = "";
  if (answer !== undefined) {
    client.setRequestHandler("elicitation/create", (request) => {
      question = request.params.message;
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
    const { tools } = await client.listTools();
    const read = await client.callTool(CALLS.read);
    const failure = await client.callTool(CALLS.failure);
    const unknownTool = await client.callTool(CALLS.unknownTool).then(() => 0, codeOf);
    let progress = false;
    await client.callTool(CALLS.progress, { onprogress: () => void (progress = true) });
    const deletion = await client.callTool(CALLS.deletion);
    return {
      server: client.getServerVersion()?.name ?? "",
      protocol: client.getNegotiatedProtocolVersion() ?? "",
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
