/** A bundle lists its tools without loading them: what it says is what the source says. */
import assert from "node:assert/strict";
import { type Form, start } from "../support/product.ts";
import { answerTo, initialize, send } from "./rpc.ts";

const ENV = {
  MLFLOW_TRACKING_URI: "http://127.0.0.1:9",
  MLFLOW_EXPERIMENT_ID: "1",
  WANDB_API_KEY: "0".repeat(40),
  WANDB_BASE_URL: "http://127.0.0.1:9",
  WANDB_ENTITY: "team",
};

const METHODS = ["tools/list", "resources/list", "resources/templates/list", "prompts/list"];

const PAGE = "ui://wandflow/chart.html";

async function listAll(form: Form, args: readonly string[]): Promise<unknown[]> {
  await using server = await start(["stdio", ...args], ENV, form);
  const answers: unknown[] = [await initialize(server)];
  for (const [index, method] of METHODS.entries()) {
    const id = index + 1;
    await send(server, { id, method });
    answers.push((await answerTo(server, id)).result);
  }
  // The page comes with the module of the tool that has it.
  await send(server, { id: 9, method: "resources/read", params: { uri: PAGE } });
  answers.push((await answerTo(server, 9)).result);
  await server.end();
  return answers;
}

for (const args of [[], ["--hide-fixed", "--read-only", "--exclude-tools", "pictures"]]) {
  Deno.test(`the bundle lists what the source lists ${args.join(" ")}`, async () => {
    const [bundle, source] = [await listAll("bundle", args), await listAll("source", args)];
    assert.match(JSON.stringify(source), /"query_weave_traces_tool"/);
    assert.equal(
      /<html/.test(JSON.stringify(source)),
      args.length === 0,
      "the page, with pictures",
    );
    assert.deepEqual(bundle, source);
  });
}
