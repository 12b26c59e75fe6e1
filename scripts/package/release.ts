/** What every package is made of. */
import { relative, sep } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { SETTINGS } from "../../src/config/settings.ts";
import type { Setting } from "../../src/config/setting.ts";
import { NAME, VERSION } from "../../src/version.ts";
import { scriptsBelow } from "../chunks.ts";
import { installedFlags } from "../flags.ts";
import { fileOf } from "../graph.ts";
import { writeNotices } from "./licences.ts";
import { type Entry, textEntry } from "./zip.ts";

export { NAME, VERSION };

/** One line about the program, at most 100 characters. */
export const SUMMARY = "MLflow traces, Weights & Biases runs and Weave, for AI assistants, by MCP";

/** The licence of the program. */
export const LICENCE: string = manifest.license;

/** The versions of Deno that packages ask for. */
export const DENO = { from: "2.9.6", below: "3" } as const;

/** The oldest Python that the `deno` wheel takes. */
export const PYTHON = "3.10";

/** The runtime's own variables that packages pass on: where its files are, whom it trusts. */
const RUNTIME_VARIABLES = ["DENO_CERT", "DENO_DIR", "DENO_TLS_CA_STORE"] as const;

/** What people set when they install it; everything else has a suitable default. */
const ASKED = [
  "trackingUri",
  "trackingUsername",
  "trackingPassword",
  "trackingToken",
  "experimentId",
  "wandbApiKey",
  "wandbBaseUrl",
  "wandbEntity",
  "wandbProject",
  "readOnly",
] as const;

/** A setting as installers ask for it. */
interface Asked {
  /** Its variable. */
  readonly variable: string;
  /** Its display name. */
  readonly title: string;
  /** What it is. */
  readonly help: string;
  /** Whether it is a secret. */
  readonly secret: boolean;
  /** Whether it is a switch. */
  readonly isSwitch: boolean;
}

/** The settings that installers ask for. */
export function askedSettings(): Asked[] {
  return ASKED.map((key) => {
    const { env: [variable = ""], help, secret, type }: Setting = SETTINGS[key];
    const title = variable.replace("WANDFLOW_", "").toLowerCase().replaceAll("_", " ")
      .replace("mlflow", "MLflow").replace("wandb", "W&B").replace(
        /\b(uri|url|api|id)\b/g,
        toUpper,
      );
    return {
      variable,
      title: title[0]?.toUpperCase() + title.slice(1),
      help,
      secret: secret === true,
      isSwitch: type === "boolean",
    };
  });
}

function toUpper(word: string): string {
  return word.toUpperCase();
}

/** Files and facts of one release. */
export interface Release {
  /** The bundle's files, below `bundle/`. */
  readonly bundle: readonly Entry[];
  /** Licence and third-party notices. */
  readonly legal: readonly Entry[];
  /** The front page. */
  readonly readme: string;
  /** The repository's address at GitHub, if known. */
  readonly repository: string | undefined;
}

/** Reads what is packed, from the folder of a finished bundle. */
export async function readRelease(folder: string, repository?: string): Promise<Release> {
  const files = await scriptsBelow(folder);
  return {
    bundle: await Promise.all(files.map(async (file) => ({
      path: `bundle/${relative(folder, file).replaceAll(sep, "/")}`,
      bytes: await Deno.readFile(file),
    }))),
    legal: [
      textEntry("LICENSE", await Deno.readTextFile(fileOf("LICENSE"))),
      textEntry("THIRD_PARTY_NOTICES.txt", await writeNotices()),
    ],
    readme: await Deno.readTextFile(fileOf("README.md")),
    repository,
  };
}

/** The name in the MCP registry, which belongs to the owner of the repository. */
export function registryName(repository: string): string {
  const [, owner] = /^https:\/\/github\.com\/([^/]+)\/[^/]+$/.exec(repository) ?? [];
  if (owner === undefined) {
    throw new Error(`${repository} is not of the form https://github.com/owner/name.`);
  }
  return `io.github.${owner}/${NAME}`;
}

/** How installed packages start Deno. */
export const LAUNCH: { flags: string[]; runtimeVariables: string[] } = {
  flags: installedFlags(),
  runtimeVariables: [...RUNTIME_VARIABLES],
};
