/** How a shortened text ends; the number is what is missing. */
const MARK = /…\[(\d+) more characters\]$/;

/**
 * The first `size` characters of a text and how many more there were; shorter texts as they are.
 * Surrogate pairs stay whole. A text that was shortened before keeps the right count.
 */
export function cutText(text: string, size: number): string {
  if (text.length <= size) return text;
  const mark = MARK.exec(text.slice(-40));
  const visible = mark === null ? text.length : text.length - mark[0].length;
  if (visible <= size) return text;
  const missing = visible - size + Number(mark?.[1] ?? 0);
  const last = text.charCodeAt(size - 1);
  const end = last >= 0xD800 && last <= 0xDBFF ? size - 1 : size;
  return `${text.slice(0, end)}…[${missing + size - end} more characters]`;
}
