import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { runNpmProgram } from "../support/npm_program.ts";
import { productProgram, startHttp } from "../support/product.ts";

const LISTING = z.looseObject({
  result: z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) }),
});
const CALLED = z.looseObject({
  result: z.looseObject({
    structuredContent: z.looseObject({ info: z.looseObject({ trace_id: z.string() }) }),
  }),
});

Deno.test("the inspector lists and calls tools over both transports, in both revisions", async () => {
  await using mlflow = startFakeMlflow();
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  await using server = await startHttp(env);
  const folder = await Deno.makeTempDir({ prefix: "wandflow-inspector-" });
  try {
    const { program, args, env: base } = await productProgram();
    const config = join(folder, "servers.json");
    const stdio = {
      type: "stdio",
      command: program,
      args: [...args, "stdio"],
      env: { ...base, ...env },
    };
    const http = { type: "streamable-http", url: server.url };
    await Deno.writeTextFile(config, JSON.stringify({ mcpServers: { stdio, http } }));
    for (const name of ["stdio", "http"]) {
      for (const era of ["legacy", "modern"]) {
        await inspect(folder, ["--config", config, "--server", name, "--protocol-era", era]);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function inspect(folder: string, where: readonly string[]): Promise<void> {
  const ask = (...words: string[]) =>
    runNpmProgram("inspector", ["--cli", ...where, ...words, "-q", "--format", "json"], folder);
  const call = (tool: string, args: Record<string, unknown>) =>
    ask("--method", "tools/call", "--tool-name", tool, "--tool-args-json", JSON.stringify(args));
  const [list, found, missing, unknown] = await Promise.all([
    ask("--method", "tools/list", "--strict"),
    call("get_trace", { trace_id: TRACE }),
    call("get_trace", { trace_id: "tr-missing" }),
    call("get_trases", {}),
  ]);
  assert.equal(list.code, 0, list.stderr);
  const { result: { tools } } = LISTING.parse(JSON.parse(list.stdout));
  assert.ok(tools.some(({ name }) => name === "search_traces"));
  // One property takes any JSON value and so has no type; nothing else may be warned about.
  const warned = [...list.stderr.matchAll(/^\s*Path: (.*)$/gm)].map((match) => match[1]);
  assert.deepEqual([...new Set(warned)], ["inputSchema.properties.value"]);
  assert.equal(found.code, 0, found.stderr);
  assert.equal(
    CALLED.parse(JSON.parse(found.stdout)).result.structuredContent.info.trace_id,
    TRACE,
  );
  assert.deepEqual([missing.code, unknown.code], [5, 5]);
  assert.match(missing.stderr, /tool_is_error/);
  assert.match(unknown.stderr, /tool_not_found/);
}
