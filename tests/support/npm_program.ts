/**
 * Programs from npm that tests run as processes. They are pinned here and not among the project's
 * imports, since they bring hundreds of packages that no user of the project needs.
 */
import { join } from "node:path";
import { productProgram } from "./product.ts";
import { withLock } from "./python/lock.ts";
import { ROOT } from "./python/layout.ts";

/** The pinned programs. */
const PROGRAMS = {
  /** Microsoft's emulator of Azure storage; its server of blobs alone. */
  azurite: "npm:azurite@3.37.0/azurite-blob",
  /** The official conformance suite. */
  conformance: "npm:@modelcontextprotocol/conformance@0.2.0-alpha.12",
  /** The official inspector, used by its command line. */
  inspector: "npm:@modelcontextprotocol/inspector@2.12.0",
  /** The program that makes bundles for desktop applications. */
  mcpb: "npm:@anthropic-ai/mcpb@2.1.2",
} as const;

/**
 * The versions of all that they bring: a new release of one of these broke the installation once.
 * Renewed by `deno cache --no-config --lock=tests/support/npm_programs.lock npm:…` with all.
 */
const LOCKED = [`--lock=${join(ROOT, "tests", "support", "npm_programs.lock")}`, "--frozen"];

/** The name of a pinned program. */
export type NpmProgram = keyof typeof PROGRAMS;

/** What a finished program left behind. */
export interface ProgramResult {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
}

const fetched = new Map<NpmProgram, Promise<void>>();

/** Runs a program to its end in `folder`, which also is its home. */
export async function runNpmProgram(
  name: NpmProgram,
  args: readonly string[],
  folder: string,
): Promise<ProgramResult> {
  const { program, args: first } = await npmCommand(name);
  const { env } = await productProgram("source");
  const output = await new Deno.Command(program, {
    args: [...first, ...args],
    cwd: folder,
    clearEnv: true,
    env: { ...env, HOME: folder, PATH: Deno.env.get("PATH") ?? "" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: decode(output.stdout), stderr: decode(output.stderr) };
}

/** How a program is run; it is there afterwards. */
export async function npmCommand(
  name: NpmProgram,
): Promise<{ readonly program: string; readonly args: readonly string[] }> {
  const ready = fetched.get(name) ?? fetch(name);
  fetched.set(name, ready);
  await ready;
  const args = ["run", "-A", "--no-config", ...LOCKED, "--cached-only", PROGRAMS[name]];
  return { program: Deno.execPath(), args };
}

/** Downloads it with the user's own registry settings; the run itself sees an empty home. */
async function fetch(name: NpmProgram): Promise<void> {
  await withLock(join(ROOT, "dist", `fetch-${name}`), async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--no-config", ...LOCKED, PROGRAMS[name]],
      stdin: "null",
    }).output();
    if (code !== 0) {
      throw new Error(`${PROGRAMS[name]} cannot be fetched:\n${new TextDecoder().decode(stderr)}`);
    }
  });
}
