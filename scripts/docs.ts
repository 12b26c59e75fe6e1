/**
 * Writes what is derived from the code: the tables in README.md, the golden tool listings, their
 * cost in tokens, how well searches find the tools, and the chart's page.
 *
 *   deno task docs           write
 *   deno task docs --check   fail when something is out of date
 */
import { z } from "zod";
import { type Catalog, createCatalog, loadBackends } from "../src/catalog.ts";
import type { Config } from "../src/config/config.ts";
import { defaultText, flagName } from "../src/config/help.ts";
import { resolveSettings } from "../src/config/resolve.ts";
import type { Setting } from "../src/config/setting.ts";
import { SETTINGS } from "../src/config/settings.ts";
import { TROUBLES } from "../src/cli/troubles.ts";
import { createLog } from "../src/core/log.ts";
import { writeSkillFiles } from "../src/mcp/skills.ts";
import type { BoundTool } from "../src/mcp/tool.ts";
import { markdownTable } from "../src/core/table.ts";
import { VERSION } from "../src/version.ts";
import { buildApp } from "./app.ts";
import { listingCost } from "./budget.ts";
import { clientBlocks } from "./docs/client_blocks.ts";
import { describeEffect, indexPage, toolPage } from "./docs/tool_pages.ts";
import { EXAMPLE, EXAMPLES_FILE } from "./docs/example.ts";
import { AnswerLedger, ANSWERS } from "./ledger/answers.ts";
import { tokensPage } from "./ledger/page.ts";
import { retrievalPage } from "./retrieval/measure.ts";
import { say } from "./say.ts";

/** Where Claude Code's plugin has its skills. */
const PLUGIN_SKILLS = "packaging/claude/wandflow/skills";

const ROOT = new URL("../", import.meta.url);

const MLFLOW = { MLFLOW_TRACKING_URI: "http://localhost:5000" };
const WANDB = { WANDB_API_KEY: "0".repeat(40) };
/** Every back end, so that every tool is listed. The key is not a real one. */
const EVERYTHING: Readonly<Record<string, string>> = { ...MLFLOW, ...WANDB };

/** Configurations that users have, with the tools that each lists. */
const CONFIGURATIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  nothing: {},
  MLflow: MLFLOW,
  "a local MLflow store": { MLFLOW_TRACKING_URI: "sqlite:////srv/mlflow.db" },
  "MLflow, read-only": { ...MLFLOW, WANDFLOW_READ_ONLY: "true" },
  "W&B": WANDB,
  "W&B without documentation search": { ...WANDB, WANDB_MCP_PROXY_DOCS: "false" },
  everything: EVERYTHING,
  "everything, read-only": { ...EVERYTHING, WANDFLOW_READ_ONLY: "true" },
  "the toolsets mlflow.traces and weave": {
    ...EVERYTHING,
    WANDFLOW_TOOLSETS: "mlflow.traces,weave",
  },
};

/** The configuration with every back end, or for another environment. */
export function everything(env: Readonly<Record<string, string>> = EVERYTHING): Config {
  const { settings, notes } = resolveSettings(new Map(), (name) => env[name]);
  return {
    command: "tools",
    words: [],
    options: {},
    settings,
    notes,
    home: undefined,
    version: VERSION,
  };
}

/** Every tool, in listing order. */
export function allTools(): readonly BoundTool[] {
  return catalogWith().tools;
}

const LOADED = await loadBackends();

/** The catalog with everything, or for another environment. */
function catalogWith(env?: Readonly<Record<string, string>>): Catalog {
  return createCatalog(
    everything(env),
    createLog({ level: "ERROR", format: "human", secrets: [] }),
    LOADED,
  );
}

/** What `tools/list` returns in each configuration; in full if a listing differs from the others. */
function buildListings(): Record<string, unknown> {
  const usual = new Map(
    catalogWith().tools.map((tool) => [tool.name, JSON.stringify(tool.listing())]),
  );
  return Object.fromEntries(
    Object.entries(CONFIGURATIONS).map(([name, env]) => [
      name,
      catalogWith(env).tools.map((tool) => {
        const listing = tool.listing();
        return JSON.stringify(listing) === usual.get(tool.name) ? tool.name : listing;
      }),
    ]),
  );
}

/** The README's generated tables, by the name of their place. */
function buildTables({ tools, prompts }: Catalog): Record<string, string> {
  return {
    prompts: markdownTable(
      ["Prompt", "What it does", "Arguments"],
      prompts.map(({ listing }) => [
        `\`${listing.name}\``,
        listing.description,
        listing.arguments.map(({ name }) => `\`${name}\``).join(", "),
      ]),
    ),
    tools: markdownTable(
      ["Tool", "What it does", "Toolset", "Effect"],
      tools.map((tool) => [
        `[\`${tool.name}\`](docs/tools/${tool.name}.md)`,
        firstSentence(tool.listing().description),
        `\`${tool.toolset}\``,
        describeEffect(tool),
      ]),
    ),
    settings: settingsTable(
      Object.values<Setting>(SETTINGS).filter(({ group, env }) =>
        README_GROUPS.includes(group) && !env.some((name) => RARELY_SET.test(name))
      ),
    ),
    troubles: markdownTable(
      ["Symptom", "Cause and remedy"],
      TROUBLES.map(({ symptom, remedy }) => [symptom, remedy]),
    ),
    cost: `The ${tools.length} tools' names, descriptions and arguments take ${
      listingCost(tools).all
    } tokens (o200k_base).`,
  };
}

/** The settings that most people need; docs/SETTINGS.md has all of them. */
const README_GROUPS: readonly string[] = ["MLflow", "Weights & Biases", "Tools"];

/** Timeouts, retries, and addresses that follow from others. */
const RARELY_SET =
  /^(MLFLOW_HTTP_|WANDB_HTTP_|WANDB_APP_URL|WEAVE_TRACE_SERVER_URL|WANDB_PUBLIC_BASE_URL|WANDBOT_BASE_URL|NETRC|MLFLOW_ARTIFACTS_DESTINATION|MLFLOW_TRACKING_CLIENT_CERT_PATH|.*ARTIFACT_STORES)/;

function settingsTable(settings: readonly Setting[]): string {
  return markdownTable(
    ["Variable", "Flag", "What it does"],
    settings.map((setting) => [
      setting.env.map((name) => `\`${name}\``).join(", "),
      setting.flag === undefined ? "" : `\`--${flagName(setting)}\``,
      `${setting.help}${defaultText(setting)}`,
    ]),
  );
}

/** Every setting, in the groups of `--help`. */
function settingsPage(): string {
  const groups = Map.groupBy(Object.values<Setting>(SETTINGS), ({ group }) => group);
  return [
    "# Settings",
    "Every variable that the program reads, and its flag where there is one. Flags win over " +
    "variables. Generated from `src/config/settings/`.",
    ...[...groups].flatMap(([group, settings]) => [`## ${group}`, settingsTable(settings)]),
  ].join("\n\n");
}

function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/s.exec(text)?.[0].replace(/:$/, ".") ?? text;
}

/** A text with the generated places filled in. */
export function fill(text: string, parts: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [name, part] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
    if (!place.test(result)) throw new Error(`There is no place for "${name}".`);
    result = result.replace(
      place,
      (_, open: string, close: string) => `${open}\n${part}\n\n${close}`,
    );
  }
  return result;
}

/** Every generated file's path below the project folder, and its text. */
async function generatedFiles(): Promise<Map<string, string>> {
  const catalog = catalogWith();
  const { tools } = catalog;
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const parts = { ...buildTables(catalog), clients: await clientBlocks() };
  const files = new Map([["README.md", await formatted(fill(readme, parts))]]);
  const examples = z.record(z.string(), EXAMPLE)
    .parse(JSON.parse(await Deno.readTextFile(new URL(EXAMPLES_FILE, ROOT))));
  files.set("docs/tools/README.md", indexPage(tools));
  for (const tool of tools) {
    files.set(`docs/tools/${tool.name}.md`, toolPage(tool, examples[tool.name]));
  }
  files.set("tests/golden/configurations.json", `${JSON.stringify(buildListings(), null, 2)}\n`);
  for (const tool of tools) {
    const listing = JSON.stringify(tool.listing(), null, 2);
    files.set(`tests/golden/tools/${tool.name}.json`, `${listing}\n`);
  }
  for (const [path, text] of Object.entries(writeSkillFiles(catalog.prompts))) {
    files.set(`${PLUGIN_SKILLS}/${path}`, text);
  }
  files.set("deploy/reads.conf", listReads(tools));
  files.set("tests/golden/tokens.json", `${JSON.stringify(listingCost(tools), null, 2)}\n`);
  const answers = AnswerLedger.parse(JSON.parse(await Deno.readTextFile(new URL(ANSWERS, ROOT))));
  files.set("docs/TOKENS.md", await formatted(tokensPage(catalogWith, answers)));
  files.set("docs/SETTINGS.md", await formatted(settingsPage()));
  files.set("docs/RETRIEVAL.md", await formatted(retrievalPage(tools)));
  files.set("src/pictures/app/chart.html", await buildApp());
  return files;
}

/** The calls that nginx may repeat: those of tools that only read. */
function listReads(tools: readonly BoundTool[]): string {
  const names = tools.filter(({ effect }) => effect === "read")
    .flatMap(({ name, aliases }) => [name, ...aliases]);
  return [
    "# Generated by `deno task docs`: the tools that only read, for nginx.conf.",
    ...names.map((name) => `"2026-07-28 tools/call ${name}" 1;`),
    "",
  ].join("\n");
}

/** Markdown as `deno fmt` wants it. */
export async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt failed.");
  return new TextDecoder().decode(stdout);
}

/** Every file below a folder, by its path below the project's. */
async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${name}`;
    paths.push(...isDirectory ? await filesBelow(path) : [path]);
  }
  return paths;
}

async function readCurrent(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(new URL(path, ROOT)).catch(() => undefined);
}

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  const stale: string[] = [];
  const files = await generatedFiles();
  for (const [path, text] of files) {
    if (await readCurrent(path) === text) continue;
    stale.push(path);
    if (!check) {
      await Deno.mkdir(new URL(".", new URL(path, ROOT)), { recursive: true });
      await Deno.writeTextFile(new URL(path, ROOT), text);
    }
  }
  for (const folder of ["tests/golden/tools", "docs/tools", PLUGIN_SKILLS]) {
    for (const path of await filesBelow(folder)) {
      if (files.has(path) || path === EXAMPLES_FILE) continue;
      stale.push(path);
      if (!check) await Deno.remove(new URL(path, ROOT));
    }
  }
  if (stale.length === 0) say("Generated files are up to date.");
  else {
    say(`${check ? "Out of date (run deno task docs)" : "Written"}: ${stale.join(", ")}`);
    if (check) Deno.exit(1);
  }
}
