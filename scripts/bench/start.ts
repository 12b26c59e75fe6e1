import { join } from "node:path";
import { temporaryFolder } from "../../tests/support/packages.ts";
import { productProgram, type Program as Product } from "../../tests/support/product.ts";
import { bundleScripts } from "../bundle.ts";
import { installedFlags } from "../flags.ts";
import { type Program, StdioClient } from "./client.ts";
import { measure, type Row, type Run, type Section } from "./row.ts";

const ABOUT = "From just before the start to the answers. Bare: an empty server on the same SDK " +
  "(`scripts/bench/empty`), bundled in the same way and run with the same flags, with a launcher " +
  "that starts it in a worker, as wandflow's does. Each has its own cache folder for the runtime, " +
  "since other programs lock the shared one.";

const MLFLOW = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };
const BOTH = { ...MLFLOW, WANDB_API_KEY: "0".repeat(40), WANDB_BASE_URL: "http://127.0.0.1:9" };

/** How long the program takes to start, beside a server that does nothing. */
export async function bench(): Promise<Section> {
  await using folder = await temporaryFolder();
  const main = await bundleScripts(
    join(folder.path, "empty"),
    "scripts/bench/empty/main.ts",
    ["worker.ts"],
  );
  const bundled = await productProgram("bundle");
  const product = { ...bundled, env: { ...bundled.env, DENO_DIR: join(folder.path, "cache") } };
  const empty = { ...product, args: [...installedFlags(), main] };
  const rows: Row[] = [];
  for (const [what, env] of [["MLflow", MLFLOW], ["MLflow, W&B and Weave", BOTH]] as const) {
    for (const method of ["initialize", "tools/list"] as const) {
      rows.push(
        await measure({
          what: `${what}: to the first \`${method}\` answer`,
          wandflow: starting(product, env, method),
          bare: starting(empty, env, method),
          rounds: 21,
          goals: [{ against: "bare", factor: 1.3 }],
        }),
      );
    }
  }
  return { title: "Start", about: ABOUT, rows };
}

/** Starts a server, asks, and ends it: the milliseconds to the answer. */
export function starting(
  { program, args, env }: Product,
  settings: Readonly<Record<string, string>> = MLFLOW,
  method: "initialize" | "tools/list" = "initialize",
): Run {
  const server: Program = {
    command: program,
    args: [...args, "stdio"],
    env: { ...env, ...settings },
  };
  return async () => {
    await using client = await StdioClient.start(server);
    const { startMilliseconds } = client;
    if (method === "initialize") return startMilliseconds;
    return startMilliseconds + (await client.request(method, {})).milliseconds;
  };
}
