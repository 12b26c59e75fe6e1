/**
 * An evaluation by Weave's TypeScript client: `deno run -A seed_typescript.ts ENTITY/PROJECT`, with
 * the server in the environment. The last line that it prints is the summary as JSON.
 */
import { Dataset, Evaluation, init, op } from "weave";

await init(Deno.args[0] ?? "");
const model = op(function counter({ datasetRow: { n } }: { datasetRow: { n: number } }) {
  if (n === 5) return Promise.reject(new Error("five is too much"));
  return Promise.resolve({ n });
});
const sometimes = op(function sometimes({ modelOutput }: { modelOutput: { n: number } }) {
  return Promise.resolve(modelOutput.n === 1 ? true : null);
});
const size = op(function size({ modelOutput: { n } }: { modelOutput: { n: number } }) {
  return Promise.resolve({ n });
});
// The SQLite server keeps a row once for all projects: rows of another are not found in this one.
const project = crypto.randomUUID();
const rows = [1, 2, 3, 4, 5].map((n) => ({ n, project }));
const dataset = new Dataset({ name: "rows", rows });
const evaluation = new Evaluation({ name: "by-typescript", dataset, scorers: [sometimes, size] });
const summary = await evaluation.evaluate({ model });
// The client sends in the background and does not say when it has.
await new Promise((resolve) => setTimeout(resolve, 2000));
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(summary)}\n`));
Deno.exit(0);
