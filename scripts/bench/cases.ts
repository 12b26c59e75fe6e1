/** What the parts of the benchmark do alike: tool calls, in turns with what they are beside. */
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { progress } from "../../tests/support/python/command.ts";
import type { Call, StdioClient } from "./client.ts";
import { grouped } from "./report.ts";
import { measure, type Row, type Run, type Timed } from "./row.ts";

/** A tool call, what it is measured beside, and in how many rounds. */
export interface Case extends Call, Omit<Timed, "wandflow" | "rounds" | "note"> {
  readonly rounds?: number | undefined;
  /** For an original that may not answer, and is asked only once: how, and why it may not. */
  readonly once?: { readonly run: Run; readonly why: string } | undefined;
}

/** Requests, and bytes of their answers, since this was last asked. */
export type Traffic = () => Promise<{ readonly requests: number; readonly bytes: number }>;

/** Where cases run. */
interface Setup {
  readonly wandflow: StdioClient;
  /** The original, where it takes the same calls. */
  readonly original?: StdioClient;
  /** What the back end sees; of the first call, a note tells it. */
  readonly traffic?: Traffic;
}

/** Measures each case, after a call that has to succeed. */
export async function runCases(
  cases: readonly Case[],
  { wandflow, original, traffic }: Setup,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { tool, args, rounds = 13, once, ...line } of cases) {
    progress(line.what);
    const call = { tool, args };
    const note = await observe(wandflow, call, traffic);
    await original?.call(call);
    const row = await measure({
      ...{ original: original?.repeat(call), ...line, wandflow: wandflow.repeat(call), rounds },
      note: traffic && `${note.requests} requests, ${Math.round(note.bytes / 1000)} kB received, ` +
          `${countTokens(note.text)} answered`,
    });
    rows.push(once === undefined ? row : { ...row, ...await askOnce(once) });
  }
  return rows;
}

/** Calls a tool once, and sees what passes between wandflow and the back end. */
export async function observe(
  client: StdioClient,
  call: Call,
  traffic: Traffic = () => Promise.resolve({ requests: 0, bytes: 0 }),
) {
  await traffic();
  const answer = await client.call(call);
  return { ...answer, ...await traffic() };
}

/** How much a text takes of a model's context. */
export function countTokens(text: string): string {
  return `${grouped(encode(text).length)} tokens`;
}

/** How long the original may take for an answer that it gives once, in milliseconds. */
const PATIENCE = 20_000;

async function askOnce({ run, why }: NonNullable<Case["once"]>): Promise<Partial<Row>> {
  const began = performance.now();
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), PATIENCE);
  const answer = run().then(() => true);
  answer.catch(() => {});
  const answered = await Promise.race([answer, late.promise]);
  clearTimeout(timer);
  if (answered) return { original: performance.now() - began };
  return { note: `The server had not answered after ${PATIENCE / 1000} s: ${why}.` };
}

/** Something that is stopped where its scope ends. */
export function stopAtEnd<T extends { stop(): Promise<void> }>(one: T): T & AsyncDisposable {
  return Object.assign(one, { [Symbol.asyncDispose]: () => one.stop() });
}
