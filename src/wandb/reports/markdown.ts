/**
 * Turns Markdown into the blocks of a W&B report. Content that W&B has a block type for becomes
 * such a block. The rest (bold text, nested lists, tables, HTML) becomes a Markdown block, which
 * W&B renders itself.
 *
 * The format is the one that W&B's client of 0.4.13 writes and reads.
 *
 * @module
 */
import type { Token, Tokens, TokensList } from "marked";
import { createLookup, once } from "../../core/values.ts";

/** A block of a report, as JSON. */
export type Block = Record<string, unknown>;

const EMPTY = [{ text: "" }];

/** The paragraph that begins and ends every report. */
export const EMPTY_PARAGRAPH: Block = { type: "paragraph", children: EMPTY };

/** The languages that W&B highlights. Others are shown as plain text. */
const LANGUAGES = ["javascript", "python", "css", "json", "html", "markdown", "yaml"];
const LANGUAGE_NAMES: Readonly<Record<string, string>> = createLookup({
  js: "javascript",
  jsx: "javascript",
  ts: "javascript",
  typescript: "javascript",
  py: "python",
  md: "markdown",
  yml: "yaml",
  jsonl: "json",
});

/** Reads Markdown: CommonMark with GitHub's tables and check boxes, `$…$`, `$$…$$` and `[TOC]`. */
export async function readMarkdown(text: string): Promise<Block[]> {
  const tokens = (await loadParser()).lexer(text);
  // Join adjacent Markdown blocks: W&B would show a gap between them.
  const blocks = tokens.flatMap(readBlock).reduce<Block[]>((list, block) => {
    const last = list.at(-1);
    if (last?.type === "markdown-block" && block.type === "markdown-block") {
      list[list.length - 1] = markdownBlock(`${last.content}\n\n${block.content}`);
    } else list.push(block);
    return list;
  }, []);
  return blocks.map((block) =>
    block.type === "markdown-block"
      ? markdownBlock(withDefinitions(String(block.content), tokens.links))
      : block
  );
}

/** Adds the link definitions that a block uses, because W&B renders each block by itself. */
function withDefinitions(content: string, links: TokensList["links"]): string {
  const plain = content.replaceAll(/\s+/g, " ").toLowerCase();
  const used = Object.entries(links).filter(([label]) => plain.includes(`[${label}]`));
  if (used.length === 0) return content;
  const lines = used.map(([label, { href, title }]) =>
    `[${label}]: <${href ?? ""}>${title ? ` "${title.replaceAll('"', "&quot;")}"` : ""}`
  );
  return `${content}\n\n${lines.join("\n")}`;
}

/** Loads the parser only if a report is written: it would take a tenth of the start-up time. */
const loadParser = once(async () => {
  const { Marked } = await import("marked");
  return new Marked({
    extensions: [
      {
        name: "mathBlock",
        level: "block",
        start: (source) => source.match(/^\$\$/m)?.index,
        tokenizer: (source) => {
          const match = /^\$\$\s*([^$]+?)\s*\$\$(?:\n|$)/.exec(source);
          return match === null
            ? undefined
            : { type: "mathBlock", raw: match[0], text: match[1] ?? "" };
        },
      },
      {
        name: "math",
        level: "inline",
        start: (source) => source.match(/\$/)?.index,
        // These are Pandoc's rules, by which "$5 and $10" is not a formula.
        tokenizer: (source) => {
          const match = /^\$(?=\S)([^$\n]*?\S)\$(?!\d)/.exec(source);
          return match === null ? undefined : { type: "math", raw: match[0], text: match[1] ?? "" };
        },
      },
    ],
  });
});

function readBlock(token: Token): Block[] {
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "heading": {
      const children = readHeading(token.tokens ?? []);
      const level = Math.min(3, Number(token.depth));
      return [
        children === undefined
          ? asMarkdown(token)
          : { type: "heading", level, children: children.length === 0 ? EMPTY : children },
      ];
    }
    case "paragraph":
      return [readParagraph(token)];
    case "code":
      return [codeBlock(String(token.text), String(token.lang ?? ""))];
    case "hr":
      return [{ type: "horizontal-rule", children: EMPTY }];
    case "mathBlock":
      return [{ type: "latex", block: true, content: token.text, children: EMPTY }];
    case "blockquote": {
      const [only, ...more] = token.tokens ?? [];
      const children = only?.type === "paragraph" && more.length === 0
        ? readInline(only)
        : undefined;
      return [children === undefined ? asMarkdown(token) : { type: "block-quote", children }];
    }
    case "list":
      return [isList(token) ? readList(token) ?? asMarkdown(token) : asMarkdown(token)];
    default:
      return [asMarkdown(token)];
  }
}

function readParagraph(token: Token): Block {
  if (/^\[toc\]$/i.test(token.raw.trim())) return { type: "table-of-contents", children: EMPTY };
  const tokens = "tokens" in token ? token.tokens ?? [] : [];
  const [only] = tokens;
  if (tokens.length === 1 && only?.type === "image") {
    const caption = String(only.text ?? "");
    return {
      type: "image",
      url: String(only.href),
      hasCaption: caption !== "",
      children: [{ text: caption }],
    };
  }
  const children = readInline(token);
  return children === undefined ? asMarkdown(token) : { type: "paragraph", children };
}

/** Makes a flat list. Returns undefined for a list that needs a Markdown block. */
function readList(list: Tokens.List): Block | undefined {
  const marks = new Set(list.items.map(({ task }) => task));
  // W&B's lists count from 1, and either all items have a check box or none does.
  if (marks.size > 1 || (list.ordered && list.start !== 1)) return undefined;
  const items: Block[] = [];
  for (const item of list.items) {
    const tokens = item.tokens.filter(({ type }) => type !== "checkbox" && type !== "space");
    const [only, ...more] = tokens;
    if (more.length > 0 || (only !== undefined && !["text", "paragraph"].includes(only.type))) {
      return undefined;
    }
    const children = only === undefined ? EMPTY : readInline(only);
    if (children === undefined) return undefined;
    items.push({
      type: "list-item",
      children: [{ type: "paragraph", children }],
      ...(list.ordered ? { ordered: true } : {}),
      ...(item.task ? { checked: item.checked === true } : {}),
    });
  }
  return { type: "list", children: items, ...(list.ordered ? { ordered: true } : {}) };
}

/** Reads text, code, links and formulas. Returns undefined if there is anything else. */
function readInline(token: Token): Record<string, unknown>[] | undefined {
  const children: Record<string, unknown>[] = [];
  for (const part of "tokens" in token ? token.tokens ?? [] : [token]) {
    switch (part.type) {
      case "checkbox":
        break;
      case "text":
      case "escape":
        if ("tokens" in part && part.tokens !== undefined) {
          const inner = readInline(part);
          if (inner === undefined) return undefined;
          children.push(...inner);
        } else children.push({ text: unescape(String(part.text)).replaceAll("\n", " ") });
        break;
      case "codespan":
        children.push({ text: String(part.text), inlineCode: true });
        break;
      case "math":
        children.push(formula(part));
        break;
      case "link":
        if ((part.tokens ?? []).some(({ type }: Token) => !["text", "escape"].includes(type))) {
          return undefined;
        }
        children.push(link(part, unescape(String(part.text))));
        break;
      default:
        return undefined;
    }
  }
  return children.length === 0 ? [{ text: "" }] : children;
}

/**
 * Reads text, links and formulas, and drops other markup. Returns undefined if that would lose the
 * address of an image or of an HTML link.
 */
function readHeading(tokens: readonly Token[]): Record<string, unknown>[] | undefined {
  const children: Record<string, unknown>[] = [];
  for (const token of tokens) {
    if (token.type === "image" || (token.type === "html" && /\b(href|src)\b/i.test(token.raw))) {
      return undefined;
    }
    const inner = "tokens" in token ? token.tokens : undefined;
    const read = inner === undefined ? [] : readHeading(inner);
    if (read === undefined) return undefined;
    if (token.type === "link") children.push(link(token, plainText(inner ?? [])));
    else if (token.type === "math") children.push(formula(token));
    else if (inner !== undefined) children.push(...read);
    else children.push({ text: plainText([token]) });
  }
  return children.reduce<Record<string, unknown>[]>((list, child) => {
    const last = list.at(-1);
    const isText = last !== undefined && !("type" in last) && !("type" in child);
    return isText
      ? [...list.slice(0, -1), { text: `${last.text}${child.text}` }]
      : [...list, child];
  }, []);
}

function link(token: Token, text: string): Record<string, unknown> {
  const url = "href" in token ? String(token.href) : "";
  return { type: "link", url, children: [{ text }] };
}

function formula(token: Token): Record<string, unknown> {
  return { type: "latex", content: "text" in token ? token.text : "", children: EMPTY };
}

/** The text of inline Markdown without its markup. */
function plainText(tokens: readonly Token[]): string {
  return tokens.map((token) =>
    "tokens" in token && token.tokens !== undefined
      ? plainText(token.tokens)
      : token.type === "br"
      ? " "
      : "text" in token
      ? unescape(String(token.text))
      : token.raw
  ).join("");
}

/** Resolves character references, which the lexer leaves to the renderer. */
function unescape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&nbsp;": "\u00A0",
  };
  return text.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (name) => names[name] ?? name);
}

/** Makes a code block. W&B stores all of its text in a single line element. */
function codeBlock(code: string, info: string): Block {
  const word = info.trim().split(/\s/)[0]?.toLowerCase() ?? "";
  const name = LANGUAGE_NAMES[word] ?? word;
  const language = LANGUAGES.includes(name) ? { language: name } : {};
  return {
    type: "code-block",
    ...language,
    children: [{ type: "code-line", ...language, children: [{ text: code }] }],
  };
}

/** Makes a block of Markdown that W&B renders itself. */
export function markdownBlock(content: string): Block {
  return { type: "markdown-block", content, children: EMPTY };
}

function asMarkdown(token: Token): Block {
  return markdownBlock(token.raw.replace(/\n+$/, ""));
}

function isList(token: Token): token is Tokens.List {
  return token.type === "list";
}
