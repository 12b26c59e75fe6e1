/** Vega-Lite to SVG, SVG to pixels. Heavy: imported by `draw.ts` when a picture is drawn. */
import font from "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf" with { type: "bytes" };
import wasm from "@resvg/resvg-wasm/index_bg.wasm" with { type: "bytes" };
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import * as vega from "vega";
import { compile } from "vega-lite";
import type { ChartSpec } from "../analysis/charts/spec.ts";
import { once } from "../core/values.ts";
import { readAdvances } from "./font.ts";
import type { Pixels } from "./png.ts";

const start = once(async () => {
  const advances = readAdvances(font);
  // Without a canvas, Vega guesses widths, by a fifth too large. Its types do not know this export.
  Object.assign(Reflect.get(vega, "textMetrics"), {
    width: (item: { readonly fontSize?: number }, text: unknown) =>
      advances(String(text ?? "")) * (item.fontSize ?? 11),
  });
  await initWasm(wasm);
});

/** A chart as SVG. */
export async function renderSvg(spec: ChartSpec): Promise<string> {
  await start();
  // The compiler keeps and changes what it is given.
  const copy = JSON.parse(JSON.stringify(spec));
  const { spec: compiled } = compile(copy, { logger: vega.logger(vega.None) });
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.None });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** An SVG as pixels, in its own size or as large as it may be. */
export async function rasterize(
  svg: string,
  largest: { readonly width: number; readonly height: number },
): Promise<Pixels> {
  await start();
  const size = new Resvg(svg);
  // A pixel less, since sizes are rounded up.
  const zoom = Math.min(
    1,
    (largest.width - 1) / size.width,
    (largest.height - 1) / size.height,
  );
  size.free();
  const resvg = new Resvg(svg, {
    background: "#ffffff",
    fitTo: { mode: "zoom", value: zoom },
    font: { fontBuffers: [font], defaultFontFamily: "Inter", loadSystemFonts: false },
  });
  const image = resvg.render();
  try {
    return { width: image.width, height: image.height, data: image.pixels.slice() };
  } finally {
    image.free();
    resvg.free();
  }
}
