/**
 * What pictures take of the product: start-up with and without the tools that draw, and time and
 * memory of drawing, on the demo's store.
 *
 *   deno run -A scripts/bench/pictures.ts
 */
import { fileOf } from "../graph.ts";
import { say } from "../say.ts";
import { StdioClient, wandflow } from "./client.ts";
import { measure } from "./row.ts";

// The second as the packages' launchers set it.
const ENV = {
  MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}`,
  MALLOC_TRIM_THRESHOLD_: "131072",
};
const args = { experiment_id: "support-agent" };
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

if (import.meta.main) {
  const program = await wandflow(ENV);
  const without = await wandflow({ ...ENV, WANDFLOW_EXCLUDE_TOOLS: "pictures" });
  const starts = await measure({
    ...{ what: "start", rounds: 11 },
    ...{ wandflow: StdioClient.starts(program), bare: StdioClient.starts(without) },
  });
  say(`start, ms: ${Math.round(starts.wandflow)}`);
  say(`start without the tools that draw, ms: ${Math.round(starts.bare ?? NaN)}`);
  await using client = await StdioClient.start(program);
  await client.call({ tool: "search_traces", args });
  const sayMemory = (when: string) => say(`memory ${when}, MB: ${Math.round(client.memory())}`);
  const draw = async () =>
    Math.round((await client.call({ tool: "plot_traces", args })).milliseconds);
  await pause(2);
  sayMemory("before");
  say(`first picture, ms: ${await draw()}`);
  const next: number[] = [];
  while (next.length < 5) next.push(await draw());
  say(`next pictures, ms: ${next.join(", ")}`);
  sayMemory("while the painter waits");
  await pause(15);
  sayMemory("after it has ended");
}
