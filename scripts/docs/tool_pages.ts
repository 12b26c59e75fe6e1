/** The pages of docs/tools: what a model reads of each tool, and a call of it with its answer. */
import { z } from "zod";
import { markdownTable } from "../../src/core/table.ts";
import type { BoundTool } from "../../src/mcp/tool.ts";
import type { Example } from "./example.ts";

const PROPERTY = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
});
const SCHEMA = z.looseObject({
  properties: z.record(z.string(), PROPERTY).optional(),
  required: z.array(z.string()).optional(),
});

/** The effect in a reader's words. */
export function describeEffect({ effect }: Pick<BoundTool, "effect">): string {
  return effect === "destroy" ? "deletes, asks first" : effect;
}

/** The page of one tool. */
export function toolPage(tool: BoundTool, example: Example | undefined): string {
  const { name, description, inputSchema } = tool.listing();
  const { properties = {}, required = [] } = SCHEMA.parse(inputSchema);
  const rows = Object.entries(properties).map(([argument, { type, description, enum: values }]) => [
    `\`${argument}\`${required.includes(argument) ? " (required)" : ""}`,
    values?.map((value) => `\`${value}\``).join(", ") ?? type ?? "any",
    description ?? "",
  ]);
  const parts = [
    `# ${tool.title}`,
    `\`${name}\` · toolset \`${tool.toolset}\` · ${describeEffect(tool)}` +
    (tool.aliases.length === 0
      ? ""
      : ` · also called ${tool.aliases.map((alias) => `\`${alias}\``).join(", ")}`),
    description,
    rows.length === 0 ? "It takes no arguments." : markdownTable(["Argument", "Type", ""], rows),
  ];
  if (example !== undefined) {
    const { input, output } = example;
    parts.push(
      "## Example",
      fence("json", JSON.stringify(input, null, 2)),
      typeof output === "string"
        ? `A picture, and with it:\n\n${fence("text", output)}`
        : fence("json", JSON.stringify(output, null, 2)),
    );
  }
  return `${parts.join("\n\n")}\n`;
}

/** The page that lists the others. */
export function indexPage(tools: readonly BoundTool[]): string {
  const sets = Map.groupBy(tools, ({ toolset }) => toolset);
  return [
    "# Tools",
    "",
    "Generated from the catalog by `deno task docs`. The examples are real answers of the tools, on " +
    "the demo's store and the tests' back ends; those that write to MLflow use a server with canned " +
    "answers. `deno task examples` records them, limited to 700 tokens each.",
    ...[...sets].flatMap(([set, members]) => [
      "",
      `**${set}**`,
      "",
      ...members.map(({ name, title }) => `- [\`${name}\`](${name}.md): ${title}`),
    ]),
    "",
  ].join("\n");
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
