/**
 * What all charts share: Vega-Lite specifications, made from plain data. Field names are fixed (`x`,
 * `y`, `s`, …): a caller's key as a field name would be an expression.
 *
 * @module
 */

/** A Vega-Lite specification: plain JSON. */
export type ChartSpec = Record<string, unknown>;

/** A chart, and what it leaves out or changes, as sentences. */
export interface Chart {
  readonly spec: ChartSpec;
  readonly notes: readonly string[];
}

/** More lines or bars than that cannot be told apart. */
export const MOST_NAMES = 8;
/** Pixels from the first tick of an x axis to its last. */
export const WIDTH = 780;
/** One colour a name, in this order. */
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
/** Longest name that a legend or an axis shows, in characters. */
const LONGEST_NAME = 44;

/**
 * The names that are drawn, with their labels; a sentence names the rest.
 *
 * @param remark What a label says behind its name.
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

/** The colour of a mark by its name, with a legend below the chart unless there is one name. */
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

/** Names as a legend shows them: short, and still different from each other. */
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
  // Run names differ at their ends as often as at their beginnings.
  const half = Math.floor((longest - 1) / 2);
  return `${plain.slice(0, half)}…${plain.slice(-half)}`.toWellFormed();
}

/** Three digits of a value. */
export function formatValue(value: number): string {
  return String(Number(value.toPrecision(3)));
}
