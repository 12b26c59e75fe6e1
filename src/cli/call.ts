import { renderReply, reportOf } from "../mcp/result.ts";
import type { BoundTool, CallContext, Outcome } from "../mcp/tool.ts";
import { nearest, oneOf } from "../core/nearest.ts";
import { readArguments } from "./call_arguments.ts";
import { print, printError } from "./output.ts";
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
    const guesses = nearest(name, program.catalog.tools.map((one) => one.name));
    const guess = guesses.length === 0 ? "" : `; did you mean ${oneOf(guesses)}?`;
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

async function carryOut(
  program: Program,
  tool: BoundTool,
  args: Record<string, unknown>,
): Promise<number> {
  const stopping = new AbortController();
  Deno.addSignalListener("SIGINT", () => stopping.abort());
  const readable = Deno.stdout.isTerminal() && program.config.options.json !== true;
  const asking = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  const call = (answer: "yes" | undefined, state?: string): Promise<Outcome> => {
    const context: CallContext = {
      signal: stopping.signal,
      progress: showProgress(),
      maxTokens: program.config.settings.maxResponseTokens,
      log: program.log,
      consent: { canAsk: asking, answer, trustConfirm: true, state },
    };
    return tool.call(args, context);
  };
  try {
    let outcome = await call(undefined);
    if (outcome.kind === "ask") {
      clearProgress();
      if (!await askAtTerminal(outcome.question, stopping.signal)) {
        printError("Nothing was done.\n");
        return 1;
      }
      outcome = await call("yes", outcome.state);
    }
    clearProgress();
    if (outcome.kind === "ask") return 1;
    const result = renderReply(outcome.reply, program.config.settings.maxResponseTokens);
    const data = result.structuredContent ?? {};
    const [block] = result.content;
    const shown = outcome.reply.text !== undefined && block?.type === "text"
      ? block.text
      : renderForPeople(data);
    print(readable ? shown : JSON.stringify(data));
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
