import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { embedded, image, SILENCE, text } from "./content.ts";

const ABOUT = { description: "Answers the conformance suite." };

/** Tools that answer by themselves, and the one resource template. */
export function registerTools(server: McpServer): void {
  server.registerTool("test_simple_text", ABOUT, () => ({ content: [text("A plain text.")] }));
  server.registerTool("test_image_content", ABOUT, () => ({ content: [image()] }));
  server.registerTool("test_audio_content", ABOUT, () => ({
    content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }],
  }));
  server.registerTool("test_embedded_resource", ABOUT, () => ({
    content: [embedded("test://embedded-resource", "text/plain", "An embedded text.")],
  }));
  server.registerTool("test_multiple_content_types", ABOUT, () => ({
    content: [
      text("Three kinds:"),
      image(),
      embedded("test://mixed-content-resource", "application/json", "{}"),
    ],
  }));
  server.registerTool("test_error_handling", ABOUT, () => {
    throw new Error("This tool always fails.");
  });
  for (const name of ["test_tool_with_logging", "test_logging_tool"]) {
    server.registerTool(name, ABOUT, async (context) => {
      for (const step of ["started", "half way", "done"]) await context.mcpReq.log("info", step);
      return { content: [text("Logged three times.")] };
    });
  }
  server.registerTool("test_tool_with_progress", ABOUT, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      const params = { progressToken, progress, total: 100 };
      await context.mcpReq.notify({ method: "notifications/progress", params });
    }
    return { content: [text("All done.")] };
  });
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  server.registerResource(
    "template",
    template,
    { mimeType: "application/json" },
    (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify({ id }) }],
    }),
  );
  server.server.setRequestHandler("resources/subscribe", () => ({}));
  server.server.setRequestHandler("resources/unsubscribe", () => ({}));
}
