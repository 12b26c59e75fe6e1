import type { McpServer, Resource } from "@modelcontextprotocol/server";
import {
  DIRECTORY_MIME_TYPE,
  memorySkillFiles,
  SkillCatalog,
  SkillsExtension,
} from "@modelcontextprotocol/server/ext/skills";
import { once } from "../core/values.ts";
import type { Prompt } from "./prompts.ts";

/** The workflows as skills (SEP-2640). */
export interface Skills {
  /** Adds the methods for skills to a server; resources are still the server's own to answer. */
  attach(server: McpServer): void;
  /** The skills as resources. */
  list(): Promise<Resource[]>;
  /** The text at a URI; undefined if there is none. */
  read(uri: string): string | undefined;
}

/** The media type of a skill's text. */
export const SKILL_TYPE = "text/markdown";

const SCHEME = "skill://";

/** Turns prompts into skills; undefined if there are none. */
export function createSkills(prompts: readonly Prompt[]): Skills | undefined {
  if (prompts.length === 0) return undefined;
  const files = once(() => writeSkillFiles(prompts));
  // Computing the digests takes time that should not delay the start.
  const entries = once(async () =>
    (await SkillCatalog.load(memorySkillFiles(files()), { strict: true })).entries
  );
  const read = (uri: string) => {
    const path = uri.slice(SCHEME.length);
    return uri.startsWith(SCHEME) && Object.hasOwn(files(), path) ? files()[path] : undefined;
  };
  const extension = new SkillsExtension({
    cacheHint: { ttlMs: 3_600_000, cacheScope: "private" },
    source: {
      list: async () => ({ skills: [...await entries()] }),
      get: async (uri) => (await entries()).find((skill) => skill.uri === uri),
      read: (uri) => {
        const text = read(uri);
        return Promise.resolve(text === undefined ? undefined : { text, mimeType: SKILL_TYPE });
      },
      readDirectory: (uri) => {
        const resources = listChildren(uri.replace(/\/$/, ""), Object.keys(files()));
        return Promise.resolve(resources.length === 0 ? undefined : { resources });
      },
    },
  });
  return {
    attach: (server) => extension.attach(server),
    read,
    list: async () =>
      (await entries()).map(({ uri, frontmatter: { name, description } }) => ({
        uri,
        name,
        description,
        mimeType: SKILL_TYPE,
      })),
  };
}

/** The entries directly in a folder. */
function listChildren(folder: string, paths: readonly string[]): Resource[] {
  const inside = paths.flatMap((path) => {
    const uri = `${SCHEME}${path}`;
    return uri.startsWith(`${folder}/`) ? [uri.slice(folder.length + 1)] : [];
  });
  return [...new Set(inside.map((path) => path.replace(/\/.*/, "/")))].map((child) => {
    const name = child.replace(/\/$/, "");
    const mimeType = child === name ? SKILL_TYPE : DIRECTORY_MIME_TYPE;
    return { uri: `${folder}/${name}`, name, mimeType };
  });
}

/** The text of every skill, by its path below a folder of skills. */
export function writeSkillFiles(prompts: readonly Prompt[]): Record<string, string> {
  return Object.fromEntries(prompts.flatMap((prompt) => {
    const name = prompt.listing.name.replaceAll("_", "-");
    return [
      [`${name}/SKILL.md`, writeSkill(name, prompt)],
      [`${name}/${SHELL}`, writeShellGuide(prompt)],
    ];
  }));
}

/** The file beside a skill for agents that prefer a command to a server. */
const SHELL = "references/shell.md";

function writeShellGuide({ tools }: Prompt): string {
  return [
    "# The same from a shell",
    "",
    "`wandflow call` calls one tool and prints its answer as JSON; arguments are one JSON object or",
    "`name=value` words. A name that does not exist is refused with those that do. Exit code: 0",
    "answered, 1 failed. `uvx wandflow` runs it where it is not installed.",
    "",
    "```sh",
    ...tools.map((tool) => `wandflow call ${tool} --args '{"name": "value"}'`),
    "```",
    "",
  ].join("\n");
}

function writeSkill(name: string, { listing, outline }: Prompt): string {
  const given = listing.arguments.map(({ name, description, required }) =>
    `- \`<${name}>\`: ${description}${required ? " Ask for it if it is not known." : ""}`
  );
  return [
    "---",
    `name: ${name}`,
    `description: ${JSON.stringify(listing.description)}`,
    "---",
    "",
    `# ${listing.title}`,
    "",
    ...(given.length === 0 ? [] : [...given, ""]),
    outline,
    "",
    `The steps are tools of the MCP server wandflow; without it, see [${SHELL}](${SHELL}).`,
    "",
  ].join("\n");
}
