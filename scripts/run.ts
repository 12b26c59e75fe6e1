/** Runs the launcher from source with the flags that the executable has baked in. */
import { launcherFlags } from "./flags.ts";

const watch = Deno.args[0] === "--watch";
const words = watch ? Deno.args.slice(1) : Deno.args;
const child = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    ...(watch ? ["--watch"] : []),
    ...launcherFlags(),
    new URL("../main.ts", import.meta.url).href,
    ...words,
  ],
}).spawn();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  Deno.addSignalListener(name, () => {
    if (name === "SIGTERM") child.kill(name);
  });
}
Deno.exit((await child.status).code);
