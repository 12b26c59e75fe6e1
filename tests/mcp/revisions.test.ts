/** Clients of the first revision get what it knows: text, and whether it is an error. */
import assert from "node:assert/strict";
import { InMemoryTransport, type JSONRPCMessage } from "@modelcontextprotocol/client";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { echo, factoryOf } from "./support.ts";

const ANSWER = z.looseObject({ id: z.number(), result: z.record(z.string(), z.unknown()) });

/** The results of an opening at `revision` and then of these calls. */
async function results(revision: string, calls: readonly Record<string, unknown>[]) {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const handle = serveStdio(() => factoryOf([echo])(), { transport: far });
  const answers = new Map<number, Record<string, unknown>>();
  const all = Promise.withResolvers<void>();
  near.onmessage = (message: JSONRPCMessage) => {
    const { id, result } = ANSWER.parse(message);
    answers.set(id, result);
    if (answers.size === calls.length + 1) all.resolve();
  };
  await near.start();
  const ask = (id: number, method: string, params: Record<string, unknown>) =>
    near.send({ jsonrpc: "2.0", id, method, params });
  await ask(0, "initialize", {
    protocolVersion: revision,
    capabilities: {},
    clientInfo: { name: "old", version: "1" },
  });
  await near.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  for (const [index, params] of calls.entries()) await ask(index + 1, "tools/call", params);
  await all.promise;
  await handle.close();
  return calls.map((_, index) => answers.get(index + 1) ?? {});
}

const CALLS = [
  { name: "echo", arguments: { text: "x" } },
  { name: "echo", arguments: { test: "x" } },
];

Deno.test("2024-11-05: an answer is only its text, an error plain words", async () => {
  const [good, bad] = await results("2024-11-05", CALLS);
  assert.deepEqual(good, { content: [{ type: "text", text: '{"count":1,"said":["x"]}' }] });
  const { content, ...rest } = bad ?? {};
  assert.deepEqual(rest, { isError: true });
  assert.match(JSON.stringify(content), /^\[\{"type":"text","text":"invalid_arguments: /);
});

Deno.test("2025-06-18: the same answer also has its structure", async () => {
  const [good] = await results("2025-06-18", CALLS);
  assert.deepEqual(good?.["structuredContent"], { count: 1, said: ["x"] });
});
