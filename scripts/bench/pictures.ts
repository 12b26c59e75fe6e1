/**
 * What pictures take of the product: start-up with and without the tools that draw, and time and
 * memory of drawing, on the demo's store.
 *
 *   deno run -A scripts/bench/pictures.ts
 */
import { fileOf } from "../graph.ts";
import { say } from "../say.ts";
import { type Call, StdioClient, wandflow } from "./client.ts";

const STARTS = 11;
// The second as the packages' launchers set it.
const ENV = {
  MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}`,
  MALLOC_TRIM_THRESHOLD_: "131072",
};
const args = { experiment_id: "support-agent" };
const SEARCH: Call = { tool: "search_traces", args };
const PLOT: Call = { tool: "plot_traces", args };

async function medianStart(env: Readonly<Record<string, string>>): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < STARTS; count++) {
    await using client = await StdioClient.start(await wandflow(env));
    times.push(client.startMilliseconds);
  }
  return Math.round(times.sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0);
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

if (import.meta.main) {
  await medianStart(ENV);
  say(`start, ms: ${await medianStart(ENV)}`);
  const without = await medianStart({ ...ENV, WANDFLOW_EXCLUDE_TOOLS: "pictures" });
  say(`start without the tools that draw, ms: ${without}`);
  await using client = await StdioClient.start(await wandflow(ENV));
  await client.call(SEARCH);
  await pause(2);
  const megabytes = () => Math.round(client.memory());
  say(`memory before, MB: ${megabytes()}`);
  say(`first picture, ms: ${Math.round((await client.call(PLOT)).milliseconds)}`);
  const next: number[] = [];
  for (let count = 0; count < 5; count++) next.push((await client.call(PLOT)).milliseconds);
  say(`next pictures, ms: ${next.map(Math.round).join(", ")}`);
  say(`memory while the painter waits, MB: ${megabytes()}`);
  await pause(15);
  say(`memory after it has ended, MB: ${megabytes()}`);
}
