/** A thousand malformed messages; `deno task nightly:fuzz` sends a hundred times as many. */
import { LEGACY, MODERN } from "../e2e/rpc.ts";
import { slowTest } from "../support/slow.ts";
import { fuzzHttp, fuzzStdio, tryWrongCallers } from "./fuzz/run.ts";

const SEED = 15;

slowTest("whatever arrives over stdio, each request has one answer and the rest none", async () => {
  for (const era of [LEGACY, MODERN] as const) await fuzzStdio(era, 300, SEED);
});

slowTest(
  "whatever arrives over HTTP, each request has one response and nobody is let in",
  async () => {
    await fuzzHttp(400, SEED);
  },
);

slowTest(
  "each wrong Host, Origin and credential is enough to refuse a call over HTTP",
  async () => {
    await tryWrongCallers();
  },
);
