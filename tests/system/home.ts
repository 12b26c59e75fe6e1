/** A user's home of a test's own, with the product on its PATH as `wandflow`. */
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";
import { productProgram } from "../support/product.ts";

/** The store of the demo. */
const DEMO_STORE = `sqlite:///${join(ROOT, "examples", "mlflow.db")}`;

/** A trace in it. */
export const DEMO_TRACE = "tr-d0801e632ec9959da5a094a1c0f0878b";

/** How wandflow is started by a client. */
export interface ServerSetting {
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** What it gets beside the client's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A temporary home folder. */
export interface Home extends AsyncDisposable {
  /** The folder. */
  readonly dir: string;
  /** An empty project inside it, where clients are started. */
  readonly project: string;
  /** The product, as an absolute path. */
  readonly wandflow: string;
  /** The product on the demo's store, as a client's setting. */
  readonly demo: ServerSetting;
  /** What a program sees of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file below the home; answers its path. */
  write(path: string, text: string): Promise<string>;
  /** Puts lines before those of a file below the home. */
  prepend(path: string, text: string): Promise<string>;
  /** Adds keys to a JSON file below the home. */
  merge(path: string, keys: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Makes a home. */
export async function makeHome(): Promise<Home> {
  const dir = await Deno.makeTempDir({ prefix: "wandflow-home-" });
  const write = async (path: string, text: string) => {
    const target = join(dir, path);
    await Deno.mkdir(join(target, ".."), { recursive: true });
    await Deno.writeTextFile(target, text);
    return target;
  };
  const read = (path: string) => Deno.readTextFile(join(dir, path)).catch(() => "");
  const prepend = async (path: string, text: string) =>
    await write(path, `${text}\n${await read(path)}`);
  const merge = async (path: string, keys: Readonly<Record<string, unknown>>) =>
    await write(path, JSON.stringify({ ...JSON.parse(await read(path) || "{}"), ...keys }));
  const { program, args, env: { DENO_DIR = "" } } = await productProgram();
  const words = [program, ...args].map((word) => `'${word}'`).join(" ");
  const wandflow = await write(
    "bin/wandflow",
    `#!/bin/sh\nexport DENO_DIR='${DENO_DIR}'\nexec ${words} "$@"\n`,
  );
  await Deno.chmod(wandflow, 0o755);
  const project = join(dir, "project");
  await Deno.mkdir(project);
  return {
    dir,
    project,
    wandflow,
    demo: { command: wandflow, args: ["stdio"], env: { MLFLOW_TRACKING_URI: DEMO_STORE } },
    env: {
      HOME: dir,
      PATH: `${join(dir, "bin")}:${Deno.env.get("PATH") ?? ""}`,
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      TMPDIR: dir,
    },
    write,
    prepend,
    merge,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
