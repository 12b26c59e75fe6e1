/** What answers cost, as tests/answers.test.ts measures it. */
import { z } from "zod";

/** Where it is kept. */
export const ANSWERS = "tests/golden/answers.json";

/** Clients whose bounds differ, by the names that they give themselves; the first is any other. */
export const CLIENTS = [
  "another",
  "claude-code",
  "codex-mcp-client",
  "copilot-cli",
  "@cline/core",
] as const;

const Answer = z.object({
  /** Of the text, by client. */
  characters: z.record(z.string(), z.int()),
  /** Of the text that the first client gets. */
  tokens: z.int(),
  picture: z.object({ width: z.int(), height: z.int() }).optional(),
});

export type Answer = z.infer<typeof Answer>;

const Answers = z.record(z.string(), Answer);

export const AnswerLedger = z.object({
  /** On the demo's store. */
  mlflow: Answers,
  /** On a project of 100 runs. */
  wandb: Answers,
  /** On 300 calls of an agent. */
  weave: Answers,
  /** One metric of one run. */
  curve: Answers,
});

export type AnswerLedger = z.infer<typeof AnswerLedger>;
