import { Buffer } from "node:buffer";

/** What a finished command left behind. */
export interface CommandResult {
  /** Exit code; 127 where the program does not exist. */
  readonly code: number;
  /** Standard output as text. */
  readonly stdout: string;
  /** Standard error as text; empty where it went straight to our own. */
  readonly stderr: string;
}

/** How {@link run} treats the command. */
export interface RunOptions {
  /** Variables on top of {@link cleanEnv}. */
  readonly env?: Record<string, string>;
  /** Pass what the command prints on to our stderr instead of collecting it. */
  readonly show?: boolean;
}

/** Our environment without what would make one Python read another's packages. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP"]) {
    delete env[name];
  }
  return { ...env, PYTHONUTF8: "1", ...extra };
}

/** Runs a program to its end. Never throws for a program that is missing or fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  try {
    const output = await new Deno.Command(program, {
      args: [...args],
      clearEnv: true,
      env: cleanEnv(options.env),
      stdin: "null",
      stdout: "piped",
      stderr: options.show ? "inherit" : "piped",
    }).output();
    if (options.show) progress(Buffer.from(output.stdout).toString());
    return {
      code: output.code,
      stdout: Buffer.from(output.stdout).toString(),
      stderr: options.show ? "" : Buffer.from(output.stderr).toString(),
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
      throw error;
    }
    return { code: 127, stdout: "", stderr: `${program}: ${error.message}` };
  }
}

/** Writes a line of progress to stderr; nothing for an empty text. */
export function progress(text: string): void {
  const line = text.trimEnd();
  if (line !== "") Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
