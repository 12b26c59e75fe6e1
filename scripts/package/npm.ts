/** The package for npm: the bundle, and a program that runs Deno. */
import { fileOf } from "../graph.ts";
import {
  DENO,
  LAUNCH,
  LICENCE,
  NAME,
  registryName,
  type Release,
  SUMMARY,
  VERSION,
} from "./release.ts";
import { tarball, textEntry } from "./zip.ts";

/** The package's file name, as `npm pack` would have it. */
export const NPM_NAME: string = `${NAME}-${VERSION}.tgz`;

/** Builds the package. */
export async function buildNpm(release: Release): Promise<Uint8Array> {
  const program = await Deno.readTextFile(fileOf("packaging/npm/wandflow.cjs"));
  const { repository } = release;
  const manifest = {
    name: NAME,
    version: VERSION,
    description: SUMMARY,
    license: LICENCE,
    keywords: ["mcp", "mlflow", "wandb", "weave", "llm", "tracing"],
    ...(repository === undefined ? {} : {
      repository: { type: "git", url: `git+${repository}.git` },
      // The MCP registry looks here to see whose the package is.
      mcpName: registryName(repository),
    }),
    bin: { [NAME]: "wandflow.cjs" },
    engines: { node: ">=18" },
    dependencies: { deno: `>=${DENO.from} <${DENO.below}` },
  };
  const entries = [
    textEntry("package.json", `${JSON.stringify(manifest, null, 2)}\n`),
    textEntry("README.md", release.readme),
    textEntry("wandflow.cjs", program, true),
    textEntry("launch.json", `${JSON.stringify(LAUNCH, null, 2)}\n`),
    ...release.legal,
    ...release.bundle,
  ];
  return tarball(entries.map((entry) => ({ ...entry, path: `package/${entry.path}` })));
}
