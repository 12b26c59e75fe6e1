/**
 * What the repository's pages tell a reader to type or to paste: their code blocks, and the
 * commands within their sentences. What proves each is decided by what it is, not by where.
 */
import { parse as parseJsonc } from "jsonc-parser";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { ROOT } from "./python/layout.ts";

/** A block of code, or the commands within a page's sentences. */
export interface Block {
  /** The page's path. */
  readonly page: string;
  /** The line before it. */
  readonly before: string;
  /** The language after the fence; empty where none is given. */
  readonly language: string;
  /** What is inside. */
  readonly text: string;
}

/** What a block is, which says how it is proven. */
export type Kind =
  /** Typed into a shell. */
  | "commands"
  /** Pasted into a client's settings. */
  | "client"
  /** Variables of an environment. */
  | "variables"
  /** A failure as callers get it. */
  | "failure"
  /** A call that was recorded. */
  | "recorded"
  /** Code that explains. */
  | "sketch"
  /** A drawing, or what a program printed. */
  | "figure";

/** Programs whose names begin a command. */
const PROGRAM =
  /^(?:[A-Z_]+=\S+ )*(?:wandflow|uvx?|npx|npm|pip3?|python3?|deno|task|node|claude|codex|gemini|opencode|copilot|cursor|code|brew|apt|apt-get|docker|kubectl|helm|nginx|curl|wget|sudo|export|gh|git|aws|az|eval|mlflow|wandb|cd|sh|bash)(?= )/;

/** The members of settings files that hold MCP servers. */
const SERVERS = ["mcpServers", "servers", "context_servers", "mcp", "mcp_servers"];

/** The kind of a block; undefined if no test covers it yet. */
export function kindOf({ page, language, text }: Block): Kind | undefined {
  if (page.startsWith("docs/tools/")) return "recorded";
  switch (language) {
    case "sh":
      return "commands";
    case "env":
      return page === "docs/CONNECTING.md" ? "variables" : undefined;
    case "ts":
      return "sketch";
    case "json":
    case "jsonc":
    case "toml":
      return kindOfSettings(language === "toml" ? parseToml(text) : parseJsonc(text));
    case "":
    case "text":
      if (text.trimStart().startsWith("{")) return kindOfSettings(parseJsonc(text));
      return text.split("\n").some((line) => PROGRAM.test(line)) ? "commands" : "figure";
    default:
      return undefined;
  }
}

function kindOfSettings(value: unknown): Kind | undefined {
  if (value === null || typeof value !== "object") return undefined;
  if ("retryable" in value) return "failure";
  return SERVERS.some((name) => name in value) || "server_url" in value ? "client" : undefined;
}

/** Every block of every page of the repository. */
export async function readBlocks(): Promise<Block[]> {
  const blocks: Block[] = [];
  for await (const page of pagesBelow("")) {
    blocks.push(...blocksIn(page, await Deno.readTextFile(join(ROOT, page))));
  }
  return blocks;
}

async function* pagesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (/^(\.|node_modules$|dist$|coverage$)/.test(name)) continue;
    if (isDirectory) yield* pagesBelow(path);
    else if (name.endsWith(".md")) yield path;
  }
}

/** The blocks of one page, fenced, indented and in sentences. */
export function blocksIn(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let before = "";
  const rest = text.replaceAll(
    /^( *)```(\S*)[^\n]*\n([\s\S]*?)^\1```$|^([^\n`]*\S[^\n]*)$/gm,
    (all: string, _indent: string, language: string | undefined, inside: string, line: string) => {
      if (language === undefined) {
        before = line.startsWith("    ") ? before : line;
        return all;
      }
      blocks.push({ page, before, language, text: inside });
      return "";
    },
  );
  const { indented, prose } = splitIndented(rest);
  for (const { before, text } of indented) blocks.push({ page, before, language: "", text });
  const spans = [...prose.matchAll(SPAN)]
    .map(([, span = ""]) => span.replaceAll(/\s+/g, " "))
    .filter((words) =>
      PROGRAM.test(words) && (words.startsWith("wandflow ") || words.split(" ").length > 2)
    );
  if (spans.length > 0) {
    const lines = [...new Set(spans)].join("\n");
    blocks.push({ page, before: "its sentences", language: "sh", text: lines });
  }
  return blocks;
}

/** Takes out paragraphs that are indented as code, outside of lists, each with the one before. */
function splitIndented(text: string): {
  indented: { before: string; text: string }[];
  prose: string;
} {
  const indented: { before: string; text: string }[] = [];
  const prose: string[] = [];
  for (const paragraph of text.split(/\n{2,}/)) {
    const before = (prose.at(-1) ?? "").replaceAll("\n", " ").trim();
    const lines = paragraph.split("\n").filter((line) => line !== "");
    const isCode = lines.length > 0 && lines.every((line) => line.startsWith("    "));
    if (isCode && !/^\s*([-*>|]|\d+\.) /.test(before)) {
      const inside = lines.map((line) => line.slice(4)).join("\n");
      indented.push({ before, text: inside });
    } else prose.push(paragraph);
  }
  return { indented, prose: prose.join("\n\n") };
}

const SPAN = /(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)/g;

/** The commands of a block, a line each, without their comments. */
export function commandsIn({ text }: Block): string[] {
  return text.replaceAll(/\\\n\s*/g, "").split("\n")
    .map((line) =>
      line.replace(/^task /, "deno task ").replace(/\s+#\s[^"']*$/, "").replace(/\s{2,}.*$/, "")
        .trim()
    )
    .filter((line) => line !== "");
}

/** Commands that are not run, and why. */
export const NOT_RUN: readonly (readonly [command: RegExp, why: string])[] = [
  [
    /^(npx -y deno@\S+|deno) task compile\b/,
    "downloads a base runtime; tests/scripts/executable.test.ts compiles where DENORT_BIN names one",
  ],
  [
    /^(npx -y deno@\S+ |deno )?task (ok|test|test:unit|test:system|nightly|docs|bench|renew|figures)\b/,
    "runs these tests, or writes what they compare: that task and files exist is tested",
  ],
  [/^wandflow \w+$/, "names a command of the program: that there is one is tested"],
  [/^deno (fmt|check)\b/, "a part of `deno task ok`"],
  [/^deno run .*scripts\/diagnosis\.ts/, "writes docs/DIAGNOSIS.md, which a test compares"],
  [/^deno run .*scripts\/bench\//, "measures for minutes"],
  [/^gh attestation /, "asks GitHub for what is published with a release"],
  [/^gemini extensions install https:/, "clones what is published"],
  [/^eval "\$\(aws |^az /, "another maker's program, which wants an account"],
  [/^mlflow mcp run$/, "the original, which `deno task bench` measures"],
];
