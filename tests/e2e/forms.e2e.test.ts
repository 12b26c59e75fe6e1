import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { productProgram, run } from "../support/product.ts";
import { Running } from "../support/running.ts";
import { answerTo, initialize, send } from "./rpc.ts";

const CONFIGURED = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };

Deno.test("the source and the bundle are the same program", async () => {
  const listings = await Promise.all(
    (["source", "bundle"] as const).map((form) => run(["tools", "--json"], CONFIGURED, "", form)),
  );
  const [source, bundle] = listings;
  assert.equal(source?.code, 0, source?.stderr);
  assert.deepEqual(source, bundle);
});

Deno.test("the start task serves from source, and ends with its input or on SIGTERM", async () => {
  const { env } = await productProgram("source");
  const script = fileURLToPath(new URL("../../scripts/run.ts", import.meta.url));
  const begin = () =>
    new Running(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-prompt", script, "stdio"],
        clearEnv: true,
        env: { ...env, ...CONFIGURED },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
  await using first = begin();
  await using second = begin();
  for (const server of [first, second]) {
    await initialize(server);
    await send(server, { id: 1, method: "tools/list" });
    assert.ok((await answerTo(server, 1)).result);
  }
  await first.end();
  assert.equal((await first.status()).code, 0);
  second.signal("SIGTERM");
  assert.equal((await second.status()).code, 0);
});
