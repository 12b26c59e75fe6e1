import { print, printBytes, printError } from "./output.ts";
import type { Program } from "./program.ts";
import { didYouMean } from "../core/failure.ts";
import { isRecord } from "../core/json.ts";
import { textTable } from "../core/table.ts";
import { chooseFit } from "../mcp/fit.ts";
import { renderReply, toFailureReport } from "../mcp/result.ts";
import type { BoundTool, CallContext, Outcome, ToolListing } from "../mcp/tool.ts";

/** `wandflow call <tool> [key=value …]`. Exit codes: 0 answered, 1 failed, 2 wrong command line. */
export async function callCommand(program: Program): Promise<number> {
  const [name, ...words] = program.config.words;
  if (name === undefined) {
    printError("Which tool? See wandflow tools, and wandflow call <tool> --help.\n");
    return 2;
  }
  const tool = program.catalog.tools.find((one) => one.name === name || one.aliases.includes(name));
  if (tool === undefined) {
    const guess = didYouMean(name, program.catalog.tools.map((one) => one.name));
    printError(`There is no tool "${name}" with this configuration${guess}\n`);
    for (const absence of program.catalog.absences) printError(`${absence}\n`);
    return 2;
  }
  if (program.config.options.help === true) {
    print(describeTool(tool.listing()));
    return 0;
  }
  const args = readArguments(words, program.config.options.args);
  if (typeof args === "string") {
    printError(`${args}\n`);
    return 2;
  }
  return await carryOut(program, tool, args);
}

/** What a tool does and takes, for `wandflow call <tool> --help`. */
function describeTool({ name, description, inputSchema }: ToolListing): string {
  const { properties, required } = inputSchema;
  const lines = Object.entries(isRecord(properties) ? properties : {}).flatMap(
    ([argument, schema]) => {
      const { type, enum: choices, description } = isRecord(schema) ? schema : {};
      const needed = Array.isArray(required) && required.includes(argument) ? ", required" : "";
      const kind = Array.isArray(choices) ? choices.join("|") : type;
      return [
        `  ${argument}${typeof kind === "string" ? ` <${kind}>` : ""}${needed}`,
        ...(typeof description === "string" ? [`      ${description}`] : []),
      ];
    },
  );
  return [`${name}: ${description}`, "", "Arguments, as name=value:", ...lines].join("\n");
}

/** Default limit on an answer's tokens. */
const AT_A_TERMINAL = 30_000;

async function carryOut(
  program: Program,
  tool: BoundTool,
  args: Record<string, unknown>,
): Promise<number> {
  const stopping = new AbortController();
  Deno.addSignalListener("SIGINT", () => stopping.abort());
  // A person or a script reads the answer; there is no client in between.
  const fit = chooseFit(undefined, program.config.settings.maxResponseTokens ?? AT_A_TERMINAL);
  const readable = Deno.stdout.isTerminal() && program.config.options.json !== true;
  const asking = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  const call = (answer: "yes" | undefined, state?: string): Promise<Outcome> => {
    const context: CallContext = {
      signal: stopping.signal,
      progress: showProgress(),
      maxTokens: fit.tokens,
      log: program.log,
      client: "wandflow call",
      consent: { canAsk: asking, answer, trustConfirm: true, state },
    };
    return tool.call(args, context);
  };
  try {
    let outcome = await call(undefined);
    if (outcome.kind === "ask") {
      clearProgress();
      if (!await askAtTerminal(program.log.redact(outcome.question), stopping.signal)) {
        printError("Nothing was done.\n");
        return 1;
      }
      outcome = await call("yes", outcome.state);
    }
    clearProgress();
    if (outcome.kind === "ask") return 1;
    const { links: _links, drawnBy: _tool, ...own } = outcome.reply;
    const result = renderReply(own, fit, program.log);
    const [block] = result.content;
    const text = block?.type === "text" ? block.text : "";
    const { picture } = outcome.reply;
    if (picture !== undefined) return printPicture(picture, text);
    // Text that the tool itself formats, such as a table, is printed as is, even to a pipe.
    const asText = outcome.reply.text !== undefined && program.config.options.json !== true;
    const data = result.structuredContent ?? {};
    print(asText ? text : readable ? renderForPeople(data) : JSON.stringify(data));
    return 0;
  } catch (error) {
    clearProgress();
    const report = toFailureReport(error, program.log);
    if (readable) {
      const hint = report.hint === undefined ? "" : `\n${report.hint}`;
      printError(`${report.message}${hint}\n`);
    } else print(JSON.stringify(report));
    return 1;
  }
}

/** Writes the picture to standard output and its description to standard error. */
function printPicture(picture: Uint8Array, text: string): number {
  printError(`${text}\n`);
  if (Deno.stdout.isTerminal()) {
    printError(
      "The result is a picture: redirect it to a file with > picture.png after the command.\n",
    );
    return 1;
  }
  printBytes(picture);
  return 0;
}

/** Whether the person at the terminal says yes; Ctrl+C counts as no. */
async function askAtTerminal(question: string, stop: AbortSignal): Promise<boolean> {
  printError(`${question}\nContinue? [y/N] `);
  const buffer = new Uint8Array(64);
  const stopped = new Promise<null>((resolve) => {
    stop.addEventListener("abort", () => resolve(null), { once: true });
    if (stop.aborted) resolve(null);
  });
  const size = await Promise.race([Deno.stdin.read(buffer), stopped]) ?? 0;
  if (size === 0) printError("\n");
  return /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(buffer.subarray(0, size)));
}

let progressShown = false;

function showProgress(): CallContext["progress"] {
  if (!Deno.stderr.isTerminal()) return () => {};
  return ({ done, total, message }) => {
    progressShown = true;
    const share = total === undefined ? String(done) : `${done}/${total}`;
    printError(`\r\x1b[2K${message} (${share})`);
  };
}

function clearProgress(): void {
  if (progressShown) printError("\r\x1b[2K");
  progressShown = false;
}

/**
 * The arguments of `wandflow call`: one JSON object, then `key=value` words, which take precedence.
 * A value is parsed as JSON if it is valid JSON; otherwise it is text.
 *
 * @returns The arguments, or why they are invalid.
 */
export function readArguments(
  words: readonly string[],
  json: unknown,
): Record<string, unknown> | string {
  const args = new Map<string, unknown>();
  if (typeof json === "string") {
    try {
      const parsed: unknown = JSON.parse(json);
      if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) {
        return "--args must be one JSON object.";
      }
      for (const [key, value] of Object.entries(parsed)) args.set(key, value);
    } catch (error) {
      return `--args is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  for (const word of words) {
    const split = word.indexOf("=");
    if (split < 1) {
      return `"${word}" is not name=value. Give each argument so, or all as one JSON object in --args.`;
    }
    args.set(word.slice(0, split), readWord(word.slice(split + 1)));
  }
  return Object.fromEntries(args);
}

function readWord(text: string): unknown {
  if (!/^\s*([[{"]|-?\d+(\.\d+)?\s*$|true$|false$|null$)/.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    // A long numeric id stays text: as a number it would lose digits.
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
  } catch {
    return text;
  }
}

/** Maximum columns of a table; wider lists are shown item by item. */
const MAX_COLUMNS = 8;
/** Maximum length of a table cell, in characters. */
const CELL = 60;

/** Formats a result as text: lists of like objects as tables, the rest as `key: value` lines. */
export function renderForPeople(data: unknown): string {
  return lines(data, "").join("\n");
}

function lines(value: unknown, indent: string): string[] {
  if (value === null || typeof value !== "object") return [`${indent}${scalar(value)}`];
  if (Array.isArray(value)) return listLines(value, indent);
  return Object.entries(value).flatMap(([key, child]) => {
    if (child === null || typeof child !== "object") return [`${indent}${key}: ${scalar(child)}`];
    const inner = lines(child, `${indent}  `);
    return inner.length === 0 ? [`${indent}${key}: (none)`] : [`${indent}${key}:`, ...inner];
  });
}

function listLines(items: readonly unknown[], indent: string): string[] {
  const rows = items.map(flat);
  const columns = [...new Set(rows.flatMap((row) => row === undefined ? [] : [...row.keys()]))];
  const isTable = items.length > 1 && rows.every((row) => row !== undefined) &&
    columns.length > 0 && columns.length <= MAX_COLUMNS;
  if (isTable) {
    const cells = rows.map((row) => columns.map((column) => row?.get(column)));
    const heads = columns.map((column) => column.toUpperCase());
    return textTable(heads, cells, CELL).split("\n").map((line) => indent + line);
  }
  return items.flatMap((item, index) => {
    if (item === null || typeof item !== "object") return [`${indent}- ${scalar(item)}`];
    return [`${indent}- [${index + 1}]`, ...lines(item, `${indent}  `)];
  });
}

/** An item as one table row, with dotted keys; undefined if it does not fit a row. */
function flat(item: unknown): Map<string, string> | undefined {
  if (item === null || typeof item !== "object" || Array.isArray(item)) return undefined;
  const row = new Map<string, string>();
  const visit = (node: object, path: string) => {
    for (const [key, child] of Object.entries(node)) {
      const name = path === "" ? key : `${path}.${key}`;
      if (Array.isArray(child)) row.set(name, child.map(oneValue).join(", "));
      else if (child !== null && typeof child === "object") visit(child, name);
      else row.set(name, scalar(child));
    }
  };
  visit(item, "");
  return row;
}

/** An item of a list within a row: just the value if it has only one. */
function oneValue(item: unknown): string {
  const values = item !== null && typeof item === "object" ? Object.values(item) : [item];
  const only: unknown = values.length === 1 ? values[0] : item;
  return scalar(only);
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}
