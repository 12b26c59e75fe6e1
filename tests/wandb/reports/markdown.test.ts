import assert from "node:assert/strict";
import fc from "fast-check";
import { lexer, walkTokens } from "marked";
import { readMarkdown } from "../../../src/wandb/reports/markdown.ts";

const EMPTY = [{ text: "" }];
const markdown = (content: string) => ({ type: "markdown-block", content, children: EMPTY });
const paragraph = (text: string) => ({ type: "paragraph", children: [{ text }] });
const item = (text: string, more: Record<string, unknown> = {}) => ({
  type: "list-item",
  children: [paragraph(text)],
  ...more,
});

/** Each row: Markdown, and the blocks as W&B's client writes them. */
const CASES: readonly (readonly [string, string, readonly unknown[]])[] = [
  ["headings, at most of level 3", "# A **b** `c`\n\n##### E", [
    { type: "heading", level: 1, children: [{ text: "A b c" }] },
    { type: "heading", level: 3, children: [{ text: "E" }] },
  ]],
  ["a heading keeps its links", "## See [the **run**](https://x.y) and <https://z.w>", [{
    type: "heading",
    level: 2,
    children: [
      { text: "See " },
      { type: "link", url: "https://x.y", children: [{ text: "the run" }] },
      { text: " and " },
      { type: "link", url: "https://z.w", children: [{ text: "https://z.w" }] },
    ],
  }]],
  ["a heading with a picture stays Markdown", "# ![i](https://i/x.png) A", [
    markdown("# ![i](https://i/x.png) A"),
  ]],
  ["a picture in a link stays Markdown", "[![i](https://i/x.png)](https://x.y)", [
    markdown("[![i](https://i/x.png)](https://x.y)"),
  ]],
  ["a reference is its address", "[a][b] c\n\n[b]: https://x.y", [{
    type: "paragraph",
    children: [
      { type: "link", url: "https://x.y", children: [{ text: "a" }] },
      { text: " c" },
    ],
  }]],
  [
    "Markdown keeps what its references mean",
    '**a** [A][B  c]\n\n# x\n\n[b c]: <https://x.y> "T"',
    [
      markdown('**a** [A][B  c]\n\n[b c]: <https://x.y> "T"'),
      { type: "heading", level: 1, children: [{ text: "x" }] },
    ],
  ],
  ["a table of contents", "[TOC]", [{ type: "table-of-contents", children: EMPTY }]],
  ["text, code, a link and a formula", "a & b `x<y` [l](https://x.y) $e=mc^2$", [{
    type: "paragraph",
    children: [
      { text: "a & b " },
      { text: "x<y", inlineCode: true },
      { text: " " },
      { type: "link", url: "https://x.y", children: [{ text: "l" }] },
      { text: " " },
      { type: "latex", content: "e=mc^2", children: EMPTY },
    ],
  }]],
  ["money is not a formula", "from $5 to $10", [paragraph("from $5 to $10")]],
  ["bold and italic stay Markdown", "a **b** _c_", [markdown("a **b** _c_")]],
  ["a flat list", "- a\n- b", [{ type: "list", children: [item("a"), item("b")] }]],
  ["a numbered list", "1. a\n2. b", [{
    type: "list",
    ordered: true,
    children: [item("a", { ordered: true }), item("b", { ordered: true })],
  }]],
  ["numbers that do not begin at one stay", "3. a\n4. b", [markdown("3. a\n4. b")]],
  ["check boxes", "- [x] a\n- [ ] b", [{
    type: "list",
    children: [item("a", { checked: true }), item("b", { checked: false })],
  }]],
  ["a nested list stays Markdown", "- a\n  - b", [markdown("- a\n  - b")]],
  ["a quote", "> q", [{ type: "block-quote", children: [{ text: "q" }] }]],
  ["a quote with a list stays Markdown", "> - q", [markdown("> - q")]],
  ["a table stays Markdown", "| a |\n|---|\n| 1 |", [markdown("| a |\n|---|\n| 1 |")]],
  ["code in a language that W&B colours", "```py\nprint(1)\n```", [{
    type: "code-block",
    language: "python",
    children: [{ type: "code-line", language: "python", children: [{ text: "print(1)" }] }],
  }]],
  ["code in another language is shown plainly", "```rust\nfn\n```", [{
    type: "code-block",
    children: [{ type: "code-line", children: [{ text: "fn" }] }],
  }]],
  ["an unclosed fence holds the rest", "```\na\n\n# b", [{
    type: "code-block",
    children: [{ type: "code-line", children: [{ text: "a\n\n# b" }] }],
  }]],
  ["a formula of its own", "$$\nx^2\n$$", [
    { type: "latex", block: true, content: "x^2", children: EMPTY },
  ]],
  ["an image", "![cap](https://i/x.png)", [
    { type: "image", url: "https://i/x.png", hasCaption: true, children: [{ text: "cap" }] },
  ]],
  ["a rule", "a\n\n---\n\nb", [
    paragraph("a"),
    { type: "horizontal-rule", children: EMPTY },
    paragraph("b"),
  ]],
  ["neighbours that stay Markdown are one block", "**a**\n\n_b_", [markdown("**a**\n\n_b_")]],
  ["nothing", "", []],
];

for (const [name, text, blocks] of CASES) {
  Deno.test(`readMarkdown: ${name}`, async () =>
    assert.deepEqual(await readMarkdown(text), blocks));
}

/** Every word that a block shows. */
function words(blocks: unknown): string {
  if (Array.isArray(blocks)) return blocks.map(words).join(" ");
  if (typeof blocks !== "object" || blocks === null) return "";
  return Object.entries(blocks).map(([key, value]) =>
    ["text", "content", "url"].includes(key) ? String(value) : words(value)
  ).join(" ");
}

/** Addresses of links and pictures, as a reader of Markdown understands them. */
function addresses(text: string): string[] {
  const found: string[] = [];
  walkTokens(lexer(text), (token) => {
    if (token.type === "link" || token.type === "image") found.push(String(token.href));
  });
  return found;
}

/** Addresses that a report's blocks hold: links, pictures, and those of each Markdown block alone. */
function blockAddresses(blocks: unknown): string[] {
  if (Array.isArray(blocks)) return blocks.flatMap(blockAddresses);
  if (typeof blocks !== "object" || blocks === null) return [];
  return Object.entries(blocks).flatMap(([key, value]) =>
    key === "url" ? [String(value)] : key === "content" ? addresses(value) : blockAddresses(value)
  );
}

Deno.test("readMarkdown: no address is lost, in any form and place", async () => {
  const around = fc.constantFrom(
    ...["@", "# @", "# a **@** b", "- @", "- a\n  - @", "> @", "> - @", "**b** @", "1. @ c"],
    ...["| a |\n|---|\n| @ |", "- [ ] @", "_@_", "### `x` @ $y$", "a\n@ b", "# a\n\n**@**"],
  );
  const form = fc.constantFrom(
    ...["[a](U)", "[**a**](U)", "<U>", "U", "![a](U)", "[![a](U/i)](U)", "[a][R]", "[R][]", "[R]"],
    ...["![a][R]", "[![a][R]](U)", '[a](U "title")', "[a `c`][R]"],
  );
  const line = fc.tuple(around, form, fc.integer({ min: 0, max: 3 }));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), async (lines) => {
      const text = lines.map(([place, one, number]) =>
        place.replace(
          "@",
          one.replaceAll("U", `https://u.${number}`).replaceAll("R", `r ${number}`),
        )
      ).concat([0, 1, 2, 3].map((number) => `[R ${number}]: https://r.${number}`)).join("\n\n");
      assert.deepEqual(
        [...new Set(blockAddresses(await readMarkdown(text)))].sort(),
        [...new Set(addresses(text))].sort(),
        text,
      );
    }),
  );
});

Deno.test("readMarkdown: no word is lost, whatever surrounds it", async () => {
  const word = fc.stringMatching(/^[a-z]{3,8}$/);
  const line = fc.tuple(
    fc.constantFrom(
      "",
      "# ",
      "- ",
      "  - ",
      "1. ",
      "> ",
      "- [ ] ",
      "```\n",
      "**",
      "| ",
      "$$\n",
      "    ",
    ),
    word,
    fc.constantFrom("", "\n", "\n\n", " |\n|---|\n", "**", "\n```", "\n$$"),
  );
  await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
    const text = lines.map((parts) => parts.join("")).join("\n");
    const shown = words(await readMarkdown(text));
    for (const [, one] of lines) {
      assert.ok(shown.includes(one), `${one} of ${JSON.stringify(text)}`);
    }
  }));
});
