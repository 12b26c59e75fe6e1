/**
 * `deno task test`: installs, starts and seeds the real back ends once, runs all tests against them
 * and stops them. The last line is `N passed, N failed`; an ignored test counts as failed.
 *
 * Tests that mostly wait for Python run in two lanes at the same time; those that judge memory,
 * time or the machine run alone after them.
 *
 * With arguments (files, `--filter …`) it runs only those, and starts back ends when first needed.
 */
import { stripVTControlCharacters } from "node:util";
import { type Backend, type Started, variableOf } from "../tests/support/backend.ts";
import { BACKENDS } from "../tests/support/backends.ts";
import { environmentNames, ROOT } from "../tests/support/python/layout.ts";
import { progress } from "../tests/support/python/command.ts";
import { ensureVenv } from "../tests/support/python/venv.ts";
import { say } from "./say.ts";

/** Counts of a run. */
interface Summary {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were selected but not run. */
  readonly ignored: number;
}

/** Folders whose tests run one after the other, beside the other lane. */
const LANES = [
  ["tests/clients", "tests/cli", "tests/mlflow"],
  ["tests/pictures", "tests/support", "tests/wandb"],
];

/** All permissions: tests start programs, and workers whose permissions are narrowed from these. */
const PERMISSIONS = ["--no-prompt", "--allow-all"];

/** Reads the last line of `deno test`; null if there is none. */
export function parseSummary(output: string): Summary | null {
  const line = stripVTControlCharacters(output).split("\n").findLast((text) =>
    /^(ok|FAILED) \| \d+ passed/.test(text)
  );
  if (line === undefined) return null;
  const count = (what: string) => Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

async function startAll(): Promise<{ env: Record<string, string>; stops: Started<unknown>[] }> {
  for (const name of environmentNames()) await ensureVenv(name);
  const env: Record<string, string> = {};
  const stops: Started<unknown>[] = [];
  const start = async (backend: Backend<unknown>) => {
    const begun = Date.now();
    const started = await backend.start();
    stops.push(started);
    env[variableOf(backend)] = JSON.stringify(started.state);
    progress(`${backend.name} is up after ${Math.round((Date.now() - begun) / 1000)} s`);
  };
  const results = await Promise.allSettled(BACKENDS.map(start));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) {
    await Promise.all(stops.map((started) => started.stop()));
    throw failure.reason;
  }
  return { env, stops };
}

/** Passes what tests print on to standard output, at once or file by file; returns all of it. */
async function passOn(output: AsyncIterable<string>, how: "at once" | "by file"): Promise<string> {
  let all = "";
  let shown = 0;
  const showUntil = (end: number) => {
    Deno.stdout.writeSync(new TextEncoder().encode(all.slice(shown, end)));
    shown = end;
  };
  for await (const text of output) {
    all += text;
    // A file begins with the line "running 3 tests from ./tests/…".
    const end = how === "at once"
      ? all.length
      : all.lastIndexOf("\n", all.lastIndexOf(" from ./")) + 1;
    if (end > shown) showUntil(end);
  }
  showUntil(all.length);
  return all;
}

async function runTests(
  args: readonly string[],
  env: Record<string, string>,
  how: "at once" | "by file" = "at once",
): Promise<Summary> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...PERMISSIONS, ...args],
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const end = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  const output = await passOn(child.stdout.pipeThrough(new TextDecoderStream()), how);
  const { success } = await child.status;
  Deno.removeSignalListener("SIGINT", end);
  Deno.removeSignalListener("SIGTERM", end);
  const summary = parseSummary(output) ?? { passed: 0, failed: 1, ignored: 0 };
  // A run can fail outside its tests, for example with an unhandled rejection.
  return success ? summary : { ...summary, failed: Math.max(1, summary.failed) };
}

/** Runs all tests: the lanes at the same time, then the rest. */
async function runAll(env: Record<string, string>): Promise<Summary> {
  const lanes = await Promise.all(LANES.map((folders) => runTests(folders, env, "by file")));
  const rest = await runTests([`--ignore=${LANES.flat().join(",")}`], env);
  const sum = (key: keyof Summary) =>
    [...lanes, rest].reduce((total, summary) => total + summary[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), ignored: sum("ignored") };
}

/** Reports type errors before spending minutes on starting back ends. */
async function checkTypes(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-run"],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (!success) throw new Error("The tests do not type-check.");
}

async function main(args: readonly string[]): Promise<Summary> {
  if (args.length === 0) await checkTypes();
  const { env, stops } = args.length > 0 ? { env: {}, stops: [] } : await startAll();
  try {
    return await (args.length > 0 ? runTests(args, env) : runAll(env));
  } finally {
    await Promise.all(stops.map((started) => started.stop()));
  }
}

if (import.meta.main) {
  const { passed, failed, ignored } = await main(Deno.args).catch((error) => {
    progress(String(error));
    return { passed: 0, failed: 1, ignored: 0 };
  });
  if (ignored > 0) progress(`${ignored} ignored: a test that is skipped counts as failed.`);
  const bad = failed + ignored;
  say(`${passed} passed, ${bad} failed`);
  Deno.exit(bad > 0 || passed === 0 ? 1 : 0);
}
