import { join } from "node:path";
import { progress, run } from "./command.ts";
import type { Interpreter } from "./interpreter.ts";
import { withLock } from "./lock.ts";
import { binary, ENVIRONMENTS } from "./layout.ts";

const UV_VERSION = "0.13.8";

/** The uv installer together with the variables that make it use pip's index. */
export interface Uv {
  /** Path of the program. */
  readonly program: string;
  /** Variables to run it with. */
  readonly env: Record<string, string>;
}

/**
 * Installs uv by pip into a small environment of its own, once. Gives null where the index has no
 * uv for this machine; pip does the work then, slower.
 */
export async function ensureUv(python: Interpreter): Promise<Uv | null> {
  const dir = join(ENVIRONMENTS, `uv-${UV_VERSION}-${python.version}-${python.platform}`);
  return await withLock(dir, async () => {
    const program = binary(dir, "uv");
    const env = await indexSettings(python);
    if ((await run(program, ["--version"])).code === 0) return { program, env };
    progress(`Installing uv ${UV_VERSION}`);
    await makeVenv(python, dir);
    const installed = await run(
      binary(dir, "python"),
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `uv==${UV_VERSION}`],
      { show: true },
    );
    if (installed.code === 0) return { program, env };
    progress("uv could not be installed; going on with pip.");
    return null;
  });
}

/** Makes a virtual environment with pip in it, replacing what stood there. */
export async function makeVenv(python: Interpreter, dir: string): Promise<void> {
  const made = await run(python.path, ["-I", "-m", "venv", "--clear", dir]);
  if (made.code !== 0) throw new Error(`Could not make ${dir}:\n${made.stderr || made.stdout}`);
}

/** uv's own variable for each setting of pip; what is set for uv already stays. */
const TRANSLATION = [
  ["index-url", "UV_DEFAULT_INDEX", " "],
  ["extra-index-url", "UV_INDEX", " "],
  ["trusted-host", "UV_INSECURE_HOST", " "],
  ["find-links", "UV_FIND_LINKS", ","],
  ["no-index", "UV_NO_INDEX", " "],
  ["cert", "SSL_CERT_FILE", " "],
  ["default-timeout", "UV_HTTP_TIMEOUT", " "],
  ["timeout", "UV_HTTP_TIMEOUT", " "],
] as const;

/** uv reads neither pip.conf nor PIP_*: says the same in uv's variables. */
async function indexSettings(python: Interpreter): Promise<Record<string, string>> {
  const listed = await run(python.path, ["-I", "-m", "pip", "config", "list"]);
  const settings = parsePipConfig(listed.code === 0 ? listed.stdout : "");
  const env: Record<string, string> = { UV_NO_CONFIG: "1", UV_PYTHON_DOWNLOADS: "never" };
  for (const [name, variable, separator] of TRANSLATION) {
    const value = Deno.env.get(`PIP_${name.replaceAll("-", "_").toUpperCase()}`)?.split(/\s+/) ??
      settings.get(name);
    if (value && !Deno.env.get(variable)) env[variable] = value.filter(Boolean).join(separator);
  }
  // pip takes the best version from all its indexes together.
  if (env["UV_INDEX"]) env["UV_INDEX_STRATEGY"] = "unsafe-best-match";
  return env;
}

/**
 * Reads `pip config list`, lines such as `global.index-url='https://…'` with Python string
 * literals; a list has `\n` between its entries. `install.` outranks `global.`.
 */
export function parsePipConfig(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const section of ["global", "install"]) {
    for (const line of text.split("\n")) {
      const match = /^(\w+)\.([\w-]+)=(['"])(.*)\3$/.exec(line.trim());
      const [, where, name, , value] = match ?? [];
      if (where !== section || name === undefined || value === undefined) continue;
      settings.set(name, value.split(/\\n|\s+/).filter(Boolean));
    }
  }
  return settings;
}
