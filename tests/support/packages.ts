/** Builds what is released from the tests' bundle, and installs it as people do. */
import { join } from "node:path";
import { buildPackages } from "../../scripts/package.ts";
import { NPM_NAME } from "../../scripts/package/npm.ts";
import { WHEEL_NAME } from "../../scripts/package/wheel.ts";
import { bundledMain, type Program } from "./product.ts";
import { run } from "./python/command.ts";
import { findPython } from "./python/interpreter.ts";
import { binary } from "./python/layout.ts";
import { ensureUv } from "./python/uv.ts";

/** A repository that names the packages in the tests. */
export const REPOSITORY = "https://github.com/example/wandflow";

/** A temporary folder that is removed when it is disposed of. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a folder whose path has a space. */
export async function temporaryFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "wandflow packages " });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Builds a release; `executables` is a folder with executables to pack. */
export async function releaseIn(folder: string, executables?: string): Promise<string> {
  const output = join(folder, "release");
  await buildPackages({
    main: await bundledMain(),
    output,
    repository: REPOSITORY,
    ...executables === undefined ? {} : { executables },
  });
  return output;
}

/** Runs a program that has to succeed. */
export async function must(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, { env });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** The environment of an installed program: the path of programs, and a home of its own. */
function installed(program: string, home: string): Program {
  return { program, args: [], env: { PATH: Deno.env.get("PATH") ?? "", HOME: home } };
}

/** `uv tool install` of the wheel, its runtime from the index. */
export async function installByUv(release: string, folder: string): Promise<Program> {
  const uv = await uvProgram();
  const bin = join(folder, "uv bin");
  const env = { ...uv.env, UV_TOOL_DIR: join(folder, "uv tools"), UV_TOOL_BIN_DIR: bin };
  const { path } = await findPython();
  await must(uv.program, ["tool", "install", "--python", path, join(release, WHEEL_NAME)], env);
  return installed(join(bin, exe("wandflow")), folder);
}

/** The uv that the tests install. */
export async function uvProgram(): Promise<{ program: string; env: Record<string, string> }> {
  const uv = await ensureUv(await findPython());
  if (uv === null) throw new Error("There is no uv for this machine.");
  return uv;
}

/** `pip install` from a folder of files, without an index. */
export async function installByPip(release: string, folder: string): Promise<Program> {
  const { path } = await findPython();
  const files = join(folder, "wheels");
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", files];
  await must(path, [...download, "deno>=2.9.6,<3"]);
  await Deno.copyFile(join(release, WHEEL_NAME), join(files, WHEEL_NAME));
  const venv = join(folder, "venv");
  await must(path, ["-I", "-m", "venv", venv]);
  const install = ["-m", "pip", "install", "--quiet", "--no-index", "--find-links", files];
  await must(binary(venv, "python"), [...install, "wandflow"]);
  return installed(binary(venv, "wandflow"), folder);
}

/** `uv pip install` from the folder of files that {@link installByPip} filled. */
export async function installByUvPip(folder: string): Promise<Program> {
  const uv = await uvProgram();
  const { path } = await findPython();
  const venv = join(folder, "uv venv");
  await must(uv.program, ["venv", "--quiet", "--python", path, venv], uv.env);
  const args = ["--no-index", "--find-links", join(folder, "wheels"), "wandflow"];
  const target = ["--python", binary(venv, "python")];
  await must(uv.program, ["pip", "install", "--quiet", "--offline", ...target, ...args], uv.env);
  return installed(binary(venv, "wandflow"), folder);
}

const QUIET = ["--no-audit", "--no-fund", "--loglevel=error"];

/** `npm i -g`, without the packages' own scripts, its runtime from the registry. */
export async function installByNpm(release: string, folder: string): Promise<Program> {
  const prefix = join(folder, "npm");
  const file = join(release, NPM_NAME);
  await must(exeNpm(), ["install", "-g", "--ignore-scripts", "--prefix", prefix, ...QUIET, file]);
  const bin = Deno.build.os === "windows" ? prefix : join(prefix, "bin");
  return installed(join(bin, cmd("wandflow")), folder);
}

/** `npm i <files>`, without any registry. */
export async function installByFiles(release: string, folder: string): Promise<Program> {
  const files = join(folder, "tarballs");
  const project = join(folder, "project");
  for (const one of [files, project]) await Deno.mkdir(one);
  await Deno.writeTextFile(join(project, "package.json"), "{}");
  const { version } = Deno;
  const names = [`deno@${version.deno}`, `${denoPackage()}@${version.deno}`];
  await must(exeNpm(), ["pack", "--silent", "--pack-destination", files, ...names]);
  await Deno.copyFile(join(release, NPM_NAME), join(files, NPM_NAME));
  const tarballs = [...Deno.readDirSync(files)].map(({ name }) => join(files, name));
  const alone = ["--offline", "--ignore-scripts", "--cache", join(folder, "npm cache")];
  await must(exeNpm(), ["install", "--prefix", project, ...alone, ...QUIET, ...tarballs]);
  return installed(join(project, "node_modules", ".bin", cmd("wandflow")), folder);
}

/** npm's package with the runtime for this machine. */
export function denoPackage(): string {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  return `@deno/${os}-${arch}${os === "linux" ? "-glibc" : ""}`;
}

const exe = (name: string) => Deno.build.os === "windows" ? `${name}.exe` : name;
const cmd = (name: string) => Deno.build.os === "windows" ? `${name}.cmd` : name;
const exeNpm = () => cmd("npm");
