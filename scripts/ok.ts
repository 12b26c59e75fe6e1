/**
 * The gate: `deno task ok` is what must pass before a commit. It needs no back end and no network.
 * Every step runs, so that one run shows all that is wrong.
 */
import { lintDocs } from "./doc_lint.ts";
import { fileOf, ROOT, sourcesIn } from "./graph.ts";

const say = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

async function deno(...args: string[]): Promise<string | undefined> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return code === 0 ? undefined : decode(stdout) + decode(stderr);
}

async function generated(): Promise<string | undefined> {
  const script = fileOf("scripts/docs.ts");
  const exists = await Deno.stat(script).then(() => true, () => false);
  return exists ? await deno("run", "-A", "--no-prompt", script, "--check") : undefined;
}

/** The contracts: what others build on is documented member by member. */
async function documentation(): Promise<string | undefined> {
  const complaints = await lintDocs([
    "src/mcp/tool.ts",
    "src/mlflow/store.ts",
    ...await sourcesIn("src/core"),
  ]);
  return complaints.length === 0 ? undefined : complaints.join("\n\n");
}

/** Each step gives its complaint, or nothing. The unit tests include the module graph's. */
const STEPS: readonly (readonly [string, () => Promise<string | undefined>])[] = [
  ["formatted", () => deno("fmt", "--check")],
  ["lint", () => deno("lint")],
  ["types", () => deno("check", ".")],
  ["documentation", documentation],
  ["generated files", generated],
  ["unit tests", () => deno("run", "-A", "--no-prompt", fileOf("scripts/unit.ts"))],
];

if (import.meta.main) {
  const failed: string[] = [];
  for (const [name, step] of STEPS) {
    const complaint = await step();
    if (complaint === undefined) say(`ok      ${name}`);
    else {
      failed.push(name);
      say(`FAILED  ${name}\n${complaint.trimEnd()}\n`);
    }
  }
  if (failed.length > 0) say(`Not ok: ${failed.join(", ")}.`);
  Deno.exit(failed.length > 0 ? 1 : 0);
}
