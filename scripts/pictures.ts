/**
 * Redraws the golden pictures, one of each kind of chart, and takes the screenshots in docs/ of
 * the page that shows them, in Debian's Chromium. Look at them before you commit them.
 *
 *   deno run -A scripts/pictures.ts
 */
import { paint } from "../src/pictures/paint.ts";
import { SAMPLES } from "../tests/pictures/samples.ts";
import { startHost } from "../tests/system/browser.ts";
import { buildApp } from "./app.ts";
import { fileOf } from "./graph.ts";
import { say } from "./say.ts";

/** The page's screenshots: which chart, in which theme, and where the pointer is. */
const SCREENSHOTS = [
  { chart: "curves", theme: "light", pointer: [430, 190] },
  { chart: "traces", theme: "dark", pointer: [620, 170] },
] as const;

async function drawGolden(): Promise<void> {
  for (const [name, spec] of Object.entries(SAMPLES)) {
    const png = await paint(spec);
    await Deno.writeFile(fileOf(`tests/golden/pictures/${name}.png`), png);
    say(`${name}.png: ${png.length} bytes`);
  }
}

async function takeScreenshots(): Promise<void> {
  const html = await buildApp();
  await using host = await startHost();
  for (const { chart, theme, pointer: [x, y] } of SCREENSHOTS) {
    const result = { content: [], _meta: { "wandflow/chart": SAMPLES[chart] } };
    const { page, frame } = await host.show(html, result, theme);
    const box = await (await page.$("iframe"))?.boundingBox();
    await page.setViewport({ width: 860, height: Math.ceil(box?.height ?? 500) });
    for (const step of [0, 1, 2]) {
      await page.mouse.move(x + step, y);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await frame.waitForSelector("#tip:not([hidden])");
    const path = fileOf(`docs/chart-${theme}.png`);
    await page.screenshot({ path });
    say(`docs/chart-${theme}.png: ${(await Deno.stat(path)).size} bytes`);
  }
}

if (import.meta.main) {
  await drawGolden();
  await takeScreenshots();
}
