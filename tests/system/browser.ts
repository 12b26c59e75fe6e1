/** Apps as people see them: in Debian's Chromium, in a page made with the official host side. */
// @ts-types="./puppeteer.d.ts"
import puppeteer, { type Browser, type Frame, type Page } from "puppeteer-core";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";

/** What pages in a chat may do, as hosts set it for apps that ask for nothing. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "frame-src 'self'",
].join("; ");

/** An app on the screen. */
export interface Shown {
  readonly page: Page;
  /** The app's own document. */
  readonly frame: Frame;
  /** Calls a function of the host page. */
  readonly host: (name: string, ...args: readonly unknown[]) => Promise<unknown>;
}

/** A browser with the host page. */
export interface Host extends AsyncDisposable {
  /** Addresses that pages asked for, but for the host page itself. */
  readonly requests: readonly string[];
  /** What the browser complained about: errors, and what the policy refused. */
  readonly complaints: readonly string[];
  show(html: string, result: unknown, theme: "light" | "dark"): Promise<Shown>;
}

/** Starts Chromium with the host page. */
export async function startHost(width = 860): Promise<Host> {
  const html = `<!DOCTYPE html><html><head><meta charset="utf-8"><link rel="icon" href="data:,">
    <style>body{margin:0}iframe{border:0;width:100%;height:600px}</style></head>
    <body><script type="module">${await hostScript()}</script></body></html>`;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response(html, {
        headers: { "content-type": "text/html", "content-security-policy": POLICY },
      }),
  );
  const address = `http://127.0.0.1:${server.addr.port}/`;
  let browser: Browser;
  try {
    browser = await puppeteer.launch({
      executablePath: "/usr/bin/chromium",
      // Tests run as root in containers, where Chromium's own sandbox cannot be.
      args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb", "--hide-scrollbars"],
      defaultViewport: { width, height: 700 },
    });
  } catch (error) {
    await server.shutdown();
    throw new Error("Chromium does not start: apt-get install chromium.", { cause: error });
  }
  const requests: string[] = [];
  const complaints: string[] = [];
  return {
    requests,
    complaints,
    show: async (app, result, theme) => {
      const page = await browser.newPage();
      page.on("request", (request) => {
        const url = request.url();
        if (url !== address && !/^(data|about):/.test(url)) requests.push(url);
      });
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.goto(address);
      const host: Shown["host"] = async (name, ...args) =>
        await page.evaluate(`${name}(${args.map((one) => JSON.stringify(one)).join(", ")})`);
      await host("show", { html: app, result, theme });
      const frame = page.frames().find((one) => one !== page.mainFrame());
      if (frame === undefined) throw new Error("The app has no frame.");
      return { page, frame, host };
    },
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      await server.shutdown();
    },
  };
}

async function hostScript(): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", "--minify", "--output", file],
        join(ROOT, "tests", "system", "host", "host.ts"),
      ],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return (await Deno.readTextFile(file)).replaceAll("</script", "<\\/script");
  } finally {
    await Deno.remove(file);
  }
}
