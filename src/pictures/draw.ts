/**
 * Charts for models and for people: a specification as a PNG, and the page that shows it in clients
 * that can display one. The renderer (Vega, resvg and a font, 4 MB) is loaded for the first picture,
 * in a worker that ends after a while without work. The page is loaded on request.
 *
 * @module
 */
import type { ChartSpec } from "../analysis/charts/spec.ts";
import { type Helper, isLaunched, startHelper } from "../core/launcher.ts";
import { type Log } from "../core/log.ts";
import { redactDeep, stripInvisibleDeep } from "../core/visible.ts";
import type { FromPainter } from "./paint.ts";

/** A chart in the form that replies carry. */
interface Drawn {
  readonly picture: Uint8Array;
  /** The specification, for {@link CHART_APP}. */
  readonly chart: ChartSpec;
}

/** Draws a chart with secrets redacted: the names in it come from outside. */
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
 * Draws in this thread, for code that runs from source without the launcher. The address is not a
 * literal because the runtime reads every literal import at startup, even a dynamic one.
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

/** Sends charts to a worker, and ends the worker when there have been none for a while. */
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
