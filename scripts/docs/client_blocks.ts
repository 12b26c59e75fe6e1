/** The README's blocks for MCP clients, from the table that `wandflow setup` prints from. */
import { type Client, CLIENTS, type Server } from "../../src/cli/setup/clients.ts";
import { addEntry } from "../../src/cli/setup/merge.ts";
import { quoteForShell } from "../../src/core/values.ts";

const SERVER: Server = {
  kind: "local",
  command: "wandflow",
  args: ["stdio"],
  variables: [{ name: "MLFLOW_TRACKING_URI", value: "http://localhost:5000", secret: false }],
};

/** Clients that are configured with a command of their own. */
const COMMANDS: readonly Client[] = [CLIENTS["claude-code"], CLIENTS.gemini];

/** Every client that starts programs, folded; those that read the same text share a block. */
export async function clientBlocks(): Promise<string> {
  const blocks = new Map<string, string[]>();
  for (const client of Object.values<Client>(CLIENTS)) {
    const { file, command } = client;
    if (file === undefined) continue;
    const own = COMMANDS.includes(client) ? command?.(SERVER) : undefined;
    const text = own === undefined
      ? fence(file.format, shorten(await addEntry("", file, SERVER)))
      : fence("sh", own.map(quoteForShell).join(" "));
    const place = own === undefined ? ` (<code>${file.path}</code>)` : "";
    blocks.set(text, [...blocks.get(text) ?? [], `<b>${client.title}</b>${place}`]);
  }
  return [...blocks].map(([text, names]) =>
    names.some((name) => name.includes("Claude Desktop"))
      ? `<p>The settings at the top of this page are for ${names.join(", ")}.</p>`
      : `<details>\n<summary>${names.join(", ")}</summary>\n\n${text}\n\n</details>`
  ).join("\n\n");
}

/** Lists and objects of one line's length on one line. */
function shorten(text: string): string {
  return text.replaceAll(
    /\[\s+([^[\]{}]+?)\s+\]|\{\s+([^[\]{},]+?)\s+\}/g,
    (_, list, members) =>
      list === undefined ? `{ ${members} }` : `[${list.replaceAll(/\s+/g, " ")}]`,
  );
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}
