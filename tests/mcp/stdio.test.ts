import type { JSONRPCMessage } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import fc from "fast-check";
import * as z from "zod";
import { type Sink, StdioTransport } from "../../src/mcp/stdio.ts";

const LIMIT = 1000;

/** An error as the protocol's schema has it: its id may be absent, but not null. */
const ERROR_ANSWER = z.strictObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number()]).optional(),
  error: z.strictObject({ code: z.int(), message: z.string().min(1) }),
});

/** Takes at most so many bytes at a time. */
class Paper implements Sink {
  bytes: number[] = [];
  constructor(private readonly most = Number.POSITIVE_INFINITY) {}
  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, this.most);
    for (const byte of taken) this.bytes.push(byte);
    return Promise.resolve(taken.length);
  }
  lines(): unknown[] {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(this.bytes));
    assert.ok(text.endsWith("\n"));
    return text.slice(0, -1).split("\n").map((line): unknown => JSON.parse(line));
  }
}

/** What a transport receives and reports from an input of these chunks. */
async function received(
  chunks: readonly Uint8Array[],
): Promise<{ messages: unknown[]; errors: string[]; closed: number }> {
  const transport = new StdioTransport(ReadableStream.from(chunks), new Paper(), LIMIT);
  const messages: unknown[] = [];
  const errors: string[] = [];
  let closed = 0;
  const end = Promise.withResolvers<void>();
  transport.onmessage = (message) => void messages.push(message);
  transport.onerror = (error) => void errors.push(error.message);
  transport.onclose = () => {
    closed++;
    end.resolve();
  };
  await transport.start();
  await end.promise;
  await transport.close();
  return { messages, errors, closed };
}

const ping = (id: number, text = "") => ({ jsonrpc: "2.0", id, method: "ping", params: { text } });
const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("lines become messages, however the bytes are split", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 5 }),
    fc.array(fc.nat(40), { minLength: 1 }),
    async (texts, sizes) => {
      const sent = texts.map((text, index) => ping(index, text));
      const bytes = bytesOf(sent.map((message) => `${JSON.stringify(message)}\r\n`).join(""));
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = 1 + (sizes[turn % sizes.length] ?? 0);
        chunks.push(bytes.subarray(at, at += size));
      }
      const { messages, errors, closed } = await received(chunks);
      assert.deepEqual(messages, sent);
      assert.deepEqual([errors, closed], [[], 1]);
    },
  ));
});

Deno.test("invalid lines are reported and skipped, like an unfinished last line", async () => {
  const lines = ["", "not json", '{"jsonrpc":"1.0"}', JSON.stringify(ping(1)), '{"jsonrpc"'];
  const { messages, errors } = await received([bytesOf(lines.join("\n"))]);
  assert.deepEqual(messages, [ping(1)]);
  assert.equal(errors.length, 2);
});

Deno.test("an invalid line is answered with an error, unless it is a notification or an answer", async () => {
  const rest = '"method":"tools/call","params":[]';
  const answers: readonly (readonly [string, number | undefined, string | number | undefined])[] = [
    ["not json", -32700, undefined],
    ['{"jsonrpc":"2.0","id":1,"method":"ping"', -32700, undefined],
    [JSON.stringify([ping(1), ping(2)]), -32600, undefined],
    ["[]", -32600, undefined],
    ["null", -32600, undefined],
    ["5", -32600, undefined],
    ["{}", -32600, undefined],
    [`{"jsonrpc":"2.0","id":7,${rest}}`, -32600, 7],
    [`{"jsonrpc":"2.0","id":"a\\"b",${rest}}`, -32600, 'a"b'],
    ['{"jsonrpc":"1.0","id":8,"method":"ping"}', -32600, 8],
    ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, 1.5],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, undefined],
    ['{"jsonrpc":"2.0","id":1e999,"method":"ping"}', -32600, undefined],
    ['{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', -32600, undefined],
    ['{"jsonrpc":"2.0","id":9}', -32600, 9],
    // Broken notifications and responses: nobody waits for an answer.
    ['{"jsonrpc":"1.0","method":"ping"}', undefined, undefined],
    ['{"jsonrpc":"2.0","id":1,"result":5}', undefined, undefined],
    ['{"jsonrpc":"2.0","id":1,"error":"x"}', undefined, undefined],
  ];
  for (const [line, code, id] of answers) {
    const paper = new Paper(7);
    const transport = new StdioTransport(
      ReadableStream.from([bytesOf(`${line}\n${JSON.stringify(ping(3))}\n`)]),
      paper,
      LIMIT,
    );
    const messages: unknown[] = [];
    const end = Promise.withResolvers<void>();
    transport.onmessage = (message) => void messages.push(message);
    transport.onclose = () => end.resolve();
    await transport.start();
    await end.promise;
    await transport.flushed();
    assert.deepEqual(messages, [ping(3)], line);
    if (code === undefined) assert.deepEqual(paper.bytes, [], line);
    else {
      const [answer] = z.tuple([ERROR_ANSWER]).parse(paper.lines());
      assert.deepEqual([answer.error.code, answer.id], [code, id], line);
    }
  }
});

Deno.test("a message beyond the limit ends the connection", async () => {
  const chunk = bytesOf("x".repeat(LIMIT / 2 + 1));
  const { errors, closed } = await received([
    chunk,
    chunk,
    bytesOf(`\n${JSON.stringify(ping(1))}`),
  ]);
  assert.match(errors[0] ?? "", /larger than 1000 bytes/);
  assert.equal(closed, 1);
});

Deno.test("results are written whole, whatever their size", async () => {
  const pieces = fc.constantFrom("🚀", "é", 'quote " and \\', "\u0001", "plain text ", "\ud800");
  const long = fc.tuple(pieces, fc.constantFrom(0, 1, 2, 3));
  await fc.assert(
    fc.asyncProperty(long, async ([unit, lead]) => {
      // Longer than what is written at once, with every unit at its end.
      const text = "x".repeat(lead) + unit.repeat(Math.ceil((1 << 16) / unit.length) + 2);
      const structure = { text: text.toWellFormed(), list: [1, null] };
      const json = JSON.stringify(structure);
      const message: JSONRPCMessage = {
        jsonrpc: "2.0",
        id: "a",
        result: {
          content: [{ type: "text", text: json, annotations: {} }, { type: "text", text: "b" }],
          structuredContent: structure,
          _meta: { note: "n" },
        },
      };
      const paper = new Paper(70_000);
      await new StdioTransport(new ReadableStream(), paper, LIMIT).send(message);
      assert.deepEqual(paper.lines(), [message]);
    }),
    { numRuns: 12 },
  );
});

Deno.test("any result reads back unchanged", async () => {
  const value = fc.dictionary(fc.string(), fc.jsonValue());
  await fc.assert(fc.asyncProperty(value, value, async (structure, more) => {
    const json = JSON.stringify(structure);
    const { content: _, structuredContent: __, _meta: ___, ...rest } = more;
    const message: JSONRPCMessage = {
      jsonrpc: "2.0",
      id: 1,
      result: { ...rest, content: [{ type: "text", text: json }], structuredContent: structure },
    };
    const paper = new Paper();
    await new StdioTransport(new ReadableStream(), paper, LIMIT).send(message);
    assert.deepEqual(paper.lines(), [JSON.parse(JSON.stringify(message))]);
  }));
});

Deno.test("messages are written one after the other, in order", async () => {
  const paper = new Paper(3);
  const transport = new StdioTransport(new ReadableStream(), paper, LIMIT);
  const sent = [1, 2, 3].map((id): JSONRPCMessage => ({ jsonrpc: "2.0", id, result: {} }));
  for (const message of sent) transport.send(message);
  await transport.flushed();
  assert.deepEqual(paper.lines(), sent);
});

Deno.test("a pipe without a reader ends the connection, once", async () => {
  const broken: Sink = { write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe")) };
  const transport = new StdioTransport(new ReadableStream(), broken, LIMIT);
  let closed = 0;
  const errors: string[] = [];
  transport.onclose = () => void closed++;
  transport.onerror = (error) => void errors.push(error.message);
  const message: JSONRPCMessage = { jsonrpc: "2.0", id: 1, result: {} };
  const results = await Promise.allSettled([transport.send(message), transport.send(message)]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected"]);
  await assert.rejects(transport.send(message), /closed/);
  assert.deepEqual([closed, errors], [1, ["Broken pipe"]]);
});
