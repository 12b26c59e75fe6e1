import {
  type Chart,
  chooseNames,
  colourByName,
  cutName,
  formatValue,
  frame,
  legend,
  WIDTH,
} from "./spec.ts";

/** The value of a bar, with its uncertainty if known. */
export interface Bar {
  /** What is compared, a model or an evaluation; it determines the colour. */
  readonly name: string;
  readonly value: number;
  /** Ends of the interval drawn over the bar. */
  readonly interval?: readonly [low: number, high: number];
}

/** Bars of one quantity. */
export interface BarPanel {
  readonly title: string;
  /** Such as `s` or `USD`; absent for scores. */
  readonly unit?: string;
  readonly bars: readonly Bar[];
}

/** Maximum number of panels; with more, each is too small to read. */
export const MOST_QUANTITIES = 6;

/** Quantities side by side, one colour per name; every panel has its own axis. */
export function chartBars(
  { title, subtitle = "", panels }: {
    readonly title: string;
    readonly subtitle?: string;
    readonly panels: readonly BarPanel[];
  },
): Chart {
  const bars = panels.flatMap((panel) => panel.bars);
  const { shown, labels, notes: left } = chooseNames(bars.map(({ name }) => name), "models");
  const notes = [...left];
  const drawn = panels.slice(0, MOST_QUANTITIES);
  if (panels.length > drawn.length) {
    notes.push(
      `Drawn are ${drawn.length} of ${panels.length} quantities; not drawn: ${
        panels.slice(MOST_QUANTITIES).map((panel) => panel.title).join(", ")
      }.`,
    );
  }
  const columns = Math.min(drawn.length, 3);
  const rows = Math.ceil(drawn.length / columns);
  const width = Math.round(WIDTH / columns) - 55;
  const height = Math.max(90, Math.round((410 - 46 * rows) / rows));
  // No axis names the bars, so even a single one has a legend.
  const colour = { ...colourByName([...labels.values()]), legend: legend(labels.size) };
  const views = drawn.map((panel) => {
    const values = panel.bars.filter(({ name }) => shown.includes(name)).map((bar) => ({
      s: labels.get(bar.name) ?? bar.name,
      y: bar.value,
      low: bar.interval?.[0] ?? bar.value,
      high: bar.interval?.[1] ?? bar.value,
      t: formatValue(bar.value),
    }));
    const x = {
      field: "s",
      type: "nominal",
      sort: null,
      scale: { domain: [...labels.values()] },
      axis: { labels: false, ticks: false, title: null, grid: false },
    };
    // Room for the figure above the highest bar.
    const top = 1.12 * Math.max(0, ...values.map(({ high }) => high));
    const scale = top > 0 ? { domainMax: top, nice: false } : {};
    const uncertain = panel.bars.some((bar) => bar.interval !== undefined);
    return {
      width,
      height,
      title: {
        text: cutName(panel.unit === undefined ? panel.title : `${panel.title} (${panel.unit})`),
        fontSize: 12,
        fontWeight: 500,
        anchor: "start",
        frame: "group",
        offset: 10,
      },
      data: { values },
      layer: [
        {
          mark: { type: "bar", width: { band: 0.7 } },
          encoding: {
            x,
            y: { field: "y", type: "quantitative", title: null, scale },
            color: colour,
          },
        },
        ...(uncertain
          ? [{
            mark: { type: "rule", strokeWidth: 1.2, color: "#222222" },
            encoding: {
              x,
              y: { field: "low", type: "quantitative", title: null, scale },
              y2: { field: "high" },
            },
          }]
          : []),
        {
          mark: { type: "text", dy: -7, fontSize: 10, color: "#222222" },
          encoding: {
            x,
            y: { field: uncertain ? "high" : "y", type: "quantitative", title: null, scale },
            text: { field: "t" },
          },
        },
      ],
    };
  });
  return {
    spec: frame(title, subtitle, {
      concat: views,
      columns,
      spacing: 24,
      align: "all",
      bounds: "full",
    }),
    notes,
  };
}
