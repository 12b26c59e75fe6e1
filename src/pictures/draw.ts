/**
 * Charts for models and for people: a specification as a PNG, and the page that shows it in clients
 * that have room for one. The renderer (Vega, resvg and a font, 4 MB) is loaded at the first picture,
 * the page when it is asked for.
 *
 * @module
 */
import type { ChartSpec } from "../analysis/charts/spec.ts";
import { type Log, redactDeep } from "../core/log.ts";
import { stripInvisibleDeep } from "../core/visible.ts";

/** Most pixels of a picture: models pay about one token for 750. */
export const MOST_PIXELS = 520_000;

/** A chart as a reply carries it. */
export interface Drawn {
  readonly picture: Uint8Array;
  /** The specification, for {@link CHART_APP}. */
  readonly chart: ChartSpec;
}

/** Draws a chart without what nobody may see: names in it are somebody else's. */
export async function drawChart(spec: ChartSpec, { redact }: Pick<Log, "redact">): Promise<Drawn> {
  const clean = redactDeep(stripInvisibleDeep(spec).value, redact);
  const chart = { ...(typeof clean === "object" ? clean : {}) };
  return { picture: await drawPng(chart), chart };
}

/** Draws a specification: a PNG of at most {@link MOST_PIXELS}, on a white ground. */
export async function drawPng(spec: ChartSpec): Promise<Uint8Array<ArrayBuffer>> {
  const { renderSvg, rasterize } = await import("./renderer.ts");
  const { encodePng } = await import("./png.ts");
  return encodePng(await rasterize(await renderSvg(spec), MOST_PIXELS));
}

/** The page that shows charts. */
export const CHART_APP = {
  uri: "ui://wandflow/chart.html",
  name: "chart",
  title: "Chart",
  description: "Shows a chart with hover, zoom, and a legend that switches curves off.",
  load: async (): Promise<string> => (await import("./app.ts")).default,
};
