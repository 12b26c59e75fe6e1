import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow, TRACE, traceId } from "../e2e/fake_mlflow.ts";
import { type Env, productProgram, run, startHttp } from "../support/product.ts";
import { talkPython } from "./python.ts";
import type { Answer, Report, Target } from "./session.ts";
import { talkV1 } from "./v1.ts";
import { talkV2 } from "./v2.ts";

type Talk = (target: Target, answer: Answer) => Promise<Report>;

/** Every client with the revision that it must end up with. */
const CLIENTS: readonly { name: string; protocol: string; talk: Talk }[] = [
  { name: "TypeScript SDK 1", protocol: "2025-11-25", talk: talkV1 },
  { name: "TypeScript SDK 2", protocol: "2025-11-25", talk: (...of) => talkV2(...of, "legacy") },
  {
    name: "TypeScript SDK 2, automatic",
    protocol: "2026-07-28",
    talk: (...of) => talkV2(...of, "auto"),
  },
  {
    name: "TypeScript SDK 2, pinned",
    protocol: "2026-07-28",
    talk: (...of) => talkV2(...of, { pin: "2026-07-28" }),
  },
  { name: "Python SDK", protocol: "2025-11-25", talk: (...of) => talkPython(...of, "legacy") },
  {
    name: "Python SDK, automatic",
    protocol: "2026-07-28",
    talk: (...of) => talkPython(...of, "auto"),
  },
];

for (const { name, protocol, talk } of CLIENTS) {
  for (const kind of ["stdio", "http"] as const) {
    Deno.test(`${name} over ${kind} lists, reads, sees errors, progress and questions`, async () => {
      await using mlflow = startFakeMlflow();
      const env = { MLFLOW_TRACKING_URI: mlflow.url };
      const tools = await listedTools(env);
      await using at = await target(kind, env);
      // Over HTTP nothing can be asked of a client of the older revision: no session is kept.
      const asks = kind === "stdio" || protocol === "2026-07-28";
      const refused = { deletion: "confirmation_required", question: "" };
      const expected = {
        accept: asks ? { deletion: "deleted 1", question: QUESTION } : refused,
        decline: asks ? { deletion: "declined", question: QUESTION } : refused,
        none: refused,
      };
      const [accepted, declined, mute] = await Promise.all([
        talk(at.target, "accept"),
        talk(at.target, "decline"),
        talk(at.target, undefined),
      ]);
      const common = {
        server: "wandflow",
        protocol,
        tools,
        read: TRACE,
        failure: "not_found",
        unknownTool: -32602,
        progress: true,
      };
      assert.deepEqual(accepted, { ...common, ...expected.accept });
      assert.deepEqual(declined, { ...common, ...expected.decline });
      assert.deepEqual(mute, { ...common, ...expected.none });
      const deletions = mlflow.seen.filter(({ path }) => path.endsWith("/delete-traces"));
      assert.deepEqual(
        deletions.map(({ body }) => JSON.parse(body)),
        asks ? [{ experiment_id: EXPERIMENT, request_ids: [TRACE] }] : [],
      );
      assert.ok(mlflow.seen.some(({ path }) => path.includes(traceId(0xffff))));
    });
  }
}

const QUESTION = "1 trace of experiment 1 (checkout), the oldest of 2026-11-06T10:00:00.000Z " +
  "would be deleted for good.";

async function listedTools(env: Env): Promise<string[]> {
  const { stdout } = await run(["tools", "--json"], env);
  const listing: { tools: { name: string }[] } = JSON.parse(stdout);
  return listing.tools.map((tool) => tool.name);
}

async function target(
  kind: "stdio" | "http",
  env: Env,
): Promise<{ target: Target } & AsyncDisposable> {
  if (kind === "http") {
    const server = await startHttp(env);
    return {
      target: { kind, url: server.url },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const { program, args, env: base } = await productProgram();
  return {
    target: { kind, command: program, args: [...args, "stdio"], env: { ...base, ...env } },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
