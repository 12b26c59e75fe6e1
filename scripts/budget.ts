/**
 * What the tool listing costs a model on every request: the tokens of name, description and input
 * schema as compact JSON, counted exactly with o200k_base.
 */
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import type { BoundTool } from "../src/mcp/tool.ts";

/** The most that is allowed, in tokens. */
export const BUDGET = { each: 600, wandb: 6000, all: 5500 } as const;

/** Tokens of a listing. */
interface ListingCost {
  /** The budgets. */
  readonly budget: typeof BUDGET;
  /** All tools together. */
  readonly all: number;
  /** The tools of W&B and Weave together. */
  readonly wandb: number;
  /** Each tool, in listing order. */
  readonly each: Readonly<Record<string, number>>;
}

/** Counts what a listing of these tools costs. */
export function listingCost(tools: readonly BoundTool[]): ListingCost {
  const each = Object.fromEntries(tools.map((tool) => [tool.name, toolTokens(tool)]));
  const sum = (some: readonly BoundTool[]) =>
    some.reduce((total, { name }) => total + (each[name] ?? 0), 0);
  return { budget: BUDGET, all: sum(tools), wandb: sum(tools.filter(isWandb)), each };
}

/** Whether a tool calls W&B or Weave. */
function isWandb({ toolset }: BoundTool): boolean {
  return toolset.startsWith("wandb.") || toolset.startsWith("weave.");
}

/** The tokens of what a model sees of a tool. */
export function toolTokens(tool: BoundTool): number {
  const { name, description, inputSchema } = tool.listing();
  return encode(JSON.stringify({ name, description, inputSchema })).length;
}
