/**
 * The gate: `deno task ok` is what must pass before a commit. It needs no back end and no network.
 * Every check runs, two at a time, so that one run shows all that is wrong.
 */
import { lintDocs } from "./doc_lint.ts";
import { fileOf, ROOT, sourcesIn } from "./graph.ts";
import { slowestFiles } from "./unit.ts";
import { say } from "./say.ts";

/** What a check found wrong, or undefined; `note` is shown if it passes. */
interface Outcome {
  readonly complaint?: string;
  readonly note?: string;
}

interface Check {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

async function deno(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return code === 0 ? {} : { complaint: decode(stdout) + decode(stderr) };
}

const script = (name: string, ...args: string[]) =>
  deno("run", "-A", "--no-prompt", fileOf(`scripts/${name}`), ...args);

/** Contracts must explain each member; elsewhere comments are optional. */
const CONTRACTS = ["src/mcp/tool.ts", "src/mlflow/store.ts"];

async function documentation(): Promise<Outcome> {
  const complaints = await lintDocs([...CONTRACTS, ...await sourcesIn("src/core")]);
  return complaints.length === 0 ? {} : { complaint: complaints.join("\n\n") };
}

/** Types are checked separately; the tests include those of the module graph. */
async function unitTests(): Promise<Outcome> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const outcome = await script("unit.ts", "--no-check", `--junit-path=${report}`);
    if (outcome.complaint !== undefined) {
      return { complaint: outcome.complaint.replace(/^[\s\S]*(?=^.* ERRORS )/m, "") };
    }
    return { note: `slowest: ${slowestFiles(await Deno.readTextFile(report), 3).join(", ")}` };
  } finally {
    await Deno.remove(report);
  }
}

/** The longest check runs alone, next to the others in sequence. */
const LANES: readonly (readonly Check[])[] = [
  [{ name: "unit tests", run: unitTests }],
  [
    { name: "format", run: () => deno("fmt", "--check") },
    { name: "lint", run: () => deno("lint") },
    { name: "documentation of contracts", run: documentation },
    { name: "generated files", run: () => script("docs.ts", "--check") },
    { name: "types", run: () => deno("check", ".") },
  ],
];

async function runLane(lane: readonly Check[], failed: string[]): Promise<void> {
  for (const { name, run } of lane) {
    say(`…       ${name}`);
    const began = performance.now();
    const { complaint, note } = await run();
    const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    if (complaint === undefined) {
      say(`ok      ${name}, ${seconds}${note === undefined ? "" : `; ${note}`}`);
    } else {
      failed.push(name);
      say(`FAILED  ${name}, ${seconds}\n${complaint.trimEnd()}\n`);
    }
  }
}

if (import.meta.main) {
  const began = performance.now();
  const failed: string[] = [];
  await Promise.all(LANES.map((lane) => runLane(lane, failed)));
  const seconds = `${((performance.now() - began) / 1000).toFixed(0)} s`;
  say(failed.length > 0 ? `Not ok after ${seconds}: ${failed.join(", ")}.` : `Ok in ${seconds}.`);
  Deno.exit(failed.length > 0 ? 1 : 0);
}
