/** Longest part of a word that is compared. */
const LONGEST = 80;

/**
 * The number of single-character insertions, deletions and replacements, and swaps of neighbours,
 * that turn one text into the other (optimal string alignment), or `limit + 1` if more than `limit`.
 * Words longer than 80 characters are compared by their first 80.
 */
export function editDistance(a: string, b: string, limit: number = Infinity): number {
  a = a.slice(0, LONGEST);
  b = b.slice(0, LONGEST);
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least > limit) return limit + 1;
    before = previous;
    previous = row;
  }
  return Math.min(previous[b.length] ?? 0, limit + 1);
}

/**
 * The known names most like the given one, best first: those that contain it or that it contains,
 * and those a few typing errors away. Case and the signs `_ - . \`` are ignored.
 */
export function nearest(name: string, known: Iterable<string>, count: number = 3): string[] {
  const asked = plain(name);
  const scored: { name: string; score: number }[] = [];
  for (const candidate of new Set(known)) {
    const score = difference(asked, plain(candidate));
    if (score !== undefined) scored.push({ name: candidate, score });
  }
  const exact = (entry: { name: string }) => Number(entry.name === name);
  scored.sort((a, b) => a.score - b.score || exact(b) - exact(a) || a.name.length - b.name.length);
  return scored.slice(0, count).map((entry) => entry.name);
}

function plain(name: string): string {
  return name.slice(0, 200).toLowerCase().replace(/[_\-.`]/g, "");
}

function difference(asked: string, candidate: string): number | undefined {
  const limit = Math.max(1, Math.floor(Math.max(asked.length, candidate.length) / 2.5));
  const distance = editDistance(asked, candidate, limit);
  if (distance <= limit) return distance;
  const [short, long] = asked.length < candidate.length ? [asked, candidate] : [candidate, asked];
  if (short.length >= 3 && long.includes(short)) return limit + 1 + long.length - short.length;
  return undefined;
}

/** "a, b or c", for sentences; "" for an empty list. */
export function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** The first `most` of some names, with a mark if there are more: `a, b, …`. */
export function listFirst(names: readonly string[], most: number): string {
  return `${names.slice(0, most).join(", ")}${names.length > most ? ", …" : ""}`;
}
