/** The module graph of the project, as the runtime reports it. */
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Target = z.looseObject({ specifier: z.string().optional(), error: z.string().optional() });
const Info = z.looseObject({
  modules: z.array(z.looseObject({
    specifier: z.string(),
    error: z.string().optional(),
    dependencies: z.array(z.looseObject({
      specifier: z.string(),
      isDynamic: z.boolean().optional(),
      code: Target.optional(),
      type: Target.optional(),
    })).optional(),
  })),
});

/** One import. */
export interface Arrow {
  /** The importing module: a path below the project's root. */
  readonly from: string;
  /** What it imports: a path below the root, or a specifier such as `npm:/zod@4.6.7`. */
  readonly to: string;
  /** Whether it is an `import()`, which loads nothing until it runs. */
  readonly dynamic: boolean;
  /** Whether it imports only types, which loads nothing at all. */
  readonly typeOnly: boolean;
}

/** The project's folder, with a slash at its end. */
export const ROOT: URL = new URL("../", import.meta.url);

/** The file system's path for a path below the root. */
export function fileOf(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}

/** The TypeScript files in the given folders, as sorted paths below the root. */
export async function sourcesIn(...folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(fileOf(folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await visit(path);
      else if (entry.name.endsWith(".ts")) found.push(path);
    }
  };
  for (const folder of folders) await visit(folder);
  return found.sort();
}

/**
 * Every import that starts at or is reached from the given modules.
 *
 * @throws {Error} when a module cannot be found or read.
 */
export async function arrowsFrom(entries: readonly string[]): Promise<Arrow[]> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/entry.ts`;
    const lines = entries.map((path) => `import ${JSON.stringify(new URL(path, ROOT).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", fileOf("deno.json"), entry],
      env: { NO_COLOR: "1" },
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (code !== 0) throw new Error(`deno info failed: ${decode(stderr)}`);
    return readArrows(JSON.parse(decode(stdout)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function readArrows(json: unknown): Arrow[] {
  const { modules } = Info.parse(json);
  return modules.flatMap((module) => {
    if (module.error !== undefined) throw new Error(`${module.specifier}: ${module.error}`);
    if (!module.specifier.startsWith(ROOT.href)) return [];
    return (module.dependencies ?? []).map((dependency): Arrow => {
      const target = dependency.code ?? dependency.type;
      if (target?.error !== undefined) throw new Error(`${module.specifier}: ${target.error}`);
      return {
        from: relative(module.specifier),
        to: relative(target?.specifier ?? dependency.specifier),
        dynamic: dependency.isDynamic === true,
        typeOnly: dependency.code === undefined,
      };
    });
  });
}

/** Every module that a start module loads, including itself; `follow` decides which imports count. */
export function reachable(
  start: string,
  arrows: readonly Arrow[],
  follow: (arrow: Arrow) => boolean = (arrow) => !arrow.typeOnly,
): Set<string> {
  const leaving = departures.get(arrows) ?? Map.groupBy(arrows, ({ from }) => from);
  departures.set(arrows, leaving);
  const seen = new Set([start]);
  // Iterating over a set includes what is added meanwhile.
  for (const at of seen) {
    for (const arrow of leaving.get(at) ?? []) if (follow(arrow)) seen.add(arrow.to);
  }
  return seen;
}

const departures = new WeakMap<readonly Arrow[], Map<string, Arrow[]>>();

function relative(specifier: string): string {
  return specifier.startsWith(ROOT.href)
    ? decodeURIComponent(specifier.slice(ROOT.href.length))
    : specifier;
}
