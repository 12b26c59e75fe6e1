/**
 * Reads the scripts of a bundle and what they import from each other. A bundler turns a CommonJS
 * package that is loaded late into a chunk with only a default export: a name that the source
 * imports from it is then undefined, which nobody notices until it is called.
 */
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type AnyNode,
  type AwaitExpression,
  type Expression,
  type ImportExpression,
  parse,
  type Pattern,
  type Program,
  type Super,
} from "acorn";
import { simple } from "acorn-walk";

/** Whether the bundle rightly lacks a module: the runtime's, and a canvas that Vega can do without. */
export function isOutside(specifier: string): boolean {
  return specifier.startsWith("node:") || specifier === "canvas";
}

/** What a script imports from another. */
interface Taking {
  /** The other's address, or a module of the runtime. */
  readonly from: string;
  /** The imported names; undefined if they cannot be determined. */
  readonly names: readonly string[] | undefined;
  /** Loaded when it is first needed. */
  readonly late: boolean;
}

/** A script of a bundle. */
interface Chunk {
  /** Its address. */
  readonly url: string;
  /** Its size in bytes. */
  readonly size: number;
  /** The names that it exports. */
  readonly exports: ReadonlySet<string>;
  /** What it imports. */
  readonly takes: readonly Taking[];
}

/** The paths of all scripts below a folder, sorted. */
export async function scriptsBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await scriptsBelow(path));
    else if (entry.name.endsWith(".js")) found.push(path);
  }
  return found.sort();
}

/** Reads every script below a folder. */
export async function readChunks(folder: string): Promise<Chunk[]> {
  const files = await scriptsBelow(folder);
  return await Promise.all(files.map(async (file) => {
    const text = await Deno.readTextFile(file);
    return readChunk(pathToFileURL(file).href, text);
  }));
}

/** Reads one script. */
export function readChunk(url: string, text: string): Chunk {
  const program = parse(text, { ecmaVersion: "latest", sourceType: "module" });
  const takes = [...readStatic(program), ...readLate(program)];
  return {
    url,
    size: new TextEncoder().encode(text).length,
    exports: new Set(readExports(program)),
    takes: takes.map(({ from, ...rest }) => ({
      ...rest,
      from: /^\.{0,2}\//.test(from) ? new URL(from, url).href : from,
    })),
  };
}

/** The scripts reached from some of them, by address; `follow` decides which imports count. */
export function reachableChunks(
  start: readonly string[],
  chunks: readonly Chunk[],
  follow: (taking: Taking) => boolean,
): Set<string> {
  const seen = new Set(start);
  // Iterating over a set includes what is added meanwhile.
  for (const at of seen) {
    const chunk = chunks.find(({ url }) => url === at);
    for (const taking of chunk?.takes ?? []) if (follow(taking)) seen.add(taking.from);
  }
  return new Set(chunks.map(({ url }) => url).filter((url) => seen.has(url)));
}

/** Lists the inconsistencies, one line each. */
export function checkChunks(chunks: readonly Chunk[]): string[] {
  const byUrl = new Map(chunks.map((chunk) => [chunk.url, chunk]));
  return chunks.flatMap(({ url, takes }) =>
    takes.flatMap(({ from, names, late }) => {
      const where = `${basename(url)}: ${late ? "import(…) of" : "import from"} ${basename(from)}`;
      if (from === "") return [`${basename(url)}: import(…) of a computed address`];
      if (isOutside(from)) return [];
      const other = byUrl.get(from);
      if (other === undefined) return [`${where}: no such script in the bundle`];
      if (names === undefined) {
        return [`${where}: take names by \`const { name } = await import(…)\`, to be checked here`];
      }
      const missing = names.filter((name) => !other.exports.has(name));
      return missing.length === 0 ? [] : [
        `${where}: it has no ${missing.join(", ")}, but ${[...other.exports].join(", ")}; of a ` +
        "CommonJS package take `{ default: { name } }`",
      ];
    })
  );
}

function readStatic({ body }: Program): Taking[] {
  return body.flatMap((node): Taking[] => {
    if (node.type === "ImportDeclaration") {
      const names = node.specifiers.flatMap((one) => {
        if (one.type === "ImportDefaultSpecifier") return ["default"];
        return one.type === "ImportSpecifier" ? [readName(one.imported)] : [];
      });
      return [{ from: String(node.source.value), names, late: false }];
    }
    if (node.type === "ExportNamedDeclaration" && node.source) {
      const names = node.specifiers.map(({ local }) => readName(local));
      return [{ from: String(node.source.value), names, late: false }];
    }
    if (node.type === "ExportAllDeclaration") {
      return [{ from: String(node.source.value), names: undefined, late: false }];
    }
    return [];
  });
}

/** Reads the forms whose names can be determined; for any other import() `names` is undefined. */
function readLate(program: Program): Taking[] {
  const names = new Map<ImportExpression, readonly string[] | undefined>();
  const take = (from: ImportExpression, taken: readonly string[] | undefined) =>
    names.set(from, taken);
  simple(program, {
    ImportExpression: (node) => {
      if (!names.has(node)) take(node, undefined);
    },
    MemberExpression: ({ object, property, computed }) => {
      const from = awaitedImport(object);
      if (from === undefined) return;
      take(from, !computed && property.type === "Identifier" ? [property.name] : undefined);
    },
    VariableDeclarator: ({ id, init }) => {
      const from = awaitedImport(init);
      if (from !== undefined) take(from, patternNames(id));
      const all = awaitedAll(init);
      if (all === undefined || id.type !== "ArrayPattern") return;
      all.forEach((one, index) => {
        const pattern = id.elements[index];
        if (one !== undefined && pattern) take(one, patternNames(pattern));
      });
    },
  });
  return [...names].filter(([node]) => !isOfSource(node)).map(([{ source }, taken]) => ({
    from: source.type === "Literal" && typeof source.value === "string" ? source.value : "",
    names: taken,
    late: true,
  }));
}

/** `import(new URL("./x.ts", import.meta.url).href)`: used only from source, without a launcher. */
function isOfSource({ source }: ImportExpression): boolean {
  const url = source.type === "MemberExpression" ? source.object : source;
  const [address] = url.type === "NewExpression" ? url.arguments : [];
  return address?.type === "Literal" && /\.ts$/.test(String(address.value));
}

type Whatever = Expression | Super | null | undefined;

function awaited(node: Whatever): AwaitExpression["argument"] | undefined {
  return node?.type === "AwaitExpression" ? node.argument : undefined;
}

function awaitedImport(node: Whatever): ImportExpression | undefined {
  const inner = awaited(node);
  return inner?.type === "ImportExpression" ? inner : undefined;
}

/** The imports of `await Promise.all([import(…), …])`. */
function awaitedAll(node: Whatever): (ImportExpression | undefined)[] | undefined {
  const call = awaited(node);
  const [list] = call?.type === "CallExpression" ? call.arguments : [];
  if (list?.type !== "ArrayExpression") return undefined;
  return list.elements.map((one) => one?.type === "ImportExpression" ? one : undefined);
}

function patternNames(pattern: Pattern): string[] | undefined {
  if (pattern.type !== "ObjectPattern") return undefined;
  const names: string[] = [];
  for (const property of pattern.properties) {
    if (property.type !== "Property" || property.computed) return undefined;
    const { key } = property;
    if (key.type === "Identifier") names.push(key.name);
    else if (key.type === "Literal") names.push(String(key.value));
    else return undefined;
  }
  return names;
}

function readExports({ body }: Program): string[] {
  return body.flatMap((node) => {
    if (node.type === "ExportDefaultDeclaration") return ["default"];
    if (node.type !== "ExportNamedDeclaration") return [];
    const listed = node.specifiers.map(({ exported }) => readName(exported));
    const { declaration } = node;
    if (!declaration) return listed;
    if (declaration.type !== "VariableDeclaration") return [...listed, declaration.id.name];
    return [...listed, ...declaration.declarations.flatMap(({ id }) => identifier(id))];
  });
}

function identifier(node: AnyNode): string[] {
  return node.type === "Identifier" ? [node.name] : [];
}

function readName(node: AnyNode): string {
  return node.type === "Identifier" ? node.name : node.type === "Literal" ? String(node.value) : "";
}
