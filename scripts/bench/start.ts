import { join } from "node:path";
import { temporaryFolder } from "../../tests/support/packages.ts";
import { productProgram } from "../../tests/support/product.ts";
import { bundleScripts } from "../bundle.ts";
import { installedFlags } from "../flags.ts";
import { StdioClient, wandflow } from "./client.ts";
import { goalOf, measureAll, type Section } from "./row.ts";

const NOWHERE = "http://127.0.0.1:9";
/** Settings of a server that is started without being asked anything. */
export const MLFLOW = { MLFLOW_TRACKING_URI: NOWHERE };
const ALL = { ...MLFLOW, WANDB_API_KEY: "0".repeat(40), WANDB_BASE_URL: NOWHERE };

/** How long the program takes to start, beside a server that does nothing. */
export async function bench(): Promise<Section> {
  await using folder = await temporaryFolder();
  const into = join(folder.path, "empty");
  const main = await bundleScripts(into, "scripts/bench/empty/main.ts", ["worker.ts"]);
  const bundled = await productProgram("bundle");
  const product = { ...bundled, env: { ...bundled.env, DENO_DIR: join(folder.path, "cache") } };
  const empty = { ...product, args: [...installedFlags(), main] };
  const lines = Object.entries({ MLflow: MLFLOW, "MLflow, W&B and Weave": ALL })
    .flatMap(([what, env]) =>
      (["initialize", "tools/list"] as const).map(async (method) => ({
        ...{ what: `${what}: to the first \`${method}\` answer`, rounds: 61 },
        goals: [goalOf("bare")(1.3)],
        wandflow: StdioClient.starts(await wandflow(env, product), method),
        bare: StdioClient.starts(await wandflow(env, empty), method),
      }))
    );
  return { rows: await measureAll(await Promise.all(lines)) };
}
