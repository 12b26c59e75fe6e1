import { officialServer } from "../../tests/support/mlflow/official.ts";
import { productProgram } from "../../tests/support/product.ts";
import type { ServerProgram } from "./stdio_client.ts";

/** wandflow as users have it, serving stdio, with the environment given and no other. */
export async function wandflow(env: Readonly<Record<string, string>>): Promise<ServerProgram> {
  const product = await productProgram();
  return {
    command: product.program,
    args: [...product.args, "stdio"],
    env: { ...product.env, ...env },
  };
}

/** The official MLflow MCP server of the newest pinned release, with the tools it has by default. */
export async function officialMlflow(uri: string): Promise<ServerProgram> {
  const { command, args, env } = await officialServer(uri);
  const { MLFLOW_MCP_TOOLS: _, ...defaults } = env;
  return { command, args, env: defaults };
}
