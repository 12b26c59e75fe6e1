/**
 * `deno task nightly:fuzz [count] [seed]`: sends that many malformed messages to the
 * product, over stdio in both of the protocol's eras and over HTTP. Without a seed it takes a new
 * one; a failure names it.
 */
import { LEGACY, MODERN } from "../../e2e/rpc.ts";
import { progress } from "../../support/python/command.ts";
import { fuzzHttp, fuzzStdio } from "./run.ts";

/** Messages sent to one process: memory is compared within it. */
const MOST = 10_000;

if (import.meta.main) {
  const [count = 100_000, seed = Date.now() & 0x7fffffff] = Deno.args.map(Number);
  progress(`${count} messages by the seed ${seed}`);
  const begun = performance.now();
  for (
    const [name, share, send] of [
      ["stdio, 2025-11-25", 0.25, (size: number, one: number) => fuzzStdio(LEGACY, size, one)],
      ["stdio, 2026-07-28", 0.25, (size: number, one: number) => fuzzStdio(MODERN, size, one)],
      ["HTTP", 0.5, fuzzHttp],
    ] as const
  ) {
    const all = Math.ceil(count * share);
    for (let sent = 0; sent < all; sent += MOST) {
      await send(Math.min(MOST, all - sent), seed + sent);
    }
    progress(`${name}: ${all} messages, ${Math.round((performance.now() - begun) / 1000)} s`);
  }
}
