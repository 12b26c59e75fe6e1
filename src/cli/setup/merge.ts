import { isDeepEqual } from "../../core/values.ts";
import type { ParseError } from "jsonc-parser";
import { isRecord } from "../../core/json.ts";
import { type Client, ENTRY, type Server } from "./clients.ts";

/** A settings file to which no entry can be added; the message says where and why. */
export class UnusableFile extends Error {
  override readonly name = "UnusableFile";
}

/**
 * A settings file with the server's entry added, or brought up to date: what else a user wrote into
 * it stays, variables too. Everything else stays as it is, including comments. Empty text gives a
 * new file.
 *
 * @throws {UnusableFile} if the text is malformed, or holds something else where servers belong.
 */
export async function addEntry(
  text: string,
  file: NonNullable<Client["file"]>,
  server: Server,
): Promise<string> {
  const entry = file.entry(server);
  if (entry === undefined) throw new UnusableFile("The client has no entry for such a server.");
  const items = file.items?.(server) ?? [];
  const own = ownMembers(file);
  const join = (old: unknown) => joinEntries(old, entry, own);
  return file.format === "toml"
    ? await addToToml(text, file.servers, join)
    : await addToJson(text, file.servers, join, items);
}

/** The members that say how a server of either kind is reached; all others are the user's. */
function ownMembers({ entry }: NonNullable<Client["file"]>): ReadonlySet<string> {
  const variables = [true, false].map((secret) => ({ name: "NAME", value: "", secret }));
  const servers: Server[] = [
    { kind: "local", command: "", args: [], variables },
    { kind: "remote", url: "", token: "NAME" },
  ];
  return new Set(servers.flatMap((server) => Object.keys(entry(server) ?? {})));
}

function joinEntries(old: unknown, entry: Table, own: ReadonlySet<string>): Table {
  if (!isRecord(old)) return entry;
  const members = Object.entries(entry).map(([name, value]) => {
    const there = old[name];
    return [name, isRecord(value) && isRecord(there) ? { ...there, ...value } : value];
  });
  return Object.fromEntries([
    ...members,
    ...Object.entries(old).filter(([name]) => !own.has(name)),
  ]);
}

async function addToJson(
  text: string,
  servers: string,
  join: (old: unknown) => Table,
  items: readonly (readonly [list: string, item: Readonly<Record<string, unknown>>])[],
): Promise<string> {
  const { applyEdits, findNodeAtLocation, getNodeValue, modify, parseTree, printParseErrorCode } =
    await import("jsonc-parser");
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
  const formattingOptions = {
    insertSpaces: !indent.startsWith("\t"),
    tabSize: indent.startsWith("\t") ? 4 : indent.length,
    eol,
  };
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  let result = text.slice(mark.length);
  if (result.trim() === "") result = `{}${eol}`;
  const errors: ParseError[] = [];
  const root = parseTree(result, errors, { allowTrailingComma: true });
  const line = (offset: number) => result.slice(0, offset).split("\n").length;
  const [first] = errors;
  if (first !== undefined) {
    throw new UnusableFile(
      `line ${line(first.offset)}: ${
        printParseErrorCode(first.error).replaceAll(/(?<=[a-z])[A-Z]/g, " $&").toLowerCase()
      }.`,
    );
  }
  const expect = (path: string[], type: "object" | "array") => {
    const node = root === undefined ? undefined : findNodeAtLocation(root, path);
    if (node === undefined || node.type === type) return node;
    const what = path.length === 0 ? "the file" : `"${path.join(".")}"`;
    throw new UnusableFile(`line ${line(node.offset)}: ${what} is not an ${type}.`);
  };
  expect([], "object");
  expect([servers], "object");
  const change = (path: (string | number)[], value: unknown) => {
    const options = { formattingOptions, isArrayInsertion: path.at(-1) === -1 };
    result = applyEdits(result, modify(result, path, value, options));
  };
  for (const [list, item] of items) {
    const known = (expect([list], "array")?.children ?? []).map((node) => getNodeValue(node));
    if (!known.some((one) => one?.id === item.id)) change([list, -1], item);
  }
  const there = root === undefined ? undefined : findNodeAtLocation(root, [servers, ENTRY]);
  const old: unknown = there === undefined ? undefined : getNodeValue(there);
  const entry = join(old);
  if (!isRecord(old)) change([servers, ENTRY], entry);
  else {
    for (const name of new Set([...Object.keys(old), ...Object.keys(entry)])) {
      if (!isDeepEqual(old[name], entry[name])) change([servers, ENTRY, name], entry[name]);
    }
  }
  return mark + result;
}

type Table = Readonly<Record<string, unknown>>;

/** A header, a key with its value, or a line without either. */
interface Statement {
  readonly text: string;
  /** The number of its first line, counting from one. */
  readonly line: number;
  readonly header: boolean;
  /** What it defines by itself, under its header. */
  readonly says: Table;
}

async function addToToml(
  text: string,
  servers: string,
  join: (old: unknown) => Table,
): Promise<string> {
  const { parse, stringify, TomlError } = await import("smol-toml");
  const read = (toml: string): Table => {
    try {
      return parse(toml);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
      throw new UnusableFile(`line ${error.line}: ${reason}.`);
    }
  };
  const readServers = (toml: Table): Table => {
    const there = toml[servers];
    return isRecord(there) ? there : {};
  };
  const before = read(text);
  const entry = join(readServers(before)[ENTRY]);
  const statements = splitStatements(text, read);
  const isOld = (one: Statement) =>
    /^\s*[^#\s]/.test(one.text) && Object.hasOwn(readServers(one.says), ENTRY);
  const kept = leaveOut(statements, isOld);
  const [first] = statements.filter(isOld);
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const table = stringify({ [servers]: { [ENTRY]: entry } }).trimEnd().replaceAll("\n", eol);
  // Keys that follow the new table's header would become part of it.
  const place = first?.header === true ? first.line : Infinity;
  const side = (isOn: (one: Statement) => boolean) =>
    kept.filter(isOn).map((one) => one.text).join("\n");
  const above = side(({ line }) => line < place);
  const below = side(({ line }) => line > place);
  const gap = place === Infinity ? `${eol}${eol}` : "\n";
  const start = above.trim() === "" ? "" : (place === Infinity ? above.trimEnd() : above) + gap;
  const result = `${start}${table}${eol}${below}`;
  const wanted = {
    ...before,
    [servers]: { ...readServers(before), ...readServers(parse(table)) },
  };
  if (parsesTo(parse(stringify(wanted)), () => parse(result))) return result;
  const at = statements.find(({ says }) => Object.hasOwn(says, servers))?.line;
  throw new UnusableFile(
    `line ${at}: no table can be added to this ${servers}; write its servers as tables, ` +
      `[${servers}.name].`,
  );
}

/** The statements of a valid document, without their trailing line breaks. */
function splitStatements(text: string, read: (toml: string) => Table): Statement[] {
  const found: Statement[] = [];
  let header = "";
  let [line, lines]: [number, string[]] = [1, []];
  for (const next of text.split("\n")) {
    lines.push(next);
    const own = lines.join("\n");
    const isHeader = own.trimStart().startsWith("[");
    let says: Table;
    try {
      says = read((isHeader ? own : `${header}\n${own}`).trimEnd());
    } catch {
      // The statement continues on the next line.
      continue;
    }
    if (isHeader) header = own;
    found.push({ text: own, line, header: isHeader, says });
    [line, lines] = [line + lines.length, []];
  }
  return found;
}

/** Removes some statements, and the empty lines between them. */
function leaveOut(
  statements: readonly Statement[],
  goes: (statement: Statement) => boolean,
): Statement[] {
  const isText = ({ text }: Statement) => text.trim() !== "";
  return statements.filter((one, index) => {
    if (isText(one)) return !goes(one);
    const [before, after] = [
      statements.slice(0, index).findLast(isText),
      statements.slice(index).find(isText),
    ];
    return before === undefined || after === undefined || !goes(before) || !goes(after);
  });
}

function parsesTo(wanted: Table, read: () => Table): boolean {
  try {
    return isDeepEqual(read(), wanted);
  } catch {
    return false;
  }
}
