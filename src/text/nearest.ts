/**
 * Edit distance between two words (Damerau–Levenshtein, adjacent swaps count once).
 * Words longer than 80 characters are compared by their first 80.
 */
export function editDistance(a: string, b: string): number {
  const left = a.slice(0, 80);
  const right = b.slice(0, 80);
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      let best = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[right.length] ?? 0;
}

/**
 * The candidates that a misspelt word most likely meant, nearest first.
 * Case is ignored; a shared prefix or containment counts as near.
 */
export function nearest(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = word.toLowerCase();
  const ranked: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const other = candidate.toLowerCase();
    let distance = editDistance(wanted, other);
    const contains = wanted.length > 2 && other.length > 2 &&
      (other.includes(wanted) || wanted.includes(other));
    if (contains) distance = Math.min(distance, 1.5);
    if (distance <= Math.max(2, wanted.length * 0.4)) ranked.push({ candidate, distance });
  }
  ranked.sort((x, y) => x.distance - y.distance || (x.candidate < y.candidate ? -1 : 1));
  return ranked.slice(0, limit).map(({ candidate }) => candidate);
}

/** "a, b or c", for sentences; an empty list gives "". */
export function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
