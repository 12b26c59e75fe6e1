/**
 * Runs the simulator until it is stopped:
 * `deno run -A tests/support/wandb/main.ts [--port N] [--dir FOLDER] [--api-key KEY] [--delay MS] [--separate-store]`
 * The first line on stdout is JSON with its url, key and accounts.
 */
import { parseArgs } from "node:util";
import { startWandbSim } from "./mod.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    port: { type: "string" },
    dir: { type: "string" },
    "api-key": { type: "string" },
    delay: { type: "string" },
    "separate-store": { type: "boolean" },
  },
});
const sim = startWandbSim({
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
  ...(values.dir === undefined ? {} : { dir: values.dir }),
  ...(values["api-key"] === undefined ? {} : { apiKey: values["api-key"] }),
  ...(values["separate-store"] ? { store: "separate" as const } : {}),
  behaviour: { delayMs: Number(values.delay ?? 0) },
});
const line = JSON.stringify({
  url: sim.url,
  storeUrl: sim.storeUrl,
  apiKey: sim.apiKey,
  accounts: sim.accounts,
});
await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));

const stop = async () => {
  await sim.stop();
  Deno.exit(0);
};
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
