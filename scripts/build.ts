/** Runs the runtime's build commands, independently of the shell that starts them. */
import { fileOf } from "./graph.ts";

/**
 * The part of the builder's environment that a build may see: where programs, home and caches are,
 * and how to reach packages. Everything else could end up in the product: `OTEL_DENO` and
 * `DENO_COMPAT` would be built into an executable.
 */
const PASSED_ON = [
  ...["PATH", "PATHEXT", "SystemRoot", "HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"],
  ...["TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "DENO_DIR"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"],
  ...["NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG"],
] as const;

/** The environment of a build. */
export function buildEnvironment(
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Record<string, string> {
  const passed: Record<string, string> = { NO_COLOR: "1" };
  for (const name of PASSED_ON) {
    const value = env(name);
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

/** Runs `deno`. If it fails, the error contains what it wrote to standard error. */
export async function runDeno(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  cwd: string = fileOf("."),
): Promise<void> {
  const { success, code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    clearEnv: true,
    env: { ...buildEnvironment(), ...more },
    stdin: "null",
    stdout: "null",
  }).output();
  const said = new TextDecoder().decode(stderr).trim();
  if (!success) throw new Error(`deno ${args[0]} failed with exit code ${code}:\n${said}`);
}
