/** Runs wandflow from source, with the flags that are built into the executable. */
import { launcherFlags } from "./flags.ts";

const watch = Deno.args[0] === "--watch";
const child = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    ...(watch ? ["--watch"] : []),
    ...launcherFlags(),
    new URL("../main.ts", import.meta.url).href,
    ...(watch ? Deno.args.slice(1) : Deno.args),
  ],
}).spawn();
// A terminal sends SIGINT to both: the child ends, and then this process does.
Deno.addSignalListener("SIGINT", () => {});
Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
Deno.exit((await child.status).code);
