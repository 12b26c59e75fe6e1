/** Writes a plain text table: columns padded, cells on one line, cut at `width` characters. */
export function textTable(
  headers: readonly string[],
  rows: readonly (readonly unknown[])[],
  width = 40,
): string {
  const cells = [headers, ...rows].map((row) => row.map((cell) => oneLine(cell, width)));
  const widths = headers.map((_, column) =>
    Math.max(...cells.map((row) => [...(row[column] ?? "")].length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length))
      .join("  ").trimEnd();
  const [head = [], ...body] = cells;
  return [line(head), widths.map((size) => "-".repeat(size)).join("  "), ...body.map(line)]
    .join("\n");
}

/** Writes a cell on one line: structures as JSON, cut at `width` characters. */
export function oneLine(cell: unknown, width: number): string {
  const raw = cell === null || cell === undefined
    ? ""
    : typeof cell === "string"
    ? cell
    : JSON.stringify(cell);
  const text = raw.replaceAll(/\s+/g, " ").trim();
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

/** Writes a GitHub-flavored Markdown table; pipes and line breaks in cells are escaped. */
export function markdownTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const escape = (cell: string) => cell.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
  const line = (row: readonly string[]) => `| ${row.map(escape).join(" | ")} |`;
  return [line(headers), `| ${headers.map(() => "---").join(" | ")} |`, ...rows.map(line)]
    .join("\n");
}
