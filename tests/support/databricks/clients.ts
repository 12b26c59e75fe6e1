import { fileURLToPath } from "node:url";
import * as z from "zod";
import { cleanEnv } from "../python/command.ts";
import { ensureVenv } from "../python/venv.ts";

const SCRIPT = fileURLToPath(new URL("./clients.py", import.meta.url));

const Report = z.object({
  auth: z.string(),
  experiment: z.string(),
  written: z.string(),
  spans: z.array(z.string()),
  assessment: z.string(),
  found: z.array(z.string()),
  catalog_spans: z.array(z.string()),
  catalog_trace: z.string(),
  catalog_found: z.array(z.string()),
});

/** Lets `databricks-sdk` and `mlflow` write to a workspace, and tells what they see of it. */
export async function runClients(
  env: Readonly<Record<string, string>>,
  catalogId: string,
): Promise<z.output<typeof Report>> {
  const venv = await ensureVenv("cloud-newest");
  const { code, stdout, stderr } = await new Deno.Command(venv.python, {
    args: ["-W", "ignore", SCRIPT, catalogId],
    clearEnv: true,
    env: cleanEnv(env),
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`Databricks' clients failed:\n${err}`);
  return Report.parse(JSON.parse(out?.trim().split("\n").at(-1) ?? ""));
}
