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

/** Longest word and longest text of a message, in characters: sentences of ours are far below. */
const LONGEST_WORD = 400;
const LONGEST_MESSAGE = 4000;

/** A message in which a caller's text, repeated at length, is shortened wherever it stands. */
export function shortenMessage(text: string): string {
  if (text.length <= LONGEST_WORD) return text;
  const words = text.replaceAll(/\S+/g, (word) => {
    return word.length > LONGEST_WORD ? `${word.slice(0, 60).toWellFormed()}…` : word;
  });
  return cutText(words, LONGEST_MESSAGE);
}
