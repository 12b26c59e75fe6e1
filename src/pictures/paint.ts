import type { ChartSpec } from "../analysis/charts/spec.ts";
import { encodePng } from "./png.ts";
import { rasterize, renderSvg } from "./renderer.ts";

/** Most pixels of a picture: models pay about one token for 750. */
export const MOST_PIXELS = 520_000;

/** A picture that is wanted. */
export interface ToPainter {
  readonly id: number;
  readonly spec: ChartSpec;
}

/** A picture, or why there is none. */
export type FromPainter =
  | { readonly id: number; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string };

/** Draws a specification: a PNG of at most {@link MOST_PIXELS}, on a white ground. */
export async function paint(spec: ChartSpec): Promise<Uint8Array<ArrayBuffer>> {
  return encodePng(await rasterize(await renderSvg(spec), MOST_PIXELS));
}
