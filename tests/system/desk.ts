/** A reader's desk: a home, the repository's files, and package managers that find the release. */
import { gunzipSync } from "node:zlib";
import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { NPM_NAME } from "../../scripts/package/npm.ts";
import { WHEEL_NAME } from "../../scripts/package/wheel.ts";
import { releaseIn, uvProgram } from "../support/packages.ts";
import { productProgram } from "../support/product.ts";
import { cleanEnv } from "../support/python/command.ts";
import { findPython } from "../support/python/interpreter.ts";
import { binary, ROOT } from "../support/python/layout.ts";
import { makeVenv } from "../support/python/uv.ts";
import { makeHome } from "./home.ts";
import { installPrograms } from "./programs.ts";

/** What all desks share: the release, and a registry of npm that has it. */
export interface Shelf extends AsyncDisposable {
  readonly release: string;
  readonly registry: string;
}

/** See the top of the file. */
export interface Desk extends AsyncDisposable {
  /** Where commands are typed. The repository's files and the release are in it where need be. */
  readonly folder: string;
  /** What programs see of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables for the demo's store. */
  readonly store: Readonly<Record<string, string>>;
}

/** Builds the release. */
export async function prepareShelf(): Promise<Shelf> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-shelf-" });
  const release = await releaseIn(folder);
  const registry = await startRegistry(await Deno.readFile(join(release, NPM_NAME)));
  return {
    release,
    registry: registry.url,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** npm's registry as it will be once this release is there; of all else it sends to the real one. */
async function startRegistry(tarball: Uint8Array): Promise<{ url: string } & AsyncDisposable> {
  const real = (await output("npm", ["config", "get", "registry"])).trim().replace(/\/$/, "");
  const { version } = manifest;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    if (pathname === "/wandflow.tgz") return new Response(new Uint8Array(tarball));
    if (pathname !== "/wandflow") return Response.redirect(`${real}${pathname}`, 302);
    const own = { ...packageIn(tarball), dist: { tarball: `${origin}/wandflow.tgz` } };
    return Response.json({
      name: "wandflow",
      "dist-tags": { latest: version },
      versions: { [version]: own },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The package.json in a package of npm. */
function packageIn(tarball: Uint8Array): object {
  const text = new TextDecoder().decode(gunzipSync(tarball));
  const start = text.indexOf("{", text.indexOf("package/package.json"));
  return JSON.parse(text.slice(start, text.indexOf("\0", start)));
}

async function output(program: string, args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  return new TextDecoder().decode(stdout);
}

/** What package managers know of this machine, and may go on using in a home of the test's own. */
const KEPT = [".npmrc", ".npm/_cacache", ".cache/pip", ".cache/uv", ".config/pip", ".config/uv"];

/** Lays out a desk with what the commands need. */
export async function makeDesk({ release, registry }: Shelf, commands: string): Promise<Desk> {
  const home = await makeHome();
  const own = Deno.env.get("HOME") ?? "";
  for (const path of KEPT) {
    if (!await Deno.stat(join(own, path)).then(() => true, () => false)) continue;
    await Deno.mkdir(join(home.dir, path, ".."), { recursive: true });
    await Deno.symlink(join(own, path), join(home.dir, path));
  }
  const folder = join(home.dir, "repository");
  await Deno.mkdir(join(folder, "files"), { recursive: true });
  if (/dist\/|task |(tests|scripts)\/|marketplace/.test(commands)) await copyRepository(folder);
  await Deno.mkdir(join(folder, "dist"), { recursive: true });
  await Deno.symlink(release, join(folder, "dist/release"));
  for (const [name, place] of [[WHEEL_NAME, "."], [NPM_NAME, "."], [WHEEL_NAME, "files"]]) {
    await Deno.copyFile(join(release, name ?? ""), join(folder, place ?? "", name ?? ""));
  }
  const python = await findPython();
  const venv = join(home.dir, "venv");
  const hasVenv = /^(uv )?pip /m.test(commands);
  if (hasVenv) await makeVenv(python, venv);
  const uv = await uvProgram();
  const links = (separator: string, given = "") =>
    [given, release].filter((one) => one !== "").join(separator);
  return {
    folder,
    store: { ...home.demo.env, MLFLOW_EXPERIMENT_ID: "1" },
    env: {
      ...cleanEnv(),
      ...uv.env,
      ...home.env,
      DENO_DIR: (await productProgram()).env.DENO_DIR ?? "",
      VIRTUAL_ENV: venv,
      // It decides before VIRTUAL_ENV does.
      UV_PYTHON: hasVenv ? binary(venv, "python") : python.path,
      UV_FIND_LINKS: links(",", uv.env.UV_FIND_LINKS),
      PIP_FIND_LINKS: links(" ", Deno.env.get("PIP_FIND_LINKS")),
      // Deno reads the registry's variable, too, so it is set for packages of this release alone.
      ...(/task |main\.ts/.test(commands) ? {} : { NPM_CONFIG_REGISTRY: registry }),
      NPM_CONFIG_PREFIX: join(home.dir, "npm"),
      PATH: [
        ...[join(home.dir, "bin"), binary(venv, "python"), uv.program, Deno.execPath()]
          .map((path, index) => index === 0 ? path : join(path, "..")),
        Deno.env.get("PATH") ?? "",
        await installPrograms(),
      ].join(":"),
    },
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

/** The repository's files as they are, with what is not committed yet. */
async function copyRepository(folder: string): Promise<void> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = (await output("git", ["-C", ROOT, ...list])).split("\0").filter((one) =>
    one !== ""
  );
  const folders = new Set(files.map((file) => join(file, "..")));
  for (const one of folders) await Deno.mkdir(join(folder, one), { recursive: true });
  for (const file of files) {
    await Deno.copyFile(join(ROOT, file), join(folder, file)).catch(() => {});
  }
}

/** How {@link typeAt} waits. */
interface Typing {
  /** Variables beside the desk's. */
  readonly env: Readonly<Record<string, string>>;
  /** What it gets to read; its input ends when it has ended, or said what is waited for. */
  readonly stdin: string;
  /** What is waited for. */
  readonly until?: RegExp;
  /** It then keeps running until it is stopped. */
  readonly lasts: boolean;
}

/** Types a command; answers its end and what it said. */
export async function typeAt(
  desk: Desk,
  command: string,
  { env, stdin, until, lasts }: Typing,
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command("sh", {
    args: ["-c", lasts ? `exec env ${command} 2>&1` : `{ ${command}; } 2>&1`],
    cwd: desk.folder,
    clearEnv: true,
    env: { ...desk.env, ...desk.store, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(600_000),
  }).spawn();
  const typed = child.stdin.getWriter();
  await typed.write(new TextEncoder().encode(stdin)).catch(() => {});
  let open = true;
  const close = async () => {
    if (open) await typed.close().catch(() => {});
    open = false;
  };
  if (until === undefined) await close();
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (until?.test(output) !== true) continue;
    await close();
    if (lasts) child.kill("SIGTERM");
  }
  await close();
  return { code: (await child.status).code, output };
}
