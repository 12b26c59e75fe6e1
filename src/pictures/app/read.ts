/**
 * Reads the charts that `analysis/charts` makes: the part of Vega-Lite that these use.
 *
 * @module
 */

/** A row of data, in terms of its role in the chart. */
export interface Row {
  readonly x: number;
  /** The end of a bin. */
  readonly end: number | undefined;
  /** Null is a gap. */
  readonly y: number | null;
  readonly high: number | undefined;
  readonly name: string;
  readonly text: string | undefined;
}

/** Rows drawn with the same kind of mark. */
interface Mark {
  readonly kind: string;
  readonly rows: readonly Row[];
  /** Whether it is drawn faintly behind the others, such as a curve before smoothing. */
  readonly faint: boolean;
  /** Whether it is drawn at the lower edge because it has no value. */
  readonly atEdge: boolean;
}

/** One coordinate system. */
export interface View {
  readonly title: string;
  readonly height: number;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly kind: "steps" | "time" | "names";
  readonly xDomain: readonly number[];
  readonly marks: readonly Mark[];
}

/** A chart. */
export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  /** Number of views side by side. */
  readonly columns: number;
  readonly views: readonly View[];
  /** Colours by name, in the legend's order. */
  readonly colours: ReadonlyMap<string, string>;
}

/** The nested member at a path; undefined if there is none. */
export function member(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  );
}

/** The value if it is a list, else an empty list. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is a string, else an empty string. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const numberOf = (value: unknown) => typeof value === "number" ? value : undefined;

/** Reads a chart; undefined if the value is not one. */
export function readChart(spec: unknown): Chart | undefined {
  const stacked = asList(member(spec, "vconcat"));
  const beside = asList(member(spec, "concat"));
  const views = [...stacked, ...beside].map(readView);
  if (views.length === 0) return undefined;
  const colours = new Map<string, string>();
  for (const layer of [...stacked, ...beside].flatMap(readLayers)) {
    const scale = member(layer, "encoding", "color", "scale");
    asList(member(scale, "domain")).forEach((name, index) =>
      colours.set(asText(name), asText(asList(member(scale, "range"))[index]))
    );
  }
  return {
    title: asText(member(spec, "title", "text")),
    subtitle: asText(member(spec, "title", "subtitle")),
    columns: beside.length === 0 ? 1 : numberOf(member(spec, "columns")) ?? 1,
    views,
    colours,
  };
}

function readLayers(view: unknown): readonly unknown[] {
  const layers = asList(member(view, "layer"));
  return layers.length === 0 ? [view] : layers;
}

function readView(view: unknown): View {
  const layers = readLayers(view);
  const encoding = (channel: string, ...path: readonly string[]) =>
    layers.map((layer) => member(layer, "encoding", channel, ...path))
      .find((value) => value !== undefined && value !== null);
  const type = encoding("x", "type");
  const domain = asList(encoding("x", "scale", "domain"));
  return {
    title: asText(member(view, "title", "text")),
    height: numberOf(member(view, "height")) ?? 200,
    xTitle: asText(encoding("x", "title") ?? encoding("x", "axis", "title")),
    yTitle: asText(encoding("y", "title")),
    logX: encoding("x", "scale", "type") === "log",
    logY: encoding("y", "scale", "type") === "log",
    kind: type === "temporal" ? "time" : type === "nominal" ? "names" : "steps",
    xDomain: type === "nominal"
      ? [-0.5, domain.length - 0.5]
      : domain.flatMap((value) => numberOf(value) ?? []),
    marks: layers.map((layer) => readMark(layer, member(view, "data", "values"), domain)),
  };
}

function readMark(layer: unknown, shared: unknown, names: readonly unknown[]): Mark {
  const field = (channel: string) => asText(member(layer, "encoding", channel, "field"));
  const [x, y, name] = [field("x"), field("y"), field("color") || "s"];
  const rows = asList(member(layer, "data", "values") ?? shared).map((row): Row => {
    const place = member(row, x);
    return {
      x: numberOf(place) ?? names.indexOf(place),
      end: numberOf(member(row, field("x2"))),
      y: numberOf(member(row, y)) ?? null,
      high: numberOf(member(row, field("y2"))),
      name: asText(member(row, name)),
      text: asText(member(row, field("text"))) || undefined,
    };
  });
  const opacity = numberOf(member(layer, "mark", "opacity")) ?? 1;
  return {
    kind: asText(member(layer, "mark", "type")),
    rows: rows.toSorted((a, b) => a.x - b.x),
    faint: opacity < 0.5,
    atEdge: y === "",
  };
}
