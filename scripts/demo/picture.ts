/**
 * Draws docs/demo.svg from what the demo really prints.
 *
 *   deno run -A --no-prompt scripts/demo/picture.ts
 */
import { fileOf } from "../graph.ts";

/** Characters in a line of the picture; longer ones are cut. */
const COLUMNS = 118;
/** The picture ends before the part with this heading. */
const END = "With a server";
const LINE = 19;
const WIDTH = 8.05;
const MARGIN = 20;

const STYLES: Readonly<Record<string, string>> = {
  "1": 'font-weight="bold"',
  "2": 'fill="#8b949e"',
  "36": 'fill="#39c5cf"',
  "32": 'fill="#3fb950"',
};

async function demoOutput(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", fileOf("scripts/demo.ts")],
    env: { FORCE_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A line's parts with their styles, cut to the picture's width. */
function splitLine(line: string): { text: string; style: string }[] {
  const parts: { text: string; style: string }[] = [];
  let left = COLUMNS;
  // deno-lint-ignore no-control-regex
  for (const [, code, text = ""] of line.matchAll(/(?:\x1b\[(\d+)m)?([^\x1b]+)(?:\x1b\[0m)?/g)) {
    const shown = text.length > left ? `${text.slice(0, Math.max(0, left - 1))}…` : text;
    if (left > 0) parts.push({ text: shown, style: STYLES[code ?? ""] ?? "" });
    left -= text.length;
  }
  return parts;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The picture of some lines. */
function picture(lines: readonly string[]): string {
  const width = Math.round(COLUMNS * WIDTH + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN;
  const rows = lines.map((line, index) => {
    const spans = splitLine(line).map(({ text, style }) =>
      `<tspan${style === "" ? "" : ` ${style}`}>${escapeXml(text)}</tspan>`
    );
    return `<text x="${MARGIN}" y="${Math.round(MARGIN + (index + 0.8) * LINE)}">${
      spans.join("")
    }</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" aria-label="What deno task demo prints">
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.4" ` +
    `fill="#e6edf3" xml:space="preserve">
${rows.join("\n")}
</g>
</svg>
`;
}

if (import.meta.main) {
  const lines = (await demoOutput()).split("\n");
  const end = lines.findIndex((line) => line.includes(END));
  const shown = [
    "$ npx -y deno@2.9.6 task demo",
    "",
    ...lines.slice(0, end).map((line) => line.trimEnd()),
  ];
  while (shown.at(-1) === "") shown.pop();
  await Deno.writeTextFile(fileOf("docs/demo.svg"), picture(shown));
}
