/**
 * The app's side of MCP Apps (2026-01-26): JSON-RPC by `postMessage` with the page around it. Written
 * out, since the official package is six times as large as all of the app.
 *
 * @module
 */
import { member } from "./read.ts";

/** What the host tells. */
export interface Listener {
  /** A tool's result. */
  readonly result: (result: unknown) => void;
  /** Theme, styles and whatever else changed, at the beginning and later. */
  readonly context: (context: unknown) => void;
  /** The call ended without a result. */
  readonly cancelled: () => void;
}

/** Begins the conversation; what comes back tells the host how high the page is. */
export function connect(listener: Listener): (height: number) => void {
  const host = globalThis.parent;
  const send = (message: Record<string, unknown>) =>
    host.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method: string, params: Record<string, unknown> = {}) => send({ method, params });
  globalThis.addEventListener("message", ({ source, data }) => {
    if (source !== host || member(data, "jsonrpc") !== "2.0") return;
    const [id, method] = [member(data, "id"), member(data, "method")];
    const params = member(data, "params");
    if (method === undefined) {
      if (id !== 1) return;
      listener.context(member(data, "result", "hostContext"));
      notify("ui/notifications/initialized");
    } else if (id !== undefined) {
      // A ping, or the end: there is nothing to save.
      const known = method === "ping" || method === "ui/resource-teardown";
      send(known ? { id, result: {} } : { id, error: { code: -32601, message: "Unknown method" } });
    } else if (method === "ui/notifications/tool-result") listener.result(params);
    else if (method === "ui/notifications/host-context-changed") listener.context(params);
    else if (method === "ui/notifications/tool-cancelled") listener.cancelled();
  });
  send({
    id: 1,
    method: "ui/initialize",
    params: {
      appInfo: { name: "wandflow chart", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: "2026-01-26",
    },
  });
  return (height) => notify("ui/notifications/size-changed", { height });
}
