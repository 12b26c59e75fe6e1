import { chooseFit } from "../mcp/fit.ts";
import { renderReply, reportOf } from "../mcp/result.ts";
import type { BoundTool, CallContext, Outcome } from "../mcp/tool.ts";
import { didYouMean } from "../core/failure.ts";
import { readArguments } from "./call_arguments.ts";
import { print, printBytes, printError } from "./output.ts";
import type { Program } from "./program.ts";
import { renderForPeople } from "./readable.ts";

/** `wandflow call <tool> [key=value …]`: exit code 0 answered, 1 failed, 2 wrong command line. */
export async function callCommand(program: Program): Promise<number> {
  const [name, ...words] = program.config.words;
  if (name === undefined) {
    printError("Which tool? See wandflow tools, and wandflow call --help.\n");
    return 2;
  }
  const tool = program.catalog.tools.find((one) => one.name === name || one.aliases.includes(name));
  if (tool === undefined) {
    const guess = didYouMean(name, program.catalog.tools.map((one) => one.name));
    printError(`There is no tool "${name}" with this configuration${guess}\n`);
    for (const absence of program.catalog.absences) printError(`${absence}\n`);
    return 2;
  }
  const args = readArguments(words, program.config.options.args);
  if (typeof args === "string") {
    printError(`${args}\n`);
    return 2;
  }
  return await carryOut(program, tool, args);
}

/** Tokens of an answer where the user set no bound. */
const AT_A_TERMINAL = 30_000;

async function carryOut(
  program: Program,
  tool: BoundTool,
  args: Record<string, unknown>,
): Promise<number> {
  const stopping = new AbortController();
  Deno.addSignalListener("SIGINT", () => stopping.abort());
  // A person or a script reads it: there is no client between.
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
    // A text of its own, such as a table, is what was asked for, in a pipe too.
    const asText = outcome.reply.text !== undefined && program.config.options.json !== true;
    const data = result.structuredContent ?? {};
    print(asText ? text : readable ? renderForPeople(data) : JSON.stringify(data));
    return 0;
  } catch (error) {
    clearProgress();
    const report = reportOf(error, program.log);
    if (readable) {
      const hint = report.hint === undefined ? "" : `\n${report.hint}`;
      printError(`${report.message}${hint}\n`);
    } else print(JSON.stringify(report));
    return 1;
  }
}

/** The picture goes where output is sent to, its description to the person. */
function printPicture(picture: Uint8Array, text: string): number {
  printError(`${text}\n`);
  if (Deno.stdout.isTerminal()) {
    printError(
      "The result is a picture: send it to a file, with > picture.png behind the command.\n",
    );
    return 1;
  }
  printBytes(picture);
  return 0;
}

/** Whether the person at the terminal says yes; Ctrl+C is a no, too. */
async function askAtTerminal(question: string, stop: AbortSignal): Promise<boolean> {
  printError(`${question}\nGo on? [y/N] `);
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
