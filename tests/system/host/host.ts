/** A client's page with the official host side of MCP Apps: it shows an app in a sandboxed frame. */
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

/** What the test asks for, as JSON. */
interface Wanted {
  readonly html: string;
  readonly result: Parameters<AppBridge["sendToolResult"]>[0];
  readonly theme: "light" | "dark";
}

let bridge: AppBridge | undefined;

/** Shows an app with a tool's result; resolves when it has answered and told its height. */
async function show({ html, result, theme }: Wanted): Promise<number> {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  document.body.replaceChildren(frame);
  const inside = frame.contentWindow;
  if (inside === null) throw new Error("The frame has no window.");
  bridge = new AppBridge(null, { name: "test-host", version: "1.0.0" }, {}, {
    hostContext: { theme, displayMode: "inline", platform: "desktop" },
  });
  const host = bridge;
  const { promise, resolve } = Promise.withResolvers<number>();
  host.addEventListener("initialized", () => void host.sendToolResult(result));
  host.addEventListener("sizechange", ({ height = 0 }) => {
    frame.style.height = `${height}px`;
    if (height > 150) resolve(height);
  });
  await host.connect(new PostMessageTransport(inside, inside));
  frame.srcdoc = html;
  return await promise;
}

/** Tells the app of another theme, as a host does whose user changes it. */
function setTheme(theme: "light" | "dark"): void {
  bridge?.setHostContext({ theme });
}

/** Asks the app to end, as a host does before it takes it away. */
async function tearDown(): Promise<unknown> {
  return await bridge?.teardownResource({});
}

Object.assign(globalThis, { show, setTheme, tearDown });
