/** A server of the SDK's without anything, over the product's own standard input and output. */
import { McpServer } from "@modelcontextprotocol/server";
import { createLog } from "../../../src/core/log.ts";
import { runStdio } from "../../../src/mcp/stdio.ts";

self.onmessage = async () => {
  const log = createLog({ level: "ERROR", format: "human", secrets: [] });
  const factory = () => {
    const mcp = new McpServer({ name: "empty", version: "0" }, { capabilities: { tools: {} } });
    mcp.server.setRequestHandler("tools/list", () => ({ tools: [] }));
    return mcp;
  };
  await runStdio(factory, { log });
  self.postMessage(null);
};
