/** Bundles for desktop applications: one for every OS with uv, and one per executable. */
import { PYTHON_FILES_ENTRY, pythonFiles, REQUIREMENT } from "./wheel.ts";
import { askedSettings, LICENCE, NAME, PYTHON, type Release, SUMMARY, VERSION } from "./release.ts";
import { type Entry, textEntry, zip } from "./zip.ts";

/** How the application starts the server. */
interface Server {
  readonly type: "uv" | "binary";
  readonly entry_point: string;
  readonly command: string;
  readonly args: readonly string[];
}

type Platform = "darwin" | "linux" | "win32";

/** The bundle for every OS: the application brings uv, and uv brings Python and Deno. */
export async function buildUvBundle(release: Release): Promise<Uint8Array> {
  const project = [
    "[project]",
    `name = "${NAME}"`,
    `version = "${VERSION}"`,
    `description = "${SUMMARY}"`,
    `requires-python = ">=${PYTHON}"`,
    `dependencies = ["${REQUIREMENT}"]`,
    "",
    "[tool.uv]",
    "package = false",
    "",
  ];
  const server: Server = {
    type: "uv",
    entry_point: PYTHON_FILES_ENTRY,
    command: "uv",
    args: ["run", "--directory", "${__dirname}", "--quiet", "-m", NAME, "stdio"],
  };
  return zip([
    manifest(release, server, ["darwin", "linux", "win32"]),
    textEntry("pyproject.toml", project.join("\n")),
    ...await pythonFiles(release),
    ...release.legal,
  ]);
}

/** The bundle of one executable, for machines that install nothing else. */
export function buildBinaryBundle(
  release: Release,
  target: string,
  executable: Uint8Array,
): Uint8Array {
  const platform = target.includes("darwin")
    ? "darwin"
    : target.includes("windows")
    ? "win32"
    : "linux";
  const file = platform === "win32" ? `${NAME}.exe` : NAME;
  const server: Server = {
    type: "binary",
    entry_point: `server/${file}`,
    command: `\${__dirname}/server/${file}`,
    args: ["stdio"],
  };
  return zip([
    manifest(release, server, [platform]),
    { path: `server/${file}`, bytes: executable, program: true },
    ...release.legal,
  ]);
}

function manifest(
  { repository }: Release,
  { type, entry_point, command, args }: Server,
  platforms: readonly Platform[],
): Entry {
  const asked = askedSettings();
  const nameOf = (variable: string) => variable.toLowerCase();
  return textEntry(
    "manifest.json",
    `${
      JSON.stringify(
        {
          manifest_version: "0.4",
          name: NAME,
          display_name: NAME,
          version: VERSION,
          description: SUMMARY,
          author: { name: `The ${NAME} authors` },
          ...(repository === undefined
            ? {}
            : { repository: { type: "git", url: `${repository}.git` } }),
          license: LICENCE,
          keywords: ["mlflow", "wandb", "weave", "tracing"],
          server: {
            type,
            entry_point,
            mcp_config: {
              command,
              args,
              env: Object.fromEntries(
                asked.map(({ variable }) => [variable, `\${user_config.${nameOf(variable)}}`]),
              ),
            },
          },
          // Without a default, the server would get the placeholder of what nobody filled in.
          user_config: Object.fromEntries(asked.map(({ variable, title, help, ...kind }) => [
            nameOf(variable),
            {
              type: kind.isSwitch ? "boolean" : "string",
              title,
              description: help,
              required: false,
              default: kind.isSwitch ? false : "",
              ...(kind.secret ? { sensitive: true } : {}),
            },
          ])),
          tools_generated: true,
          prompts_generated: true,
          compatibility: {
            platforms,
            ...(type === "uv" ? { runtimes: { python: `>=${PYTHON}` } } : {}),
          },
        },
        null,
        2,
      )
    }\n`,
  );
}
