/**
 * Builds a release in dist/release: the packages for PyPI and npm, bundles for desktop
 * applications, an archive for each executable that `deno task compile` made of this source, a bill
 * of materials, the registry's server.json, a Dockerfile, and checksums of all of them.
 *
 *   deno task package                          from a bundle that is made first
 *   deno task package --repository=https://github.com/OWNER/NAME
 *                                              names it, and writes server.json
 *   deno task package --manifests              writes the manifests that lie in the repository
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { bundle, FILE_TIME, readCommit } from "./bundle.ts";
import { executableName, expectedSettings, TARGETS } from "./compile.ts";
import { compareBaked, readBaked } from "./executable.ts";
import { fileOf } from "./graph.ts";
import { buildManifests } from "./package/manifests.ts";
import { buildBinaryBundle, buildUvBundle } from "./package/mcpb.ts";
import { buildNpm, NPM_NAME } from "./package/npm.ts";
import { buildServerJson } from "./package/registry.ts";
import { NAME, readRelease, type Release, VERSION } from "./package/release.ts";
import { buildSbom } from "./package/sbom.ts";
import { buildWheel, WHEEL_NAME } from "./package/wheel.ts";
import { type Entry, tarball, textEntry, zip } from "./package/zip.ts";
import { say } from "./say.ts";
import { readFlags } from "./usage.ts";

/** What `buildPackages` is given. */
interface PackageOptions {
  /** The launcher of a finished bundle. */
  readonly main: string;
  /** Where everything is written. */
  readonly output: string;
  /** A folder with executables built from the same source; those found are packed. */
  readonly executables?: string;
  /** The repository's address at GitHub. */
  readonly repository?: string | undefined;
}

/**
 * Builds everything into an empty folder.
 *
 * @returns The names of the files.
 */
export async function buildPackages(options: PackageOptions): Promise<string[]> {
  const { main, output, executables, repository } = options;
  const release = await readRelease(dirname(main), repository);
  const files: Entry[] = [
    { path: WHEEL_NAME, bytes: await buildWheel(release) },
    { path: NPM_NAME, bytes: await buildNpm(release) },
    { path: `${NAME}-${VERSION}.mcpb`, bytes: await buildUvBundle(release) },
    textEntry(`${NAME}-${VERSION}.cdx.json`, await buildSbom()),
    ...release.legal,
    ...executables === undefined
      ? []
      : await packExecutables(release, executables, await Deno.readFile(main)),
  ];
  if (repository !== undefined) {
    const bundles = files.filter(({ path }) => path.endsWith(".mcpb"))
      .map(({ path, bytes }) => ({ name: path, sha256: sha256(bytes) }));
    files.push(textEntry("server.json", buildServerJson(repository, bundles)));
  }
  files.push(textEntry("Dockerfile", await Deno.readTextFile(fileOf("packaging/Dockerfile"))));
  const sums = files.map(({ path, bytes }) => `${sha256(bytes)}  ${path}\n`);
  files.push(textEntry("SHA256SUMS", sums.join("")));
  await Deno.remove(output, { recursive: true }).catch(() => {});
  for (const { path, bytes, program } of files) {
    const file = join(output, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeFile(file, bytes, { mode: program === true ? 0o755 : 0o644 });
    await Deno.utime(file, FILE_TIME, FILE_TIME);
  }
  return files.map(({ path }) => path);
}

/** Packs an archive and a bundle per executable; for Linux also a copy for the Dockerfile. */
async function packExecutables(
  release: Release,
  folder: string,
  launcher: Uint8Array,
): Promise<Entry[]> {
  const packed: Entry[] = [];
  for (const target of TARGETS) {
    const file = executableName(target);
    const bytes = await Deno.readFile(join(folder, file)).catch(() => undefined);
    if (bytes === undefined) continue;
    if (!Buffer.from(bytes.buffer).includes(Buffer.from(launcher))) {
      throw new Error(`${file} is not of this source: compile it again.`);
    }
    const differences = compareBaked(readBaked(bytes), expectedSettings(file));
    if (differences.length > 0) {
      throw new Error(`${file} has settings of its own baked in:\n${differences.join("\n")}`);
    }
    const windows = target.includes("windows");
    const program = { path: windows ? `${NAME}.exe` : NAME, bytes, program: true };
    const entries = [program, ...release.legal, textEntry("README.md", release.readme)];
    const name = `${NAME}-${VERSION}-${target}`;
    packed.push(
      windows
        ? { path: `${name}.zip`, bytes: zip(entries) }
        : { path: `${name}.tar.gz`, bytes: tarball(entries) },
      { path: `${name}.mcpb`, bytes: buildBinaryBundle(release, target, bytes) },
    );
    if (target.includes("linux")) {
      const machine = target.startsWith("aarch64") ? "arm64" : "amd64";
      packed.push({ ...program, path: `docker/${machine}/${NAME}` });
    }
  }
  return packed;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function writeManifests(): Promise<void> {
  for (const [path, text] of buildManifests()) {
    await Deno.mkdir(dirname(fileOf(path)), { recursive: true });
    await Deno.writeTextFile(fileOf(path), text);
    say(`Wrote ${path}`);
  }
}

if (import.meta.main) {
  const { manifests, repository } = readFlags({
    repository: { type: "string" },
    manifests: { type: "boolean" },
  });
  if (manifests === true) await writeManifests();
  else {
    const main = await bundle(undefined, await readCommit());
    const output = fileOf("dist/release");
    const options = { main, output, executables: fileOf("dist"), repository };
    for (const name of await buildPackages(options)) say(`Wrote dist/release/${name}`);
    if (repository === undefined) say("No server.json: it needs --repository.");
  }
}
