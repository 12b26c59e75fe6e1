/** A server that runs out of files keeps its calls and takes new ones once there is room. */
import assert from "node:assert/strict";
import { freePort } from "../support/ports.ts";
import { productProgram, start } from "../support/product.ts";
import { startFakeMlflow, TRACE } from "./fake_mlflow.ts";
import { callOverHttp, LEGACY } from "./rpc.ts";

/** Files that the process may have open. */
const FILES = 120;

Deno.test({
  name: "running out of files ends neither the server nor its calls",
  // Windows has no such limit.
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using mlflow = startFakeMlflow();
    const product = await productProgram();
    const port = freePort();
    const process = await start(
      ["serve", "--transport", "http", "--port", String(port)],
      { MLFLOW_TRACKING_URI: mlflow.url },
      {
        program: "/bin/sh",
        args: ["-c", `ulimit -n ${FILES}; exec "$0" "$@"`, product.program, ...product.args],
        env: product.env,
      },
    );
    await using _ = process;
    const url = await process.stderr.until((text) => /^Listening on (\S+)$/m.exec(text)?.[1]);
    const held = mlflow.hold("/traces/search");
    const call = callOverHttp(url, LEGACY, "search_traces", { experiment_id: "1" });
    await held.arrived;

    const connections = await Promise.allSettled(
      Array.from({ length: 2 * FILES }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    await process.stderr.until((text) => text.includes("Cannot accept connections") || undefined);
    for (const one of connections) if (one.status === "fulfilled") one.value.close();
    held.release();
    assert.match(await (await call).text(), /"traces":/);

    let after: string | undefined;
    while (after === undefined) {
      after = await callOverHttp(url, LEGACY, "get_trace", { trace_id: TRACE })
        .then((response) => response.text(), () => undefined);
    }
    assert.match(after, /request_preview/);
  },
});
