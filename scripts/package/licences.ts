/** Whose code is in the bundle, by the lock file, and under which licences. */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { z } from "zod";
import { WORKERS } from "../bundle.ts";
import { arrowsFrom, fileOf, reachable } from "../graph.ts";

const Lock = z.object({
  npm: z.record(
    z.string(),
    z.looseObject({ integrity: z.string(), dependencies: z.array(z.string()).default([]) }),
  ),
  specifiers: z.record(z.string(), z.string()),
});

const Manifest = z.looseObject({
  license: z.union([z.string(), z.looseObject({ type: z.string() }).transform(({ type }) => type)])
    .optional(),
  scripts: z.record(z.string(), z.unknown()).catch({}).default({}),
});

/** Licences that allow code to be distributed in another program. */
const PERMITTED = new Set([
  ...["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "Unlicense"],
  // For fonts.
  "OFL-1.1",
]);

/** Why a package must not be in the bundle, by its manifest; undefined if it may. */
export function findObjection(manifest: unknown): string | undefined {
  const { license, scripts } = Manifest.parse(manifest);
  if (license === undefined) return "names no licence";
  const all = license.replaceAll(/[()]/g, "").split(" AND ");
  if (!all.every((one) => one.split(" OR ").some((choice) => PERMITTED.has(choice)))) {
    return `is under ${license}, which scripts/package/licences.ts does not permit`;
  }
  const run = ["preinstall", "install", "postinstall"].find((name) => name in scripts);
  return run === undefined ? undefined : `runs a program when it is installed (${run})`;
}

/** A package from npm that is in the bundle. */
export interface Part {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** SHA-512 of its file, in hexadecimal. */
  readonly sha512: string;
  /** Its licence, as its manifest names it. */
  readonly licence: string;
  /** The names of its dependencies among these parts. */
  readonly needs: readonly string[];
  /** The text of its licence; undefined if it has none. */
  readonly text: string | undefined;
}

let known: Promise<Part[]> | undefined;

/** All npm packages of the program, by the lock file, without those of the tests. */
export function readParts(): Promise<Part[]> {
  return known ??= collect();
}

async function collect(): Promise<Part[]> {
  const lock = Lock.parse(JSON.parse(await Deno.readTextFile(fileOf("deno.lock"))));
  const entries = [...WORKERS, "main.ts", "src/pictures/app/main.ts"];
  const arrows = await arrowsFrom(entries);
  const reached = entries.flatMap((entry) => [...reachable(entry, arrows)]);
  const names = reached.flatMap((to) => /^npm:\/?((?:@[^/]+\/)?[^@/]+)@/.exec(to)?.[1] ?? []);
  const versions = new Map(
    Object.entries(lock.specifiers).map(([specifier, version]) =>
      [specifier.replace(/^npm:/, "").replace(/@[^@]*$/, ""), version] as const
    ),
  );
  const keys = new Set<string>();
  for (const name of new Set(names)) {
    const version = versions.get(name);
    if (version === undefined) throw new Error(`The lock file has no ${name}.`);
    keys.add(`${name}@${version}`);
  }
  // Iterating over a set includes what is added meanwhile.
  for (const key of keys) {
    for (const one of findEntry(lock, key).dependencies) keys.add(findKey(lock, one));
  }
  const folder = await npmFolder();
  return await Promise.all([...keys].sort().map((key) => readPart(lock, key, folder)));
}

type LockFile = z.output<typeof Lock>;

function findEntry(lock: LockFile, key: string) {
  const found = lock.npm[key];
  if (found === undefined) throw new Error(`The lock file has no ${key}.`);
  return found;
}

/** The lock file leaves out the version if there is only one. */
function findKey(lock: LockFile, name: string): string {
  if (name in lock.npm) return name;
  const found = Object.keys(lock.npm).filter((key) => key.startsWith(`${name}@`));
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`The lock file has no one ${name}.`);
  return only;
}

async function readPart(lock: LockFile, key: string, folder: string): Promise<Part> {
  const [, name = "", version = ""] = /^((?:@[^/]+\/)?[^@]+)@([^_]+)/.exec(key) ?? [];
  const { integrity, dependencies } = findEntry(lock, key);
  const files = join(folder, name, version);
  const manifest: unknown = JSON.parse(await Deno.readTextFile(join(files, "package.json")));
  const objection = findObjection(manifest);
  if (objection !== undefined) throw new Error(`${key} ${objection}.`);
  return {
    name,
    version,
    sha512: Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex"),
    licence: Manifest.parse(manifest).license ?? "",
    needs: dependencies.map((one) => findKey(lock, one).replace(/(.)@[^@]*$/, "$1")),
    text: await licenceText(files),
  };
}

async function licenceText(folder: string): Promise<string | undefined> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /^(licen[cs]e|copying|ofl)(\.|$)/i.test(name)) {
      return (await Deno.readTextFile(join(folder, name))).replaceAll("\r\n", "\n").trim();
    }
  }
  return undefined;
}

const Info = z.looseObject({ npmCache: z.string() });

/** The folder of the registry that packages came from. */
async function npmFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = Info.parse(JSON.parse(new TextDecoder().decode(stdout)));
  for await (const { name, isDirectory } of Deno.readDir(npmCache)) {
    const folder = join(npmCache, name);
    if (isDirectory && await Deno.stat(join(folder, "zod")).then(() => true, () => false)) {
      return folder;
    }
  }
  throw new Error(`${npmCache} has no packages: run \`deno install\` first.`);
}

/** The licences of everything that is in the bundle, as one text. */
export async function writeNotices(): Promise<string> {
  const parts = await readParts();
  const line = "-".repeat(78);
  const texts = parts.map(({ name, version, licence, text }) =>
    `${line}\n${name} ${version} (${licence})\n${line}\n\n${
      text ?? `Licensed under ${licence}; the package does not include its text.`
    }\n`
  );
  return [
    "wandflow holds code of these packages. Its executables also hold Deno, (c) the Deno authors,\n" +
    "MIT licence, with the parts that https://github.com/denoland/deno names; the packages for\n" +
    "Python and npm use Deno as it is installed there.\n",
    ...texts,
  ].join("\n");
}
