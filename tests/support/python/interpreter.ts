import { z } from "zod";
import { run } from "./command.ts";

/** A Python that can make virtual environments. */
export interface Interpreter {
  /** The program's own absolute path. */
  readonly path: string;
  /** For example `3.11.7`. */
  readonly version: string;
  /** Operating system and processor, for example `linux-x86_64`. */
  readonly platform: string;
}

const Probe = z.looseObject({
  path: z.string(),
  version: z.string(),
  minor: z.tuple([z.int(), z.int()]),
  platform: z.string(),
  venv: z.boolean(),
});

const PROBE = `
import importlib.util as u, json, sys, sysconfig
print(json.dumps({
    "path": sys.executable, "version": sys.version.split()[0], "minor": list(sys.version_info[:2]),
    "platform": sysconfig.get_platform(),
    "venv": bool(u.find_spec("venv") and u.find_spec("ensurepip")),
}))
`;

const NAMES = ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/**
 * Finds a Python 3.10 to 3.13 with venv: `WANDFLOW_PYTHON` when it is set, else the usual names on
 * the PATH. The packages pinned for the tests have wheels for these versions.
 *
 * @throws Error that lists what was tried and why each did not do.
 */
export async function findPython(): Promise<Interpreter> {
  const chosen = Deno.env.get("WANDFLOW_PYTHON");
  const rejected: string[] = [];
  for (const name of chosen ? [chosen] : NAMES) {
    const { code, stdout, stderr } = await run(name, ["-I", "-c", PROBE]);
    if (code !== 0) {
      const reason = code === 127 ? "not found" : stderr.trim().split("\n").at(-1) ?? "";
      rejected.push(`${name}: ${reason}`);
      continue;
    }
    const { path, version, minor: [major, minor], platform, venv } = Probe.parse(
      JSON.parse(stdout),
    );
    if (major !== 3 || minor < 10 || minor > 13) rejected.push(`${name}: is Python ${version}`);
    else if (!venv) rejected.push(`${name}: has no venv module (Debian: install python3-venv)`);
    else return { path, version, platform };
  }
  throw new Error(
    "The tests run real back ends and need Python 3.10, 3.11, 3.12 or 3.13 with venv. " +
      `Install one, or name it in WANDFLOW_PYTHON. Tried:\n  ${rejected.join("\n  ")}`,
  );
}
