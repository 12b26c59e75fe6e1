import { createHash, timingSafeEqual } from "node:crypto";

/** The SHA-256 of each token, and the name of its holder. */
type Tokens = readonly { readonly name: string; readonly hash: Uint8Array }[];

/** Reads the tokens that are valid now; undefined if the list cannot be read. */
export type ReadTokens = () => Promise<Tokens | undefined>;

/** A line: a name, white space, the SHA-256 of the token in hexadecimal, as sha256sum ends it. */
const LINE = /^([\w.@-]{1,64})\s+([0-9a-f]{64})(\s+\*?-)?$/i;

/**
 * Reads a list of tokens; empty lines and lines that begin with `#` are ignored.
 *
 * @throws {Error} with the number of a line that is neither.
 */
export function parseTokens(text: string): Tokens {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return [];
    const [, name, hash] = LINE.exec(line) ?? [];
    if (name === undefined || hash === undefined) {
      throw new Error(
        `line ${index + 1} is not a name and the SHA-256 of a token, such as that of ` +
          "printf %s TOKEN | sha256sum",
      );
    }
    return [{ name, hash: Uint8Array.fromHex(hash) }];
  });
}

/** Finds a token's holder; every line is compared, so that the time reveals nothing. */
export function findHolder(tokens: Tokens, token: string): string | undefined {
  const hash = createHash("sha256").update(token).digest();
  let found: string | undefined;
  for (const one of tokens) {
    if (timingSafeEqual(hash, one.hash)) found ??= one.name;
  }
  return found;
}

/**
 * Reads the file for each request, so that removing a line revokes its token. A problem is reported
 * when it begins, not with each request.
 */
export function tokensFile(path: string, onProblem: (problem: string) => void): ReadTokens {
  let reported: string | undefined;
  return async () => {
    try {
      const tokens = parseTokens(await Deno.readTextFile(path));
      reported = undefined;
      return tokens;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== reported) onProblem(problem);
      reported = problem;
      return undefined;
    }
  };
}
