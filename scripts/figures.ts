/**
 * Prints the figures that have goals: the size of src, how many files one call runs, and how many
 * edits a new back end takes.
 *
 *   deno task figures          all but the next
 *   deno task figures --ok     also how long `deno task ok` takes
 */
import { Session } from "node:inspector";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { createProgram, createServing } from "../src/cli/program.ts";
import { StdioTransport } from "../src/mcp/stdio.ts";
import { startFakeMlflow, TRACE } from "../tests/e2e/fake_mlflow.ts";
import { everything } from "./docs.ts";
import { fileOf, ROOT, sourcesIn } from "./graph.ts";
import { say } from "./say.ts";

const GOALS = { lines: 26_000, files: 220, filesOfCall: 30, edits: 4, seconds: 40 };

/**
 * Parts of src that did not exist when the goals for lines and files were set, with 28 tools in
 * 29,870 lines of 300 files. What existed then counts against the goals, however much it has grown.
 */
const LATER: Readonly<Record<string, readonly string[]>> = {
  "charts": [
    "src/analysis/charts/",
    "src/pictures/",
    "src/mlflow/tools/plot_traces.ts",
    "src/wandb/tools/plot_evaluation.ts",
    "src/wandb/tools/plot_runs.ts",
  ],
  "reports": [
    "src/wandb/reports/",
    "src/wandb/tools/create_report.ts",
    "src/wandb/tools/log_analysis.ts",
  ],
  "Databricks": [
    "src/mlflow/databricks/",
    "src/config/databricks.ts",
    "src/config/settings/databricks.ts",
  ],
  "clouds": [
    "src/mlflow/aws/",
    "src/mlflow/azure/",
    "src/mlflow/google/",
    "src/mlflow/access/oauth.ts",
    "src/mlflow/objects.ts",
    "src/config/clouds.ts",
    "src/config/profiles.ts",
    "src/config/settings/clouds.ts",
  ],
  "setup": ["src/cli/setup/", "src/cli/setup.ts"],
  "doctor": ["src/cli/doctor.ts", "src/cli/troubles.ts"],
  "service": [
    "src/mcp/connections.ts",
    "src/mcp/http/auth.ts",
    "src/mcp/http/limits.ts",
    "src/mcp/http/metrics.ts",
    "src/mcp/http/readiness.ts",
    "src/mcp/http/tokens.ts",
    "src/config/service.ts",
  ],
  "skills": ["src/mcp/skills.ts"],
};

/** The page and heading under which the edits for a new back end are listed. */
const GUIDE = { path: "CONTRIBUTING.md", heading: "## Add a back end" };

function sayFigure(what: string, value: number, goal: number): void {
  say(`${value <= goal ? "ok  " : "over"}  ${what}: ${value} (at most ${goal})`);
}

async function linesIn(files: readonly string[]): Promise<number> {
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(fileOf(file))));
  return texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0);
}

/** Groups files by the later part that they belong to; files of the original parts have none. */
export function groupLater(files: readonly string[]): Map<string, string[]> {
  return new Map(
    Object.entries(LATER).map(([part, paths]) => [
      part,
      paths.flatMap((path) => {
        const found = files.filter((file) =>
          path.endsWith("/") ? file.startsWith(path) : file === path
        );
        if (found.length === 0) throw new Error(`The figures name ${path}, which does not exist.`);
        return found;
      }),
    ]),
  );
}

async function saySize(files: readonly string[]): Promise<void> {
  const later = groupLater(files);
  const those = new Set([...later.values()].flat());
  const before = files.filter((file) => !those.has(file));
  sayFigure("lines of src, for what there was with 28 tools", await linesIn(before), GOALS.lines);
  sayFigure("files of src, for what there was with 28 tools", before.length, GOALS.files);
  for (const [part, own] of later) {
    say(`        since then, ${part}: ${await linesIn(own)} lines in ${own.length} files`);
  }
  say(`        all of src: ${await linesIn(files)} lines in ${files.length} files`);
}

/** The numbered items under the guide's heading: each is an edit of an existing file. */
export function editsListed(guide: string): string[] {
  const [, section = ""] = guide.split(`${GUIDE.heading}\n`);
  const [own = ""] = section.split(/^## /m);
  return own.split(/^(?=\d+\. )/m).filter((item) => /^\d+\. /.test(item))
    .map((item) => (item.split(/\n\n/)[0] ?? "").replaceAll(/\s+/g, " ").trim());
}

const Coverage = z.object({
  result: z.array(z.object({
    url: z.string(),
    functions: z.array(z.object({
      functionName: z.string(),
      ranges: z.array(z.object({ startOffset: z.number(), count: z.number() })),
    })),
  })),
});

/** The functions of src that ran, by file, without what a module does while it loads. */
type Run = ReadonlyMap<string, readonly string[]>;

/** Counts function calls in this thread: each `take` returns those since the last. */
class Counter {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#post("Profiler.enable");
    await this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  }

  async take(): Promise<Run> {
    const { result } = Coverage.parse(await this.#post("Profiler.takePreciseCoverage"));
    const run = new Map<string, readonly string[]>();
    for (const { url, functions } of result) {
      if (!url.startsWith(`${ROOT.href}src/`)) continue;
      const called = functions.filter(({ ranges: [range] }) =>
        range !== undefined && range.count > 0 && range.startOffset > 0
      );
      const names = called.map(({ functionName }) => functionName);
      if (names.length > 0) run.set(url.slice(ROOT.href.length), names);
    }
    return run;
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#session.post(
        method,
        params,
        (error: unknown, result: unknown) => error ? reject(error) : resolve(result),
      )
    );
  }
}

/** What one `get_trace` runs in a server that has just listed its tools. */
async function traceOneCall(): Promise<Run> {
  await using mlflow = startFakeMlflow();
  const counter = new Counter();
  await counter.start();
  const config = everything();
  const settings = { ...config.settings, trackingUri: mlflow.url };
  const factory = createServing(await createProgram({ ...config, settings }));
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const output = new TransformStream<Uint8Array, Uint8Array>();
  const [sent, received] = [input.writable.getWriter(), output.writable.getWriter()];
  const sink = { write: (bytes: Uint8Array) => received.write(bytes).then(() => bytes.length) };
  const server = serveStdio(() => factory(), {
    transport: new StdioTransport(input.readable, sink, 1 << 20),
  });
  const answers = output.readable.pipeThrough(new TextDecoderStream()).getReader();
  const send = (message: object) =>
    sent.write(new TextEncoder().encode(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`));
  const ask = async (method: string, params: object): Promise<string> => {
    await send({ id: 1, method, params });
    let text = "";
    while (!text.endsWith("\n")) text += (await answers.read()).value ?? "\n";
    return text;
  };
  await ask("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "figures", version: "0" },
  });
  await send({ method: "notifications/initialized" });
  await ask("tools/list", {});
  await counter.take();
  const answer = await ask("tools/call", { name: "get_trace", arguments: { trace_id: TRACE } });
  const run = await counter.take();
  if (!answer.includes(TRACE)) throw new Error(`get_trace failed: ${answer}`);
  await server.close();
  return run;
}

async function main(words: readonly string[]): Promise<void> {
  await saySize(await sourcesIn("src"));
  const run = await traceOneCall();
  sayFigure("files run by one get_trace", run.size, GOALS.filesOfCall);
  for (const [file, names] of [...run].sort()) say(`        ${file}: ${names.length}`);
  say(`        functions in all: ${[...run.values()].flat().length}`);
  const edits = editsListed(await Deno.readTextFile(fileOf(GUIDE.path)));
  sayFigure(`edits for a new back end, by ${GUIDE.path}`, edits.length, GOALS.edits);
  for (const edit of edits) say(`        ${edit}`);
  if (!words.includes("--ok")) return;
  const began = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", fileOf("scripts/ok.ts")],
  }).spawn().status;
  if (!success) Deno.exit(1);
  sayFigure("seconds of task ok", Math.round((performance.now() - began) / 1000), GOALS.seconds);
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit(0);
}
