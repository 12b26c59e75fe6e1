/** The page that shows a chart in a client, with hover, zoom and a legend that toggles names. */
import type uPlot from "uplot";
import { findExtent, plotView, rowsAt, toAxis } from "./plot.ts";
import { asList, asText, type Chart, member, readChart, type View } from "./read.ts";

/** The key under which the server sends the chart, beside what the model reads. */
const CHART = "wandflow/chart";

const find = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page lacks #${id}.`);
  return found;
};
const page = {
  title: find("title"),
  subtitle: find("subtitle"),
  legend: find("legend"),
  views: find("views"),
  message: find("message"),
  tip: find("tip"),
};
const hidden = new Set<string>();
let chart: Chart | undefined;
let plots: { readonly plot: uPlot; readonly view: View }[] = [];
let whole: readonly [number, number] = [0, 1];

const reset = element("button", "Reset zoom");
reset.hidden = true;
reset.addEventListener("click", showAll);

const tellHeight = connect({
  result: showResult,
  context: applyContext,
  cancelled: () => say("The call was cancelled."),
});
new ResizeObserver(() => tellHeight(Math.ceil(document.documentElement.offsetHeight)))
  .observe(document.documentElement);
let width = 0;
new ResizeObserver(() => {
  if (page.views.clientWidth === width) return;
  width = page.views.clientWidth;
  draw();
}).observe(page.views);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

function showResult(result: unknown): void {
  const content = asList(member(result, "content"));
  const text = content.map((block) => asText(member(block, "text"))).filter(Boolean).join("\n");
  chart = readChart(member(result, "_meta", CHART));
  page.views.setAttribute("aria-label", text);
  if (chart !== undefined) {
    hidden.clear();
    say("");
    return draw();
  }
  const image = content.find((block) => member(block, "type") === "image");
  if (image === undefined) return say(text);
  // A host that does not pass metadata on still has the picture.
  const shown = element("img");
  shown.alt = text;
  shown.src = `data:${asText(member(image, "mimeType"))};base64,${asText(member(image, "data"))}`;
  page.views.replaceChildren(shown);
  say("");
}

function say(text: string): void {
  page.message.textContent = text;
  page.message.hidden = text === "";
}

function applyContext(context: unknown): void {
  const root = document.documentElement;
  const theme = member(context, "theme");
  if (theme === "light" || theme === "dark") root.style.colorScheme = theme;
  const variables = member(context, "styles", "variables");
  if (typeof variables === "object" && variables !== null) {
    for (const [name, value] of Object.entries(variables)) {
      if (name.startsWith("--") && typeof value === "string") root.style.setProperty(name, value);
    }
  }
  draw();
}

function draw(): void {
  if (chart === undefined || width === 0) return;
  const { title, subtitle, views, columns } = chart;
  page.title.textContent = title;
  page.subtitle.textContent = subtitle;
  drawLegend(chart);
  plots.forEach(({ plot }) => plot.destroy());
  plots = [];
  // Panels side by side need room; a narrow page shows fewer.
  const beside = Math.max(1, Math.min(columns, Math.floor(width / 220)));
  page.views.style.setProperty("--columns", String(beside));
  const ink = {
    text: getComputedStyle(page.title).color,
    grid: getComputedStyle(page.legend).borderTopColor,
  };
  page.views.replaceChildren();
  plots = views.map((view, index) => {
    const into = element("div");
    page.views.append(into);
    const own = chart ?? { title, subtitle, views, columns, colours: new Map() };
    const plot = plotView({
      chart: own,
      view,
      hidden,
      ink,
      width: Math.floor((width - 16 * (beside - 1)) / beside),
      sharesAxis: columns === 1 && index < views.length - 1,
      onRange,
      onReset: showAll,
      onPoint,
    }, into);
    return { plot, view };
  });
  reset.hidden = true;
  if (views.some(({ kind }) => kind === "names")) return;
  whole = findExtent(views);
  showAll();
}

function showAll(): void {
  const [min, max] = whole;
  for (const { plot, view } of plots) if (view.kind !== "names") plot.setScale("x", { min, max });
}

function drawLegend({ colours }: Chart): void {
  const entries = [...colours].map(([name, colour]) => {
    const entry = element("button", name);
    entry.style.setProperty("--colour", colour);
    entry.setAttribute("aria-pressed", String(!hidden.has(name)));
    entry.addEventListener("click", () => {
      if (!hidden.delete(name)) hidden.add(name);
      draw();
      page.legend.querySelectorAll("button").item([...colours.keys()].indexOf(name)).focus();
    });
    return entry;
  });
  page.legend.replaceChildren(...entries, reset);
}

let zooming = false;

/** Shows the same part of the x axis in all views that are stacked. */
function onRange(source: uPlot, min: number, max: number): void {
  if (zooming || chart?.columns !== 1 || plots.every(({ plot }) => plot !== source)) return;
  zooming = true;
  for (const { plot } of plots) if (plot !== source) plot.setScale("x", { min, max });
  zooming = false;
  reset.hidden = min <= whole[0] && max >= whole[1];
}

function onPoint(source: uPlot, x: number | undefined): void {
  const view = plots.find(({ plot }) => plot === source)?.view;
  if (x === undefined || view === undefined || chart === undefined) {
    page.tip.hidden = true;
    return;
  }
  const place = view.kind === "time" ? x * 1000 : x;
  const rows = rowsAt(view, place).filter(({ name }) => !hidden.has(name));
  const [nearest] = rows.toSorted((a, b) => Math.abs(a.x - place) - Math.abs(b.x - place));
  if (nearest === undefined) {
    page.tip.hidden = true;
    return;
  }
  const lines = rows.map(({ name, x: own, y, text }) => {
    const line = element(
      "div",
      `${name}: ${text ?? format(y)}${
        own === nearest.x || view.kind !== "steps" ? "" : ` at ${format(own)}`
      }`,
    );
    line.style.setProperty("--colour", chart?.colours.get(name) ?? "");
    return line;
  });
  const head = view.kind === "names"
    ? view.title
    : view.kind === "time"
    ? `${new Date(nearest.x).toISOString().slice(0, 19).replace("T", " ")} UTC`
    : `${chart.views.at(-1)?.xTitle} ${format(nearest.x)}`;
  page.tip.replaceChildren(element("b", head), ...lines);
  page.tip.hidden = false;
  const { left, top } = source.over.getBoundingClientRect();
  const at = left + source.valToPos(toAxis(view, nearest.x), "x");
  const { offsetWidth } = page.tip;
  const before = at + 12 + offsetWidth > document.documentElement.clientWidth;
  page.tip.style.left = `${Math.max(0, before ? at - 12 - offsetWidth : at + 12)}px`;
  page.tip.style.top = `${top + scrollY + 8}px`;
}

function format(value: number | null): string {
  return value === null ? "not finite" : String(Number(value.toPrecision(6)));
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** Handlers for messages from the host. */
export interface Listener {
  /** Called with a tool's result. */
  readonly result: (result: unknown) => void;
  /** Called with the theme, styles and other context, at the start and on changes. */
  readonly context: (context: unknown) => void;
  /** Called if the call ended without a result. */
  readonly cancelled: () => void;
}

/** Connects to the host; returns a function that reports the page's height. */
export function connect(listener: Listener): (height: number) => void {
  const host = globalThis.parent;
  const send = (message: Record<string, unknown>) =>
    host.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method: string, params: Record<string, unknown> = {}) => send({ method, params });
  globalThis.addEventListener("message", ({ source, data }) => {
    if (source !== host || member(data, "jsonrpc") !== "2.0") return;
    const [id, method] = [member(data, "id"), member(data, "method")];
    const params = member(data, "params");
    if (method === undefined) {
      if (id !== 1) return;
      listener.context(member(data, "result", "hostContext"));
      notify("ui/notifications/initialized");
    } else if (id !== undefined) {
      // A ping or a teardown; there is nothing to save.
      const known = method === "ping" || method === "ui/resource-teardown";
      send(known ? { id, result: {} } : { id, error: { code: -32601, message: "Unknown method" } });
    } else if (method === "ui/notifications/tool-result") listener.result(params);
    else if (method === "ui/notifications/host-context-changed") listener.context(params);
    else if (method === "ui/notifications/tool-cancelled") listener.cancelled();
  });
  send({
    id: 1,
    method: "ui/initialize",
    params: {
      appInfo: { name: "wandflow chart", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: "2026-01-26",
    },
  });
  return (height) => notify("ui/notifications/size-changed", { height });
}
