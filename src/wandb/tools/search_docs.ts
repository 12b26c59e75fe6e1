import * as z from "zod";
import { shortenMessage } from "../../core/values.ts";
import { defineTool } from "../../mcp/define.ts";
import type { Tool } from "../../mcp/tool.ts";
import type { DocsServices } from "../docs.ts";

const INPUT = z.object({ query: z.string().min(1) });
const OUTPUT = z.looseObject({ query: z.string(), result: z.string() });

/** Searches W&B's documentation. */
export const searchDocs: Tool<DocsServices> = defineTool<
  DocsServices,
  typeof INPUT,
  typeof OUTPUT
>({
  name: "search_wandb_docs_tool",
  title: "Search W&B docs",
  toolset: "wandb.docs",
  effect: "read",
  description: "Search the documentation (docs) of W&B and Weave: how to create, set up or log " +
    "something with wandb or Weave. Not the user's own data.",
  input: INPUT,
  argumentAliases: { question: "query", q: "query" },
  output: OUTPUT,
  run: async ({ query }, { docs, signal }) => {
    const parts = await docs.search(query, signal);
    const asked = shortenMessage(query);
    const result = parts.length === 0
      ? `Nothing found for "${asked}"; try other words.`
      : parts.join("\n\n---\n\n");
    return { data: { query: asked, result }, text: result };
  },
});
