import { estimateTokens } from "../mcp/fit.ts";
import { textTable } from "../core/table.ts";
import { print, printError } from "./output.ts";
import type { Program } from "./program.ts";

/** `wandflow tools`: the tools listed with this configuration, and what each costs. */
export function toolsCommand(program: Program): number {
  const rows = program.catalog.tools.map((tool) => {
    const { name, description, inputSchema } = tool.listing();
    return {
      name,
      toolset: tool.toolset,
      effect: tool.effect,
      tokens: estimateTokens(JSON.stringify({ name, description, inputSchema })),
      title: tool.title,
    };
  });
  if (program.config.options.json === true) {
    print(JSON.stringify({ tools: rows, not_listed: program.catalog.absences }, null, 2));
    return 0;
  }
  if (rows.length > 0) {
    print(textTable(
      ["TOOL", "TOOLSET", "EFFECT", "TOKENS", "TITLE"],
      rows.map((
        { name, toolset, effect, tokens, title },
      ) => [name, toolset, effect, tokens, title]),
    ));
    const total = rows.reduce((sum, row) => sum + row.tokens, 0);
    print(`\n${rows.length} tools; their descriptions take about ${total} tokens.`);
  } else print("No tool is available with this configuration.");
  for (const absence of program.catalog.absences) printError(`${absence}\n`);
  return 0;
}
