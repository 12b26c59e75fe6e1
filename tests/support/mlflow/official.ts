/**
 * The official MLflow MCP server, for comparison. As a program it records its tools' arguments:
 * `deno run -A tests/support/mlflow/official.ts` writes tests/golden/official/mlflow-<version>.json.
 */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { join } from "node:path";
import { z } from "zod";
import { cleanEnv, progress, run } from "../python/command.ts";
import { ROOT } from "../python/layout.ts";
import { ensureVenv } from "../python/venv.ts";

const Schema = z.looseObject({ type: z.string().optional() });
const Property = Schema.extend({
  anyOf: z.array(Schema).optional(),
});

/** One argument of an official tool. */
export const OfficialArgument: z.ZodType<{ type: string; required: boolean }> = z.object({
  type: z.string(),
  required: z.boolean(),
});

/** Names and arguments of the official server's tools. */
export const OfficialListing: z.ZodType<
  { version: string; tools: Record<string, Record<string, { type: string; required: boolean }>> }
> = z.object({
  version: z.string(),
  tools: z.record(z.string(), z.record(z.string(), OfficialArgument)),
});
/** Names and arguments of the official server's tools. */
export type OfficialListing = z.infer<typeof OfficialListing>;

/**
 * How to start the official server of the newest pinned MLflow against a tracking server, with all its tools
 * (without `MLFLOW_MCP_TOOLS` it lists those for traces, scorers, experiments and runs).
 */
export async function officialServer(
  uri: string,
): Promise<{ command: string; args: string[]; env: Record<string, string> }> {
  const venv = await ensureVenv("mlflow-newest");
  return {
    command: venv.bin("mlflow"),
    args: ["mcp", "run"],
    env: cleanEnv({
      MLFLOW_TRACKING_URI: uri,
      MLFLOW_MCP_TOOLS: "all",
      MLFLOW_DISABLE_TELEMETRY: "true",
      PYTHONWARNINGS: "ignore",
    }),
  };
}

async function record(): Promise<OfficialListing> {
  const venv = await ensureVenv("mlflow-newest");
  const script = "import importlib.metadata as m; print(m.version('mlflow'))";
  const version = (await run(venv.python, ["-c", script])).stdout.trim();
  const client = new Client({ name: "wandflow-tests", version: "0" });
  // Listing asks nothing of the tracking server.
  await client.connect(new StdioClientTransport(await officialServer("http://127.0.0.1:9")));
  const { tools } = await client.listTools();
  await client.close();
  const listing = tools.map(({ name, inputSchema }): [string, OfficialListing["tools"][string]] => {
    const required = new Set(inputSchema.required ?? []);
    const properties = Object.entries(inputSchema.properties ?? {});
    return [
      name,
      Object.fromEntries(properties.map(([argument, schema]) => {
        const { type, anyOf } = Property.parse(schema);
        const types = type ? [type] : (anyOf ?? []).map((one) => one.type ?? "any");
        return [argument, { type: types.join("|") || "any", required: required.has(argument) }];
      })),
    ];
  });
  listing.sort(([one], [two]) => one < two ? -1 : 1);
  return { version, tools: Object.fromEntries(listing) };
}

if (import.meta.main) {
  const listing = await record();
  const folder = join(ROOT, "tests", "golden", "official");
  await Deno.mkdir(folder, { recursive: true });
  const file = join(folder, `mlflow-${listing.version}.json`);
  await Deno.writeTextFile(file, `${JSON.stringify(listing, null, 2)}\n`);
  progress(`Wrote ${file}`);
}
