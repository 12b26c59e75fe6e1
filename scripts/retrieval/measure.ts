/** Measures whether questions find their tools through the words of names and descriptions. */
import { markdownTable } from "../../src/core/table.ts";
import type { BoundTool } from "../../src/mcp/tool.ts";
import { type Question, QUESTIONS, UNSEEN } from "./questions.ts";
import { type Entry, type Rank, rankByAngle, rankByWords } from "./rank.ts";

/** Of 57 questions 51 have to find their tool first, and all among the first three. */
export const FIRST = 51 / 57;

/** How one method ranked one question. */
interface Found extends Question {
  /** The rank of the best right tool, from 0. */
  readonly place: number;
  /** The tools before it. */
  readonly before: readonly string[];
}

interface Measured {
  readonly method: string;
  readonly found: readonly Found[];
  readonly first: number;
  readonly amongThree: number;
}

/** Asks all questions about these tools with both methods. */
export function measureRetrieval(
  tools: readonly BoundTool[],
  questions: readonly Question[] = QUESTIONS,
): Measured[] {
  const methods: readonly (readonly [string, Rank])[] = [
    ["BM25 over name, description and parameters", rankByWords(tools.map(describeWhole))],
    ["TF-IDF cosine over name and description", rankByAngle(tools.map(describeShort))],
  ];
  return methods.map(([method, rank]) => {
    const found = questions.map((question): Found => {
      const ranked = rank(question.asked);
      const place = Math.min(...question.right.map((name) => ranked.indexOf(name)));
      return { ...question, place, before: ranked.slice(0, place) };
    });
    const within = (places: number) => found.filter(({ place }) => place < places).length;
    return { method, found, first: within(1), amongThree: within(3) };
  });
}

/** The page about it. */
export function retrievalPage(tools: readonly BoundTool[]): string {
  const measured = measureRetrieval(tools);
  const unseen = measureRetrieval(tools, UNSEEN);
  return [
    "# Finding tools by their descriptions",
    "Clients with many tools hide them behind a search over names and descriptions. Here, two such " +
    `searches answer ${QUESTIONS.length} questions: the examples from the documentation of both ` +
    "original servers and three more for each tool (`scripts/retrieval/questions.ts`). A test checks " +
    "the figures. The descriptions were written with these questions at hand; the last two lines " +
    "are for other questions, asked only once.",
    markdownTable(
      ["Method", "Questions", "Right tool first", "Among the first three"],
      [
        ...measured,
        ...unseen.map((one) => ({ ...one, method: `${one.method}, other questions` })),
      ].map(({ method, found, first, amongThree }) =>
        [method, found.length, first, amongThree].map(String)
      ),
    ),
    CLIENTS,
    ...measured.flatMap(({ method, found }) => [
      `## What came before the right tool: ${method}`,
      markdownTable(
        ["Question", "Right tool", "Place", "Before it"],
        found.filter(({ place }) => place > 0).map(({ asked, right, place, before }) => [
          asked,
          right.map(quote).join(" or "),
          String(place + 1),
          before.map(quote).join(", "),
        ]),
      ),
    ]),
    "## Confusions by tool",
    "For the questions that each tool should answer: how many found it first with either method, and " +
    "which tools came first instead.",
    markdownTable(
      [
        "Tool",
        "Questions",
        ...measured.map(({ method }) => method.split(" ")[0] ?? ""),
        "Confused with",
      ],
      tools.map(({ name }) => {
        const own = measured.map(({ found }) => found.filter(({ right }) => right[0] === name));
        return [
          quote(name),
          String(own[0]?.length ?? 0),
          ...own.map((found) => String(found.filter(({ place }) => place === 0).length)),
          countFirst(own.flat()),
        ];
      }),
    ),
  ].join("\n\n") + "\n";
}

/** Measured with the same questions in the programs of tests/system; not repeated by each run. */
const CLIENTS = [
  "## With the clients' own searches",
  "The same questions, unchanged, put to the search tools of the programs themselves, which also " +
  "cover the programs' own tools. Claude Code always sees three of ours (`anthropic/alwaysLoad`); " +
  "its search gives a hint more weight than a description (`anthropic/searchHint`).",
  markdownTable(["Client", "First", "Among three", "Among five"], [
    ["Codex 0.171 (BM25)", "103", "121", "126"],
    ["Qwen Code 0.24 (parts of names, words)", "88", "114", "116"],
    ["Claude Code 2.1 (parts of names, words)", "86", "114", "121"],
    ["… without those three", "79", "109", "116"],
    ["… with those three, without the hints", "74", "93", "101"],
  ]),
  'A single word cannot rank tools: for "mlflow", Claude Code and Qwen Code list MLflow\'s ' +
  "tools alphabetically, Codex those with the shortest descriptions.",
].join("\n\n");

/** The tools that came first instead, and how often. */
function countFirst(found: readonly Found[]): string {
  const counts = new Map<string, number>();
  for (const { before: [first] } of found) {
    if (first !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  return [...counts].map(([name, times]) => `${quote(name)} × ${times}`).join(", ");
}

function describeWhole(tool: BoundTool): Entry {
  const { properties } = tool.listing().inputSchema;
  const { name, text } = describeShort(tool);
  // Names, descriptions and choices of the arguments.
  return { name, text: `${text} ${JSON.stringify(properties).replaceAll(KEYWORDS, " ")}` };
}

/** JSON Schema's own keywords. */
const KEYWORDS = /"(type|description|enum|items|default|minimum|maximum|maxItems|minItems)":/g;

function describeShort(tool: BoundTool): Entry {
  const { name, description } = tool.listing();
  return { name, text: `${name} ${description}` };
}

function quote(name: string): string {
  return `\`${name}\``;
}
