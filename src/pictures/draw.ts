/**
 * A chart's specification as a PNG. The renderer (Vega, resvg and a font, 4 MB) is loaded at the
 * first picture.
 *
 * @module
 */
import type { ChartSpec } from "../analysis/chart.ts";

/** Most pixels of a picture: models pay about one token for 750. */
export const MOST_PIXELS = 520_000;

/** Draws a chart: a PNG of at most {@link MOST_PIXELS}, on a white ground. */
export async function drawPng(spec: ChartSpec): Promise<Uint8Array<ArrayBuffer>> {
  const { renderSvg, rasterize } = await import("./renderer.ts");
  const { encodePng } = await import("./png.ts");
  return encodePng(await rasterize(await renderSvg(spec), MOST_PIXELS));
}
