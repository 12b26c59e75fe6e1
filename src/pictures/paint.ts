import type { ChartSpec } from "../analysis/charts/spec.ts";
import { encodePng } from "./png.ts";
import { rasterize, renderSvg } from "./renderer.ts";

/**
 * The largest picture: two tiles of OpenAI's models, 425 tokens; Anthropic's count one token for 750
 * pixels, 700.
 */
export const LARGEST = { width: 1024, height: 512 } as const;

/** A picture that is wanted. */
export interface ToPainter {
  readonly id: number;
  readonly spec: ChartSpec;
}

/** A picture, or why there is none. */
export type FromPainter =
  | { readonly id: number; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string };

/** Draws a specification: a PNG no larger than {@link LARGEST}, on a white ground. */
export async function paint(spec: ChartSpec): Promise<Uint8Array<ArrayBuffer>> {
  return encodePng(await rasterize(await renderSvg(spec), LARGEST));
}
