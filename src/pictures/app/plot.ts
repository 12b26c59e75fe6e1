/** Draws one coordinate system of a chart with uPlot, adding marks that uPlot lacks. */
import uPlot from "uplot";
import type { Chart, Row, View } from "./read.ts";

/** Colours that depend on the theme. */
interface Ink {
  readonly text: string;
  readonly grid: string;
}

/** What to draw, and how. */
interface Drawing {
  readonly chart: Chart;
  readonly view: View;
  /** Names that the user has switched off. */
  readonly hidden: ReadonlySet<string>;
  readonly ink: Ink;
  readonly width: number;
  /** Whether the view stands above another that has the same x axis. */
  readonly sharesAxis: boolean;
  /** Called with the visible range of the x axis. */
  readonly onRange: (plot: uPlot, min: number, max: number) => void;
  /** Called to reset the zoom. */
  readonly onReset: () => void;
  /** Called with the pointer's x position; undefined when it leaves. */
  readonly onPoint: (plot: uPlot, x: number | undefined) => void;
}

const PADDING = 0.05;

/** Draws a view into an element. */
export function plotView(drawing: Drawing, into: HTMLElement): uPlot {
  const { view, width, sharesAxis, onRange, onReset, onPoint } = drawing;
  const { series, data, curves } = seriesOf(drawing);
  const names = view.kind === "names";
  const plot = new uPlot(
    {
      width,
      height: Math.max(120, view.height * 0.8) + (sharesAxis ? 0 : 30),
      ...(view.title === "" ? {} : { title: view.title }),
      legend: { show: false },
      cursor: {
        drag: { x: !names, y: false },
        points: { size: 7 },
        dataIdx: (_, series, nearest) => curves.has(series) ? nearest : null,
        bind: {
          dblclick: () => () => {
            onReset();
            return null;
          },
        },
        ...(names ? {} : { sync: { key: "chart", setSeries: false } }),
      },
      scales: {
        x: {
          time: view.kind === "time",
          distr: view.logX ? 3 : 1,
          ...(names ? { range: () => [view.xDomain[0] ?? 0, view.xDomain[1] ?? 1] } : {}),
        },
        y: { distr: view.logY ? 3 : 1, ...(view.logY ? {} : { range: findRange(view) }) },
      },
      axes: buildAxes(drawing),
      series: [{}, ...series],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      hooks: {
        draw: [(self) => drawMarks(self, drawing)],
        setScale: [(self, key) => {
          const { min, max } = self.scales[key] ?? {};
          if (key === "x" && min !== undefined && max !== undefined) onRange(self, min, max);
        }],
        setCursor: [(self) => {
          const { left = -1 } = self.cursor;
          // Views that only mirror the pointer over another view do not report it.
          if (left >= 0 && !self.over.matches(":hover")) return;
          onPoint(self, left < 0 ? undefined : self.posToVal(left, "x"));
        }],
      },
    },
    data,
    into,
  );
  return plot;
}

/** The smallest and largest x of views that share an x axis. */
export function findExtent(views: readonly View[]): readonly [number, number] {
  let [first, last] = [Infinity, -Infinity];
  for (const view of views) {
    for (const { x, end = x } of view.marks.flatMap(({ rows }) => rows)) {
      first = Math.min(first, toAxis(view, x));
      last = Math.max(last, toAxis(view, end));
    }
  }
  return [first, last];
}

/** The rows of a view at an x, one for each name; among single points, the nearest. */
export function rowsAt({ kind, marks }: View, x: number): readonly Row[] {
  const found = new Map<string, Row>();
  for (const { rows, faint, kind: mark } of marks) {
    if (faint || mark === "rule" || mark === "text") continue;
    for (const row of rows) {
      const best = found.get(row.name);
      const inside = row.end === undefined
        ? kind !== "names" || Math.abs(row.x - x) <= 0.5
        : row.x <= x && x < row.end;
      if (!inside) continue;
      if (best === undefined || Math.abs(row.x - x) < Math.abs(best.x - x)) {
        found.set(row.name, row);
      }
    }
  }
  const rows = [...found.values()];
  if (!marks.every((mark) => mark.kind === "point")) return rows;
  return rows.toSorted((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x)).slice(0, 1);
}

/** Time axes in uPlot are in seconds. */
export function toAxis({ kind }: View, x: number): number {
  return kind === "time" ? x / 1000 : x;
}

function seriesOf({ chart, view, hidden }: Drawing): {
  readonly series: uPlot.Series[];
  readonly data: uPlot.AlignedData;
  /** Indexes of the series that are curves. */
  readonly curves: ReadonlySet<number>;
} {
  const series: uPlot.Series[] = [];
  const tables: uPlot.AlignedData[] = [];
  const curves = new Set<number>();
  for (const { kind, rows, faint, atEdge } of view.marks) {
    if (atEdge || kind === "rule" || kind === "text") continue;
    for (const [name, own] of byName(rows)) {
      const colour = chart.colours.get(name) ?? "#888888";
      const lines = kind === "line";
      series.push({
        label: name,
        show: !hidden.has(name),
        stroke: colour,
        width: faint ? 1 : 2,
        ...(faint ? { alpha: 0.3 } : {}),
        ...(lines ? {} : { paths: () => null }),
        points: kind === "point"
          ? { show: true, size: 6, fill: colour, space: 0 }
          : { show: false },
      });
      tables.push(buildTable(view, own));
      if (lines && !faint) curves.add(series.length);
    }
  }
  return { series, curves, data: tables.length === 0 ? [[]] : uPlot.join(tables) };
}

/** uPlot needs increasing x values, so rows at the same x are set a millionth apart. */
function buildTable(view: View, rows: readonly Row[]): uPlot.AlignedData {
  const places: number[] = [];
  for (const row of rows) {
    const last = places.at(-1);
    const middle = row.end === undefined ? row.x : (row.x + row.end) / 2;
    const place = toAxis(view, middle);
    places.push(
      last !== undefined && place <= last ? last + 1e-6 * Math.max(1, Math.abs(last)) : place,
    );
  }
  return [places, rows.map(({ y }) => y)];
}

function byName(rows: readonly Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const own = found.get(row.name) ?? [];
    found.set(row.name, own);
    own.push(row);
  }
  return found;
}

/** The range of the y axis; for bars it starts at zero and fits stacked bars. */
function findRange({ marks }: View): uPlot.Range.MinMax | uPlot.Range.Function {
  const bars = marks.find(({ kind }) => kind === "bar");
  if (bars === undefined) {
    return (_, low, high) => {
      if (low === null || high === null) return [0, 1];
      const room = (high - low || Math.abs(high) || 1) * PADDING;
      return [low - room, high + room];
    };
  }
  const tops = new Map<number, number>();
  for (const { x, y } of bars.rows) tops.set(x, (tops.get(x) ?? 0) + Math.max(0, y ?? 0));
  const ends = marks.flatMap(({ rows }) => rows.flatMap(({ y, high }) => [y ?? 0, high ?? 0]));
  return [
    Math.min(0, ...ends) * (1 + PADDING),
    Math.max(...tops.values(), ...ends, 1e-9) * (1 + 2 * PADDING),
  ];
}

function buildAxes({ view, ink, sharesAxis }: Drawing): uPlot.Axis[] {
  const base = {
    stroke: ink.text,
    font: "11px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
    grid: { stroke: ink.grid, width: 1 },
    ticks: { stroke: ink.grid, width: 1 },
  };
  return [
    view.kind === "names" ? { ...base, show: false } : {
      ...base,
      grid: { show: false },
      size: view.kind === "time" ? 46 : 32,
      ...(sharesAxis
        ? { values: () => [], size: 8 }
        : view.xTitle === ""
        ? {}
        : { label: view.xTitle, labelSize: 18 }),
    },
    {
      ...base,
      size: 58,
      ...(view.yTitle === "" ? {} : { label: view.yTitle, labelSize: 18 }),
    },
  ];
}

/** Draws bars, intervals, and crosses for values that are not finite. */
function drawMarks(plot: uPlot, { chart, view, hidden, ink }: Drawing): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  const names = [...chart.colours.keys()];
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const x = (value: number) => plot.valToPos(toAxis(view, value), "x", true);
  const y = (value: number) => plot.valToPos(value, "y", true);
  for (const mark of view.marks) {
    // Bars stack in the same order as in the picture.
    const rows = mark.rows.filter(({ name }) => !hidden.has(name))
      .toSorted((a, b) => names.indexOf(b.name) - names.indexOf(a.name));
    const stacked = new Map<number, number>();
    for (const row of rows) {
      const colour = chart.colours.get(row.name) ?? ink.text;
      ctx.strokeStyle = ctx.fillStyle = colour;
      if (mark.kind === "bar") drawBar(row, stacked);
      else if (mark.kind === "rule") drawInterval(row);
      else if (mark.kind === "text") drawText(row);
      else if (mark.atEdge) drawCross(x(row.x), top + height - 6 * ratio);
    }
  }
  ctx.restore();

  function drawBar(row: Row, stacked: Map<number, number>) {
    const from = stacked.get(row.x) ?? 0;
    const to = from + (row.y ?? 0);
    stacked.set(row.x, to);
    const [start, end] = row.end === undefined
      ? [x(row.x - 0.35), x(row.x + 0.35)]
      : [x(row.x) + ratio / 2, x(row.end) - ratio / 2];
    ctx.fillRect(start, y(to), Math.max(1, end - start), y(from) - y(to));
  }

  function drawInterval({ x: place, y: low, high }: Row) {
    if (low === null || high === undefined || low === high) return;
    ctx.strokeStyle = ink.text;
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.moveTo(x(place), y(low));
    ctx.lineTo(x(place), y(high));
    ctx.stroke();
  }

  function drawText({ x: place, y: value, text = "" }: Row) {
    ctx.fillStyle = ink.text;
    ctx.font = `${10 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.fillText(text, x(place), y(value ?? 0) - 4 * ratio);
  }

  function drawCross(centre: number, middle: number) {
    const arm = 4 * ratio;
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.moveTo(centre - arm, middle - arm);
    ctx.lineTo(centre + arm, middle + arm);
    ctx.moveTo(centre - arm, middle + arm);
    ctx.lineTo(centre + arm, middle - arm);
    ctx.stroke();
  }
}
