import type { Call } from "../client.ts";
import { median } from "../row.ts";

/** Something that callers ask over HTTP, and how. */
export interface Target {
  readonly url: string;
  readonly body: string;
}

/** What callers saw of a target: calls a second, and how long single calls took. */
export interface Seen {
  readonly perSecond: number;
  readonly milliseconds: readonly number[];
}

/** An MCP request as a message, for servers that keep no session. */
export function message(method: string, params: unknown = {}): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

/** A tool call as a message. */
export const callMessage = ({ tool, args }: Call): string =>
  message("tools/call", { name: tool, arguments: args });

/** The message that an answer holds, also where it came as a stream of one event. */
export function readMessage(text: string): unknown {
  return JSON.parse(/^data: ?(.*)$/m.exec(text)?.[1] ?? text);
}

/** Asks once. */
export async function ask({ url, body }: Target): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-06-18",
    },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 300)}`);
  return text;
}

/** So many callers at a time, each of whom asks again as soon as it is answered. */
export async function press(clients: number, ask: () => Promise<unknown>, seconds: number) {
  const began = performance.now();
  const end = began + seconds * 1000;
  const milliseconds: number[] = [];
  await Promise.all(Array.from({ length: clients }, async () => {
    while (performance.now() < end) {
      const asked = performance.now();
      await ask();
      milliseconds.push(performance.now() - asked);
    }
  }));
  return { calls: milliseconds.length, seconds: (performance.now() - began) / 1000, milliseconds };
}

/** How long each is pressed before its time is taken, in seconds: it was idle in the meantime. */
const WARM_UP = 0.3;

/** Presses all in turns, each after a warm-up. */
export async function pressInTurns(
  asks: readonly (() => Promise<unknown>)[],
  { clients, rounds, seconds }: { clients: number; rounds: number; seconds: number },
): Promise<Seen[]> {
  const rates: number[][] = asks.map(() => []);
  const times: number[][] = asks.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, one] of asks.entries()) {
      await press(clients, one, WARM_UP);
      const took = await press(clients, one, seconds);
      rates[index]?.push(took.calls / took.seconds);
      times[index]?.push(...took.milliseconds);
    }
  }
  return asks.map((_, index) => ({
    perSecond: median(rates[index] ?? []),
    milliseconds: (times[index] ?? []).sort((one, other) => one - other),
  }));
}

/** A value below which so much of all are, of sorted ones. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
