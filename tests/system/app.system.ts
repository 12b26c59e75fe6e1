/** The charts' page in a real browser, with the official host side of MCP Apps around it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { SAMPLES } from "../pictures/samples.ts";
import { productProgram } from "../support/product.ts";
import { ROOT } from "../support/python/layout.ts";
import { type Shown, startHost } from "./browser.ts";

const UI = "io.modelcontextprotocol/ui";
const MIME_TYPE = "text/html;profile=mcp-app";

/** The page and a result, as a client gets them from the product. */
async function askProduct(): Promise<{ html: string; result: Record<string, unknown> }> {
  const { program, args, env } = await productProgram();
  const store = `sqlite:///${join(ROOT, "examples", "mlflow.db")}`;
  const client = new Client({ name: "test", version: "1" }, {
    capabilities: { extensions: { [UI]: { mimeTypes: [MIME_TYPE] } } },
  });
  await client.connect(
    new StdioClientTransport({
      command: program,
      args: [...args, "stdio"],
      env: { ...env, MLFLOW_TRACKING_URI: store },
    }),
  );
  try {
    const { tools } = await client.listTools();
    const uri = tools.find(({ name }) => name === "plot_traces")?._meta?.["ui/resourceUri"];
    const { contents: [page] } = await client.readResource({ uri: String(uri) });
    assert.ok(page !== undefined && "text" in page && page.mimeType === MIME_TYPE);
    const result = await client.callTool({
      name: "plot_traces",
      arguments: { experiment_id: "support-agent" },
    });
    return { html: page.text, result: { ...result } };
  } finally {
    await client.close();
  }
}

const asked = askProduct();
const textOf = async ({ frame }: Shown, selector: string) =>
  String(await frame.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`));
/** Waits until an expression is true of the app's document. */
async function until({ frame }: Shown, expression: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await frame.evaluate(expression) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`It never came true: ${expression}`);
}

const TIP_SHOWN = "!document.getElementById('tip').hidden";
const RESET = "#legend button:not([aria-pressed])";
const isResetHidden = `document.querySelector("${RESET}").hidden`;
const GROUND = "getComputedStyle(document.body).backgroundColor";
const pressed = async ({ frame }: Shown) =>
  await frame.evaluate(
    `[...document.querySelectorAll("#legend [aria-pressed]")]
      .map((one) => one.textContent + " " + one.getAttribute("aria-pressed"))`,
  );

/** How many pixels of the canvases have a colour, or one near it. */
async function pixelsOf({ frame }: Shown, colour: readonly [number, number, number]) {
  const count = await frame.evaluate(`
    [...document.querySelectorAll("canvas")].reduce((sum, canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) {
        const near = ${JSON.stringify(colour)}
          .every((value, channel) => Math.abs(data[at + channel] - value) < 12);
        if (near && data[at + 3] > 200) sum++;
      }
      return sum;
    }, 0)`);
  return Number(count);
}

const BLUE = [0x3b, 0x6f, 0xd4] as const;
const RED = [0xd1, 0x38, 0x4b] as const;

Deno.test("app: the chart is shown and described, follows the pointer, and logs nothing", async () => {
  const { html, result } = await asked;
  await using host = await startHost();
  const shown = await host.show(html, result, "light");
  assert.equal(await textOf(shown, "#title"), "Traces of support-agent");
  assert.deepEqual(await pressed(shown), ["OK true", "ERROR true"]);
  assert.ok(await pixelsOf(shown, BLUE) > 500);
  assert.ok(await pixelsOf(shown, RED) > 100);
  const label = await shown.frame.evaluate(
    "document.getElementById('views').getAttribute('aria-label')",
  );
  assert.match(String(label), /^36 traces from .* failed/);
  await shown.page.mouse.move(400, 200, { steps: 5 });
  await until(shown, TIP_SHOWN);
  assert.match(await textOf(shown, "#tip"), /^\d{4}-\d\d-\d\d .* UTC(OK|ERROR): [\d.]+$/);
  assert.deepEqual(await shown.host("tearDown"), {});
  assert.deepEqual(host.requests, []);
  assert.deepEqual(host.complaints, []);
});

Deno.test("app: a series can be switched off and on, and the scale zoomed and reset", async () => {
  const { html } = await asked;
  await using host = await startHost();
  const result = { content: [], _meta: { "wandflow/chart": SAMPLES["curves"] } };
  const shown = await host.show(html, result, "light");
  const before = await pixelsOf(shown, BLUE);
  assert.ok(before > 500);
  await (await shown.frame.$("#legend button"))?.click();
  assert.match(String(await pressed(shown)), /^gentle-sun-12 \(sampled: val\/loss\) false,/);
  assert.equal(await pixelsOf(shown, BLUE), 0);
  await (await shown.frame.$("#legend button"))?.click();
  assert.equal(await pixelsOf(shown, BLUE), before);

  const panels = await shown.frame.evaluate("document.querySelectorAll('.u-over').length");
  assert.equal(panels, 2, "one panel a metric");
  await until(shown, isResetHidden);
  await shown.page.mouse.move(300, 180, { steps: 5 });
  await shown.page.mouse.down();
  await shown.page.mouse.move(400, 180, { steps: 5 });
  await shown.page.mouse.up();
  await until(shown, `!${isResetHidden}`);
  const zoomed = await pixelsOf(shown, BLUE);
  assert.notEqual(zoomed, before);
  await (await shown.frame.$(RESET))?.click();
  await until(shown, isResetHidden);
  assert.equal(await pixelsOf(shown, BLUE), before);
  // In the middle of the stretch of values that are not finite.
  const { x, y, width } = await boundsOf(shown);
  await shown.page.mouse.move(x + width * 8_600 / 20_000, y + 60, { steps: 5 });
  await until(shown, TIP_SHOWN);
  assert.match(await textOf(shown, "#tip"), /№ 7 \(sampled: train\/loss\): not finite/);
  assert.deepEqual(host.complaints, []);
});

async function boundsOf({ frame }: Shown) {
  const box = await (await frame.$(".u-over"))?.boundingBox();
  assert.ok(box);
  return box;
}

Deno.test("app: the theme follows the host, and bars have names and figures", async () => {
  const { html } = await asked;
  await using host = await startHost();
  const result = { content: [], _meta: { "wandflow/chart": SAMPLES["evaluations"] } };
  const shown = await host.show(html, result, "dark");
  await until(shown, `${GROUND} === "rgb(30, 30, 30)"`);
  await shown.host("setTheme", "light");
  await until(shown, `${GROUND} === "rgb(255, 255, 255)"`);
  const titles = await shown.frame.evaluate(
    "[...document.querySelectorAll('.u-title')].map((one) => one.textContent)",
  );
  assert.deepEqual(titles, [
    "exact_match",
    "relevance.score",
    "toxicity",
    "latency of the model (s)",
    "cost of the model (USD)",
  ]);
  assert.ok(await pixelsOf(shown, BLUE) > 5000);
  const { x, y, width } = await boundsOf(shown);
  await shown.page.mouse.move(x + width / 2, y + 60, { steps: 5 });
  await until(shown, TIP_SHOWN);
  assert.match(await textOf(shown, "#tip"), /^exact_matchclaude-small: 0\.6/);
  assert.deepEqual(host.complaints, []);
});

Deno.test("app: if a host drops the metadata, the picture is shown", async () => {
  const { html, result } = await asked;
  await using host = await startHost();
  const shown = await host.show(html, { ...result, _meta: {} }, "light");
  await shown.frame.waitForSelector("#views img");
  await until(shown, "document.querySelector('#views img').naturalWidth > 400");
  assert.deepEqual(host.complaints, []);
});
