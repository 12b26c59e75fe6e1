/**
 * A server with the tools, resources and prompts that the conformance suite calls by name, to be
 * served by the product's own transport: what the suite then says is about that transport.
 */
import { completable, createRequestStateCodec, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { embedded, image, PIXEL, text } from "./content.ts";
import { registerAsking } from "./fixture_asking.ts";
import { registerTools } from "./fixture_tools.ts";

const ABOUT = { description: "Answers the conformance suite." };

/** Seals what travels through the client between two rounds of one call. */
const states = createRequestStateCodec<string>({ key: crypto.getRandomValues(new Uint8Array(32)) });

/** One server for one request, as the product's factory makes them. */
export function createFixture(): McpServer {
  const server = new McpServer({ name: "fixture", version: "1.0.0" }, {
    capabilities: {
      logging: {},
      tools: { listChanged: false },
      prompts: { listChanged: false },
      resources: { listChanged: false, subscribe: true },
    },
    requestState: { verify: states.verify },
  });
  registerTools(server);
  registerAsking(server, states);
  registerResources(server);
  registerPrompts(server);
  return server;
}

function registerResources(server: McpServer): void {
  server.registerResource(
    "static text",
    "test://static-text",
    { mimeType: "text/plain" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "text/plain", text: "This text never changes." }],
    }),
  );
  server.registerResource(
    "static binary",
    "test://static-binary",
    { mimeType: "image/png" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "image/png", blob: PIXEL }],
    }),
  );
  server.registerResource(
    "watched",
    "test://watched-resource",
    { mimeType: "text/plain" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "text/plain", text: "Somebody watches this." }],
    }),
  );
}

function registerPrompts(server: McpServer): void {
  const say = (...content: Parameters<typeof message>[0][]) => ({ messages: content.map(message) });
  server.registerPrompt(
    "test_simple_prompt",
    ABOUT,
    () => say(text("A prompt without arguments.")),
  );
  server.registerPrompt("test_prompt_with_arguments", {
    ...ABOUT,
    argsSchema: z.object({
      arg1: completable(
        z.string(),
        (start) => ["paris", "park", "party"].filter((word) => word.startsWith(start)),
      ),
      arg2: z.string(),
    }),
  }, ({ arg1, arg2 }) => say(text(`Two arguments: ${arg1} and ${arg2}.`)));
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    {
      ...ABOUT,
      argsSchema: z.object({ resourceUri: z.string() }),
    },
    ({ resourceUri }) =>
      say(embedded(resourceUri, "text/plain", "Embedded."), text("Read the above.")),
  );
  server.registerPrompt(
    "test_prompt_with_image",
    ABOUT,
    () => say(image(), text("Look at the above.")),
  );
}

function message(
  content: ReturnType<typeof text> | ReturnType<typeof image> | ReturnType<typeof embedded>,
) {
  return { role: "user" as const, content };
}
