/**
 * Two ways to find tools by words, both without English stop words and over stems: BM25, which is
 * what agent programs use most, and the older cosine of TF-IDF vectors.
 */

import { stemmer } from "stemmer";

/** What a client knows about a tool when it searches. */
export interface Entry {
  readonly name: string;
  readonly text: string;
}

/** Ranks all entries for a question, the best first. */
export type Rank = (question: string) => readonly string[];

const STOP_WORDS = new Set(
  ("a about above after all am an and any are as at be because been before being below between " +
    "both but by can could did do does during each few for from had has have he her his how i if " +
    "in into is it its me more most my no not of off on or our out over own she should so some " +
    "such than that the their them then there these they this those through to too under until up " +
    "very was we were what when where which while who why will with would you your").split(" "),
);

/** The stems of a text's words, without stop words. */
function readWords(text: string): string[] {
  return (text.toLowerCase().match(/[a-z]+|\d+/g) ?? [])
    .filter((word) => word.length > 1 && !STOP_WORDS.has(word))
    .map(stemmer);
}

/** Okapi BM25 over words. */
export function rankByWords(entries: readonly Entry[], k = 1.2, b = 0.75): Rank {
  const documents = entries.map(({ name, text }) => ({ name, counts: count(readWords(text)) }));
  const lengths = documents.map(({ counts }) => sum(counts.values()));
  const mean = sum(lengths) / lengths.length;
  const rarity = rarityIn(documents);
  return (question) =>
    sortByScore(documents.map(({ name, counts }, index) => {
      const length = (1 - b) + b * (lengths[index] ?? mean) / mean;
      const score = sum(
        readWords(question).map((word) => {
          const times = counts.get(word) ?? 0;
          return rarity(word) * times * (k + 1) / (times + k * length);
        }),
      );
      return [name, score];
    }));
}

/** Cosine of the words' weights, TF-IDF. */
export function rankByAngle(entries: readonly Entry[]): Rank {
  const documents = entries.map(({ name, text }) => ({ name, counts: count(readWords(text)) }));
  const rarity = rarityIn(documents);
  const weigh = (counts: ReadonlyMap<string, number>) =>
    new Map([...counts].map(([word, times]) => [word, (1 + Math.log(times)) * rarity(word)]));
  const vectors = documents.map(({ name, counts }) => ({ name, vector: weigh(counts) }));
  return (question) => {
    const asked = weigh(count(readWords(question)));
    return sortByScore(vectors.map(({ name, vector }) => [name, cosine(asked, vector)]));
  };
}

function rarityIn(documents: readonly { readonly counts: ReadonlyMap<string, number> }[]) {
  return (term: string) => {
    const having = documents.filter(({ counts }) => counts.has(term)).length;
    return Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
  };
}

function cosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const length = (vector: ReadonlyMap<string, number>) =>
    Math.sqrt(sum([...vector.values()].map((weight) => weight ** 2)));
  const product = sum([...a].map(([term, weight]) => weight * (b.get(term) ?? 0)));
  return product / (length(a) * length(b) || 1);
}

function count(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

function sortByScore(scores: readonly (readonly [name: string, score: number])[]): string[] {
  return [...scores].sort(([, a], [, b]) => b - a).map(([name]) => name);
}
