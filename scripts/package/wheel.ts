/** The package for PyPI: the bundle, and a program that becomes Deno. */
import { createHash } from "node:crypto";
import { fileOf } from "../graph.ts";
import {
  DENO,
  LAUNCH,
  LICENCE,
  NAME,
  PYTHON,
  registryName,
  type Release,
  SUMMARY,
  VERSION,
} from "./release.ts";
import { type Entry, textEntry, zip } from "./zip.ts";

/** The wheel's file name. */
export const WHEEL_NAME: string = `${NAME}-${VERSION}-py3-none-any.whl`;

/** What it needs besides Python. */
export const REQUIREMENT: string = `deno>=${DENO.from},<${DENO.below}`;

/** The file that starts the program, of the Python package's files. */
export const PYTHON_FILES_ENTRY: string = `${NAME}/__main__.py`;

/** The Python package's files, below its name. */
export async function pythonFiles({ bundle }: Release): Promise<Entry[]> {
  const read = async (name: string) =>
    textEntry(`${NAME}/${name}`, await Deno.readTextFile(fileOf(`packaging/pypi/${name}`)));
  const list = (words: readonly string[]) =>
    `[\n${words.map((word) => `    ${JSON.stringify(word)},\n`).join("")}]`;
  const { flags, runtimeVariables } = LAUNCH;
  return [
    await read("__init__.py"),
    await read("__main__.py"),
    textEntry(
      `${NAME}/_launch.py`,
      `FLAGS = ${list(flags)}\nRUNTIME_VARIABLES = ${list(runtimeVariables)}\n`,
    ),
    ...bundle.map((entry) => ({ ...entry, path: `${NAME}/${entry.path}` })),
  ];
}

/** Builds the wheel. */
export async function buildWheel(release: Release): Promise<Uint8Array> {
  const info = `${NAME}-${VERSION}.dist-info`;
  const entries = [
    ...await pythonFiles(release),
    ...release.legal.map((entry) => ({ ...entry, path: `${info}/licenses/${entry.path}` })),
    textEntry(`${info}/METADATA`, metadata(release)),
    textEntry(
      `${info}/WHEEL`,
      `Wheel-Version: 1.0\nGenerator: ${NAME}\nRoot-Is-Purelib: true\nTag: py3-none-any\n`,
    ),
    textEntry(`${info}/entry_points.txt`, `[console_scripts]\n${NAME} = ${NAME}.__main__:main\n`),
  ];
  const record = entries.map(({ path, bytes }) => {
    const hash = createHash("sha256").update(bytes).digest("base64url");
    return `${path},sha256=${hash},${bytes.length}\n`;
  });
  const list = textEntry(`${info}/RECORD`, `${record.sort().join("")}${info}/RECORD,,\n`);
  return zip([...entries, list]);
}

function metadata({ readme, legal, repository }: Release): string {
  const lines = [
    "Metadata-Version: 2.4",
    `Name: ${NAME}`,
    `Version: ${VERSION}`,
    `Summary: ${SUMMARY}`,
    `License-Expression: ${LICENCE}`,
    ...legal.map(({ path }) => `License-File: ${path}`),
    "Keywords: mcp,mlflow,wandb,weave,llm,tracing",
    ...(repository === undefined ? [] : [`Project-URL: Source, ${repository}`]),
    `Requires-Python: >=${PYTHON}`,
    `Requires-Dist: ${REQUIREMENT}`,
    "Description-Content-Type: text/markdown",
  ];
  // The MCP registry looks for this line to see whose the package is.
  const owner = repository === undefined
    ? ""
    : `\n<!-- mcp-name: ${registryName(repository)} -->\n`;
  return `${lines.join("\n")}\n\n${readme}${owner}`;
}
