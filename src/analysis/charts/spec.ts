/**
 * What all charts share: Vega-Lite specifications, made from plain data. Field names are fixed (`x`,
 * `y`, `s`, …), since Vega would parse a caller's key used as a field name.
 *
 * @module
 */

/** A Vega-Lite specification: plain JSON. */
export type ChartSpec = Record<string, unknown>;

/** A chart, and sentences that say what it leaves out or changes. */
export interface Chart {
  readonly spec: ChartSpec;
  readonly notes: readonly string[];
}

/** Maximum number of lines or bars; more cannot be told apart. */
export const MOST_NAMES = 8;
/** Pixels from the first tick of an x axis to its last. */
export const WIDTH = 780;
/** One colour per name, in this order. */
export const COLOURS: readonly string[] = [
  "#3b6fd4",
  "#e07b00",
  "#2a9d4a",
  "#d1384b",
  "#8a4fd0",
  "#0f9fb5",
  "#b0589a",
  "#7a7a2a",
];
const GREY = "#666666";
/** Maximum length of a name in a legend or on an axis, in characters. */
const LONGEST_NAME = 44;

/**
 * The names to draw, with their labels; a sentence lists the rest.
 *
 * @param remark Text that a label adds after its name.
 */
export function chooseNames(
  all: readonly string[],
  what: string,
  remark: (name: string) => string = () => "",
): {
  readonly shown: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
} {
  const names = [...new Set(all)];
  const shown = names.slice(0, MOST_NAMES);
  const notes = names.length === shown.length ? [] : [
    `Drawn are ${shown.length} of ${names.length} ${what}; not drawn: ${
      names.slice(MOST_NAMES).join(", ")
    }.`,
  ];
  return { shown, labels: uniqueLabels(shown, remark), notes };
}

/** Colours a mark by its name, with a legend below the chart unless there is only one name. */
export function colourByName(
  labels: readonly string[],
  symbols: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    field: "s",
    type: "nominal",
    sort: null,
    scale: { domain: [...labels], range: COLOURS.slice(0, labels.length) },
    legend: labels.length < 2 ? null : { ...legend(labels.length), ...symbols },
  };
}

/** A legend below the chart. */
export function legend(entries: number): Record<string, unknown> {
  return {
    title: null,
    orient: "bottom",
    direction: "horizontal",
    columns: entries > 4 ? 4 : entries,
    symbolType: "square",
    symbolOpacity: 1,
    labelLimit: 0,
  };
}

/** A chart of views: title, subtitle, colours and font. */
export function frame(title: string, subtitle: string, views: Record<string, unknown>): ChartSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "#ffffff",
    padding: 12,
    title: {
      text: cutName(title, 90),
      anchor: "start",
      offset: 14,
      fontSize: 15,
      fontWeight: 600,
      ...(subtitle === "" ? {} : { subtitle, subtitleColor: GREY, subtitleFontSize: 11 }),
    },
    ...views,
    config: {
      font: "Inter",
      axis: {
        gridColor: "#e8e8e8",
        domainColor: "#999999",
        tickColor: "#999999",
        labelColor: "#333333",
        titleColor: "#333333",
        titleFontWeight: 500,
        labelLimit: 0,
        titleLimit: 0,
      },
      legend: { labelColor: "#333333" },
      view: { stroke: null },
    },
  };
}

/** Names for a legend: short but still unique. */
function uniqueLabels(
  names: readonly string[],
  remark: (name: string) => string,
): Map<string, string> {
  const labels = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of names) {
    const end = remark(name);
    const short = cutName(name, LONGEST_NAME - end.length);
    let label = `${short}${end}`;
    for (let count = 2; taken.has(label); count++) label = `${short} (${count})${end}`;
    taken.add(label);
    labels.set(name, label);
  }
  return labels;
}

/** A name short enough for a legend or an axis, on one line. */
export function cutName(name: string, longest: number = LONGEST_NAME): string {
  const plain = name.replaceAll(/\s+/g, " ");
  if (plain.length <= longest) return plain;
  // Run names differ at the end as often as at the beginning.
  const half = Math.floor((longest - 1) / 2);
  return `${plain.slice(0, half)}…${plain.slice(-half)}`.toWellFormed();
}

/** A value to three significant digits. */
export function formatValue(value: number): string {
  return String(Number(value.toPrecision(3)));
}
