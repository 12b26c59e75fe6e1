import type { ParseError } from "jsonc-parser";
import { type Client, ENTRY, type Server } from "./clients.ts";

/** A settings file that an entry cannot be added to; the message says where and why. */
export class UnusableFile extends Error {
  override readonly name = "UnusableFile";
}

/**
 * A settings file with the server's entry added, or replaced in JSON. All else stays as it is,
 * comments included. The empty text gives a new file.
 *
 * @throws {UnusableFile} when the text is malformed, or has something else at the entry's place.
 */
export async function addEntry(
  text: string,
  file: NonNullable<Client["file"]>,
  server: Server,
): Promise<string> {
  const entry = file.entry(server);
  if (entry === undefined) throw new UnusableFile("There is no entry for such a server.");
  const items = file.items?.(server) ?? [];
  return file.format === "toml"
    ? await addToToml(text, file.servers, entry)
    : await addToJson(text, file.servers, entry, items);
}

async function addToJson(
  text: string,
  servers: string,
  entry: unknown,
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
  change([servers, ENTRY], entry);
  return mark + result;
}

async function addToToml(
  text: string,
  servers: string,
  entry: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { parse, stringify, TomlError } = await import("smol-toml");
  const read = (toml: string): Record<string, unknown> => {
    try {
      return parse(toml);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
      throw new UnusableFile(`line ${error.line}: ${reason}.`);
    }
  };
  const there = read(text)[servers];
  if (isTable(there) && Object.hasOwn(there, ENTRY)) {
    const at = text.split("\n").findIndex((one) => one.includes(ENTRY)) + 1;
    throw new UnusableFile(`line ${at}: there is a server ${ENTRY} already: take it out first.`);
  }
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const table = stringify({ [servers]: { [ENTRY]: entry } }).trimEnd().replaceAll("\n", eol);
  const before = text.trim() === "" ? "" : `${text.trimEnd()}${eol}${eol}`;
  const result = `${before}${table}${eol}`;
  try {
    parse(result);
  } catch {
    const at = text.split("\n").findIndex((one) => one.includes(servers)) + 1;
    throw new UnusableFile(
      `line ${at}: no table can be added to this ${servers}; write its servers as tables, ` +
        `[${servers}.name].`,
    );
  }
  return result;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
