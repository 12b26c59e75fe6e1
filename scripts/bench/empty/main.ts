/** The launcher of a server without anything, started in the way of the product. */
import { NO_PERMISSIONS } from "../../../src/core/launcher.ts";

const worker = new Worker(new URL("./worker.ts", import.meta.url).href, {
  type: "module",
  deno: { permissions: { ...NO_PERMISSIONS, net: false, read: false } },
});
worker.onmessage = () => Deno.exit(0);
worker.postMessage(null);
