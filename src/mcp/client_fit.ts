/** How much of one answer a client hands to its model. */
export interface Fit {
  readonly tokens: number;
  /** Most characters of its text, where the client counts those. */
  readonly characters?: number;
  /** The text must be the structure's own compact JSON, or the client passes both on. */
  readonly exact?: boolean;
  /** What sets these bounds, for the note about what was cut. */
  readonly limit: string;
}

/** Tokens of an answer where nobody says otherwise. */
const USUAL = 10_000;

/** JSON has fewer characters to a token than this: the characters decide, where both are known. */
const CHARACTERS_TO_A_TOKEN = 3;

/**
 * Beginnings of the names that clients give themselves, and the characters of an answer's text that
 * their model gets whole: seen in the releases that tests/system drives, less a margin for what they
 * put around it. Cline counts the whole result as JSON, quotes in it escaped.
 */
const CLIENTS: Readonly<Record<string, { readonly characters: number; readonly exact?: true }>> = {
  "claude-code": { characters: 45_000 },
  "codex-mcp-client": { characters: 11_000 },
  "gemini-cli-mcp-client": { characters: 39_000 },
  "qwen-cli-mcp-client": { characters: 25_000, exact: true },
  opencode: { characters: 45_000 },
  "copilot-cli": { characters: 19_500, exact: true },
  "@cline/": { characters: 6_000 },
};

/** Claude Code shows no more than this of a result, whatever a server asks for. */
const CLAUDE_MOST = 500_000;

/**
 * What a tool's entry in the listing says to this client alone. Claude Code hides tools behind a
 * search: those that start most chains are kept in sight, and what the search weighs more than a
 * description is the description. Neither costs its model a token before it asks.
 */
export function chooseHints(
  client: string | undefined,
  { description }: { readonly description: string },
  { starter, userSet }: { readonly starter: boolean; readonly userSet: number | undefined },
): Record<string, unknown> | undefined {
  if (client?.startsWith("claude-code") !== true) return undefined;
  return {
    "anthropic/searchHint": description,
    ...(starter ? { "anthropic/alwaysLoad": true } : {}),
    ...(userSet === undefined
      ? {}
      : { "anthropic/maxResultSizeChars": Math.min(CLAUDE_MOST, 4 * userSet) }),
  };
}

/** The bounds of answers for a client; what the user set is the user's. */
export function chooseFit(client: string | undefined, userSet: number | undefined): Fit {
  const known = Object.entries(CLIENTS).find(([name]) => client?.startsWith(name) === true);
  const [name, { characters = 0, exact = false } = {}] = known ?? [];
  if (userSet !== undefined) {
    return { tokens: userSet, exact, limit: `MAX_RESPONSE_TOKENS=${userSet}` };
  }
  if (name === undefined) return { tokens: USUAL, limit: `about ${USUAL} tokens; ${SETTING}` };
  return {
    tokens: Math.floor(characters / CHARACTERS_TO_A_TOKEN),
    characters,
    exact,
    limit: `${characters} characters, what ${name} passes on; ${SETTING}`,
  };
}

const SETTING = "MAX_RESPONSE_TOKENS sets another bound";
