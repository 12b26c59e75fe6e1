/**
 * The manifests that are in the repository itself, since clients read them from there: Claude
 * Code's plugin with its marketplace, and Gemini CLI's extension. Both start the package with `uvx`.
 */
import { askedSettings, LICENCE, NAME, SUMMARY, VERSION } from "./release.ts";

/** How clients start this version of the package. */
const START = { command: "uvx", args: [`${NAME}@${VERSION}`, "stdio"] };

const AUTHOR = { name: `The ${NAME} authors` };

/** The plugin's folder. */
const PLUGIN = `packaging/claude/${NAME}`;

/** Paths below the project's root, and what is in them. */
export function buildManifests(): ReadonlyMap<string, string> {
  const files: readonly (readonly [string, unknown])[] = [
    [".claude-plugin/marketplace.json", {
      name: NAME,
      owner: AUTHOR,
      metadata: { description: SUMMARY, version: VERSION },
      plugins: [{ name: NAME, source: `./${PLUGIN}`, description: SUMMARY }],
    }],
    [`${PLUGIN}/.claude-plugin/plugin.json`, {
      name: NAME,
      version: VERSION,
      description: SUMMARY,
      author: AUTHOR,
      license: LICENCE,
      keywords: ["mlflow", "wandb", "weave", "tracing"],
    }],
    // The server inherits what is set where Claude Code starts.
    [`${PLUGIN}/.mcp.json`, { mcpServers: { [NAME]: START } }],
    ["gemini-extension.json", {
      name: NAME,
      version: VERSION,
      description: SUMMARY,
      mcpServers: { [NAME]: START },
      settings: askedSettings().map(({ variable, title, help, secret }) => ({
        name: title,
        description: help,
        envVar: variable,
        ...(secret ? { sensitive: true } : {}),
      })),
    }],
  ];
  return new Map(files.map(([path, json]) => [path, `${JSON.stringify(json, null, 2)}\n`]));
}
