/** The product over stdio, fed with what a client should not send. */
import assert from "node:assert/strict";
import { TRACE } from "../../e2e/fake_mlflow.ts";
import { LEGACY, MESSAGE, type Message, MODERN_META } from "../../e2e/rpc.ts";
import { startStdio } from "../../support/product.ts";
import { type Expected, expectedFor, keyOf, linesOf, NO_ID } from "./expected.ts";
import { type Era, MARK } from "./messages.ts";
import { checkNothingLeaks, SECRETS, startUpstream } from "./upstream.ts";

/** A product that takes lines. */
interface StdioTarget extends AsyncDisposable {
  readonly pids: readonly number[];
  /** Sends what was generated, then a good call, and checks all that leaves. */
  run(batch: readonly Uint8Array[]): Promise<void>;
}

/** Starts a product whose connection is of an era. */
export async function startStdioTarget(era: Era): Promise<StdioTarget> {
  const upstream = startUpstream();
  const process = await startStdio({ ...upstream.env, ...SECRETS });
  const good = (name: string) =>
    [
      ...(era === LEGACY
        ? [{
          id: `${name} opens`,
          method: "initialize",
          params: {
            protocolVersion: LEGACY,
            capabilities: {},
            clientInfo: { name: "test", version: "1" },
          },
        }]
        : []),
      {
        id: name,
        method: "tools/call",
        params: {
          name: "get_trace",
          arguments: { trace_id: TRACE },
          ...(era === LEGACY ? {} : { _meta: MODERN_META }),
        },
      },
    ].map((message) => JSON.stringify({ jsonrpc: "2.0", ...message })).join("\n");
  let right: unknown;
  let batches = 0;
  // What cancelled ones of earlier batches may still bring.
  const late = new Set<string>();
  const allTokens = new Set<string>();

  const run = async (batch: readonly Uint8Array[]): Promise<void> => {
    upstream.forget();
    const name = `good ${batches++}`;
    const whole = new TextEncoder().encode(`\n${good(name)}\n`);
    const bytes = new Uint8Array(
      await new Blob([...batch.flatMap((one) => [new Uint8Array(one), "\n"]), whole]).arrayBuffer(),
    );
    const { due, optional, tokens } = expectedFor(bytes);
    for (const token of tokens) allTokens.add(token);
    const answers = new Map<string, Message[]>();
    const stillDue = () =>
      [...due].filter(([key, count]) =>
        !optional.has(key) && (answers.get(key)?.length ?? 0) < count
      );
    const sent = () => linesOf(bytes).map((line) => line.slice(0, 200)).join("\n");
    const take = (text: string): true | undefined => {
      const end = text.lastIndexOf("\n") + 1;
      process.stdout.text = text.slice(end);
      for (const line of text.slice(0, end).split("\n").slice(0, -1)) {
        checkNothingLeaks(line, "stdout");
        let message: Message;
        try {
          message = MESSAGE.parse(JSON.parse(line));
        } catch (error) {
          throw new Error(`stdout holds no message: ${line.slice(0, 500)}`, { cause: error });
        }
        if (message.method !== undefined) {
          assert.equal(message.method, "notifications/progress", line);
          const token = Object(message["params"])["progressToken"];
          assert.ok(allTokens.has(JSON.stringify(token)), `progress for nobody: ${line}`);
          continue;
        }
        assert.ok((message.result === undefined) !== (message.error === undefined), line);
        const key = keyOf(message.id);
        const known = answers.get(key) ?? [];
        if (known.length < (due.get(key) ?? 0)) answers.set(key, [...known, message]);
        else assert.ok(late.delete(key), `an answer too many: ${line.slice(-500)}\n${sent()}`);
      }
      return stillDue().length === 0 ? true : undefined;
    };
    // In two parts, so that a message arrives cut.
    const cut = Math.floor(bytes.length / 2);
    await process.write(bytes.subarray(0, cut));
    await process.write(bytes.subarray(cut));
    await process.stdout.until(take).catch((error) => {
      throw new Error(
        `${error.message}\nnot answered: ${JSON.stringify(stillDue())}\nsent:\n${sent()}\n${
          process.stderr.text.slice(-2000)
        }`,
      );
    });
    for (const key of optional) if (!answers.has(key)) late.add(key);
    const last = answers.get(JSON.stringify(name))?.[0]?.result;
    right ??= last?.["content"];
    assert.match(JSON.stringify(right), /answer.*AGENT/);
    assert.deepEqual(last?.["content"], right, "a good call is answered otherwise");
    checkNothingLeaks(process.stderr.text, "stderr");
    process.stderr.text = "";
    const calls = linesOf(bytes).filter((line) =>
      /"(tools\/call|resources\/read|completion\/complete)"/.test(unescape(line))
    );
    checkWrites(upstream.check(calls.length, sent()), calls, answers, { due, optional, tokens });
  };
  // The first says what is right.
  await run([]);
  return {
    pids: [process.pid],
    run,
    [Symbol.asyncDispose]: async () => {
      await process.end();
      const { code } = await process.status();
      await process[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      assert.equal(code, 0);
    },
  };
}

/** What was written upstream is what the answers say was. */
function checkWrites(
  written: ReadonlyMap<string, number>,
  calls: readonly string[],
  answers: ReadonlyMap<string, readonly Message[]>,
  { due, optional }: Expected,
): void {
  const writes = calls.filter((line) => line.includes("_trace_tag"));
  const total = written.values().reduce((sum, count) => sum + count, 0);
  assert.ok(total <= writes.length, `${total} tags were written for ${writes.length} calls`);
  for (const [mark, count] of written) {
    const asking = writes.filter((line) => line.includes(mark));
    assert.ok(count <= asking.length, `${mark} was written ${count} times`);
  }
  for (const line of calls) {
    const [mark] = line.match(MARK) ?? [];
    let id: unknown;
    try {
      id = JSON.parse(line).id;
    } catch {
      continue;
    }
    const key = keyOf(id);
    const [answer] = answers.get(key) ?? [];
    if (mark === undefined || key === NO_ID || due.get(key) !== 1) continue;
    if (answer === undefined || optional.has(key)) continue;
    if (calls.filter((other) => other.includes(mark)).length > 1) continue;
    const failed = answer.error !== undefined || answer.result?.["isError"] === true;
    if (failed) assert.equal(written.get(mark) ?? 0, 0, `${JSON.stringify(answer)} for ${line}`);
  }
}

/** JSON may spell a method by codes; a call that it names so counts as one. */
function unescape(line: string): string {
  return line.replaceAll(
    /\\u([0-9a-f]{4})/gi,
    (_, code) => String.fromCharCode(Number.parseInt(code, 16)),
  );
}
