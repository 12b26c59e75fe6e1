import { defined } from "../../core/defined.ts";
import { diffObjects } from "../../analysis/diff.ts";
import type { Entry } from "./manifest.ts";
import { loggedBy, tagsOf } from "./lineage.ts";
import type { Version } from "./version.ts";

/** What one list has and the other has not. */
export interface ListDifference {
  /** Only in the second. */
  readonly added: readonly string[];
  /** Only in the first. */
  readonly removed: readonly string[];
}

/** Compares lists as sets. */
export function diffLists(a: readonly string[], b: readonly string[]): ListDifference {
  return {
    added: b.filter((one) => !a.includes(one)),
    removed: a.filter((one) => !b.includes(one)),
  };
}

/** Differences of two versions as a result has them. */
export interface VersionDifference {
  /** Whether they hold the same files. */
  readonly digest_match: boolean;
  /** By dotted path: added, removed, changed, unchanged_count. */
  readonly metadata_diff: Record<string, unknown>;
  readonly tags_diff: ListDifference;
  /** Aliases, each version's in the collection that it was asked of. */
  readonly aliases_diff: ListDifference;
  readonly description_diff?: { readonly a: string; readonly b: string };
  /** Bytes: a, b, delta, percent_change. */
  readonly size_diff: Record<string, unknown>;
  /** Files and references: a, b, delta, percent_change. */
  readonly file_count_diff: Record<string, unknown>;
  readonly lineage_diff: Record<string, unknown>;
}

/** Differences of two versions without their files; `a` is the older by convention. */
export function diffVersions(a: Version, b: Version): VersionDifference {
  const [one, other] = [a.artifact, b.artifact];
  const metadata = diffObjects(one.metadata, other.metadata);
  const [runA, runB] = [loggedBy(a), loggedBy(b)];
  return {
    digest_match: hasSameContent(a, b),
    metadata_diff: {
      added: metadata.only_in_run_b,
      removed: metadata.only_in_run_a,
      changed: Object.fromEntries(
        Object.entries(metadata.changed).map(([key, { run_a, run_b, delta }]) => [
          key,
          { a: run_a, b: run_b, ...(delta === undefined ? {} : { delta }) },
        ]),
      ),
      unchanged_count: metadata.identical_count,
    },
    tags_diff: diffLists(tagsOf(a), tagsOf(b)),
    aliases_diff: diffLists(a.aliases, b.aliases),
    ...((one.description ?? "") === (other.description ?? "")
      ? {}
      : { description_diff: { a: one.description ?? "", b: other.description ?? "" } }),
    size_diff: diffNumbers(one.size, other.size),
    file_count_diff: diffNumbers(one.fileCount, other.fileCount),
    lineage_diff: {
      logged_by_a: runA ?? null,
      logged_by_b: runB ?? null,
      same_source_run: runA !== undefined && runB !== undefined &&
        runA.run_id === runB.run_id && runA.project === runB.project &&
        runA.entity === runB.entity,
    },
  };
}

/** Whether two versions hold the same: W&B's digest covers every entry of the manifest. */
export function hasSameContent(a: Version, b: Version): boolean {
  return a.artifact.id === b.artifact.id ||
    (a.artifact.digest !== undefined && a.artifact.digest !== null &&
      a.artifact.digest !== "" && a.artifact.digest === b.artifact.digest);
}

/** Difference of two sizes; `percent_change` has two decimals and is null from nothing. */
function diffNumbers(a: number | undefined, b: number | undefined): Record<string, unknown> {
  if (a === undefined || b === undefined) return { a: a ?? null, b: b ?? null, delta: null };
  const percent = a === 0 ? null : Number((100 * (b - a) / a).toFixed(2));
  return { a, b, delta: b - a, percent_change: percent };
}

/** Differences between the entries of two versions, each list in order of path. */
export interface FileDifference {
  /** Only in the second. */
  readonly added: readonly Record<string, unknown>[];
  /** Only in the first. */
  readonly removed: readonly Record<string, unknown>[];
  readonly modified: readonly Record<string, unknown>[];
  /** How many are in both with equal content. */
  readonly unchanged: number;
}

/** Entries by path. */
export type Entries = ReadonlyMap<string, Entry>;

/** Compares all entries by digest, or by reference and size where there is none. */
export function diffFiles(a: Entries, b: Entries): FileDifference {
  const modified: Record<string, unknown>[] = [];
  let unchanged = 0;
  for (const [name, one] of sorted(a)) {
    const other = b.get(name);
    if (other === undefined) continue;
    if (isSame(one, other)) unchanged += 1;
    else modified.push({ name, ...sizes(one, other), ...references(one, other) });
  }
  return {
    added: sorted(b).filter(([name]) => !a.has(name)).map(row),
    removed: sorted(a).filter(([name]) => !b.has(name)).map(row),
    modified,
    unchanged,
  };
}

/** A difference as a result has it: counts of all, and the first `most` of each list. */
export function fileDiffResult(
  { added, removed, modified, unchanged }: FileDifference,
  most: number,
): Record<string, unknown> {
  return {
    added_count: added.length,
    removed_count: removed.length,
    modified_count: modified.length,
    unchanged_count: unchanged,
    truncated: [added, removed, modified].some((list) => list.length > most),
    added: added.slice(0, most),
    removed: removed.slice(0, most),
    modified: modified.slice(0, most),
  };
}

function isSame(a: Entry, b: Entry): boolean {
  if (a.ref !== b.ref) return false;
  return a.digest === undefined && b.digest === undefined
    ? a.size === b.size
    : a.digest === b.digest;
}

function sorted(entries: Entries): [string, Entry][] {
  return [...entries].sort(([a], [b]) => a < b ? -1 : 1);
}

function row([name, { size, ref }]: [string, Entry]): Record<string, unknown> {
  return { name, ...(size === undefined ? {} : { size }), ...(ref === undefined ? {} : { ref }) };
}

function sizes(a: Entry, b: Entry): Record<string, unknown> {
  return {
    ...defined({ size_a: a.size, size_b: b.size }),
  };
}

function references(a: Entry, b: Entry): Record<string, unknown> {
  return {
    ...defined({ ref_a: a.ref, ref_b: b.ref }),
  };
}
