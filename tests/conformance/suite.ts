import { join } from "node:path";
import { z } from "zod";
import { type ProgramResult, runNpmProgram } from "../support/npm_program.ts";

/** A revision of the protocol with its frozen set of required scenarios. */
export type Revision = "2025-11-25" | "2026-07-28";

/** What the official suite found. */
export interface Verdict extends ProgramResult {
  /** Checks that passed, as `scenario:check`. */
  readonly passed: readonly string[];
  /** Checks of required scenarios that failed, as `scenario:check`. */
  readonly failed: readonly string[];
}

const CHECKS = z.array(z.looseObject({ id: z.string(), status: z.string() }));

/**
 * Runs every scenario that a revision requires against an endpoint.
 *
 * @param baseline A file with the failures that are expected: with it the exit code is 0 exactly
 * when those and no others fail.
 */
export async function runSuite(
  url: string,
  revision: Revision,
  baseline?: string,
): Promise<Verdict> {
  return await judge(url, [
    "--requirements",
    revision,
    ...(baseline === undefined ? [] : ["--expected-failures", baseline]),
  ]);
}

/** Runs one scenario, also one of an extension, which no revision requires. */
export async function runScenario(url: string, scenario: string): Promise<Verdict> {
  return await judge(url, ["--scenario", scenario, "--spec-version", "2026-07-28", "--force"]);
}

async function judge(url: string, args: readonly string[]): Promise<Verdict> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-conformance-" });
  try {
    const out = join(folder, "out");
    const all = ["server", "--url", url, "-o", out, ...args];
    const result = await runNpmProgram("conformance", all, folder);
    const optional = optionalScenarios(result.stdout);
    const passed: string[] = [];
    const failed: string[] = [];
    for await (const { scenario, id, status } of checks(out)) {
      if (status === "SUCCESS") passed.push(`${scenario}:${id}`);
      if (status === "FAILURE" && !optional.has(scenario)) failed.push(`${scenario}:${id}`);
    }
    return { ...result, passed: passed.sort(), failed: failed.sort() };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Scenarios that the suite runs for this revision without counting them. */
function optionalScenarios(report: string): Set<string> {
  const part = report.split(/^Not scored for /m)[1] ?? "";
  return new Set([...part.matchAll(/^\s+[✓✗] (\S+) \(/gm)].map((match) => match[1] ?? ""));
}

async function* checks(folder: string) {
  for await (const entry of Deno.readDir(folder)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(entry.name)?.[1];
    if (scenario === undefined) throw new Error(`The suite wrote an unknown entry ${entry.name}.`);
    const text = await Deno.readTextFile(join(folder, entry.name, "checks.json"));
    for (const check of CHECKS.parse(JSON.parse(text))) yield { scenario, ...check };
  }
}
