/**
 * Charts for models and for people: a specification as a PNG, and the page that shows it in clients
 * that have room for one. The renderer (Vega, resvg and a font, 4 MB) is loaded at the first picture,
 * in a worker that ends when it has had nothing to do; the page when it is asked for.
 *
 * @module
 */
import type { ChartSpec } from "../analysis/charts/spec.ts";
import { type Helper, isLaunched, startHelper } from "../core/launcher.ts";
import { type Log } from "../core/log.ts";
import { redactDeep, stripInvisibleDeep } from "../core/visible.ts";
import type { FromPainter } from "./paint.ts";

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
  return { picture: await (isLaunched() ? painter.draw(chart) : drawHere(chart)), chart };
}

/** The page that shows charts. */
export const CHART_APP = {
  uri: "ui://wandflow/chart.html",
  name: "chart",
  title: "Chart",
  description: "Shows a chart with hover, zoom, and a legend that switches curves off.",
  load: async (): Promise<string> => (await import("./app.ts")).default,
};

/**
 * Parts of the program that run without the launcher, from source, draw by themselves. The runtime
 * reads at a start whatever is imported by a literal address, however late: this is none.
 */
async function drawHere(spec: ChartSpec): Promise<Uint8Array> {
  const { paint }: typeof import("./paint.ts") = await import(
    new URL("./paint.ts", import.meta.url).href
  );
  return await paint(spec);
}

/** How long the painter waits for another picture, in milliseconds. */
const PATIENCE = 10_000;

interface Wanted {
  readonly resolve: (png: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** Hands charts to a worker, and ends it when there was none for a while. */
class Painter {
  readonly #wanted = new Map<number, Wanted>();
  #helper: Helper | undefined;
  #last = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;

  draw(spec: ChartSpec): Promise<Uint8Array> {
    clearTimeout(this.#rest);
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#wanted.set(id, { resolve, reject });
    this.#helper ??= this.#start();
    this.#helper.port.postMessage({ id, spec });
    return promise;
  }

  #start(): Helper {
    const helper = startHelper("painter");
    helper.port.onmessage = ({ data }: MessageEvent<FromPainter>) => {
      const wanted = this.#wanted.get(data.id);
      this.#wanted.delete(data.id);
      if ("png" in data) wanted?.resolve(data.png);
      else wanted?.reject(new Error(data.error));
      if (this.#wanted.size === 0) this.#rest = setTimeout(() => this.#end(helper), PATIENCE);
    };
    helper.ended.then((reason) => {
      for (const { reject } of this.#wanted.values()) reject(new Error(reason));
      this.#wanted.clear();
      if (this.#helper === helper) this.#helper = undefined;
    });
    return helper;
  }

  #end(helper: Helper): void {
    helper.end();
    this.#helper = undefined;
  }
}

const painter = new Painter();
