import * as z from "zod";
import { diffObjects } from "../../analysis/diff.ts";
import { defined } from "../../core/values.ts";
import type { Tool } from "../../mcp/tool.ts";
import { allFiles, type Entry, readManifest, unlistedNote } from "../artifacts/files.ts";
import { type VersionName, versionName } from "../artifacts/names.ts";
import {
  fullName,
  listTags,
  loadVersions,
  loggedBy,
  type Version,
  versionText,
} from "../artifacts/version.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { reportProblems, type WandbServices, wandbTool } from "../tool.ts";
import { checkType } from "./get_artifact_details.ts";

/** Compares artifact versions. */
export const compareArtifactVersions: Tool<WandbServices> = wandbTool({
  name: "compare_artifact_versions_tool",
  title: "Compare W&B artifact versions",
  toolset: "wandb.artifacts",
  effect: "read",
  description:
    "Compare (diff) two versions of a W&B artifact: what changed from a to b in metadata, " +
    "tags, aliases, size, source run, and every file added, removed or modified (by digest).",
  input: z.object({
    artifact_name_a: z.string().min(1).describe("entity/project/name:v1"),
    artifact_name_b: z.string().min(1).describe("Likewise, or just v2."),
    type_name: z.string().min(1).optional(),
    include_file_diff: z.boolean().default(true),
    max_file_diff_entries: z.int().min(1).max(1000).default(50),
  }),
  argumentAliases: {
    artifact_a: "artifact_name_a",
    artifact_b: "artifact_name_b",
    name_a: "artifact_name_a",
    name_b: "artifact_name_b",
    type: "type_name",
  },
  output: z.looseObject({
    digest_match: z.boolean(),
    metadata_diff: z.looseObject({}),
    size_diff: z.looseObject({}),
    file_diff: z.looseObject({}).optional(),
  }),
  run: async (args, { wandb, signal }) => {
    const first = versionName(args.artifact_name_a, "artifact_name_a", wandb);
    const names = [first, secondName(args.artifact_name_b, first, wandb)];
    const session = wandb.open(signal);
    const { versions, problems } = await loadVersions(session, wandb, names, {
      lineage: false,
      manifest: args.include_file_diff,
    });
    const [a, b] = versions;
    if (a === undefined || b === undefined) throw new Error("Expected two versions.");
    for (const version of versions) checkType(version, args.type_name);
    const files = args.include_file_diff
      ? await compareFiles(session, wandb, a, b, args.max_file_diff_entries)
      : undefined;
    return {
      data: {
        artifact_a: summarizeVersion(a),
        artifact_b: summarizeVersion(b),
        ...diffVersions(a, b),
        ...reportProblems([...problems, ...files?.problems ?? []]),
        ...(files === undefined ? {} : { file_diff: files.diff }),
      },
      rows: ["modified", "added", "removed"].map((list) => ({
        path: `file_diff.${list}`,
        hint: "The counts cover all files; ask for fewer with max_file_diff_entries.",
      })),
    };
  },
});

/** The second version. `v2` or `latest` alone means the same collection as the first. */
function secondName(text: string, first: VersionName, wandb: Wandb): VersionName {
  const short = text.trim();
  return /^:?(v\d+|latest)$|^:[^/]+$/.test(short)
    ? { ...first, alias: short.replace(/^:/, "") }
    : versionName(short, "artifact_name_b", wandb);
}

function summarizeVersion(version: Version): Record<string, unknown> {
  const { artifact } = version;
  return {
    name: fullName(version),
    version: versionText(version.index, artifact.digest),
    type: artifact.artifactType?.name ?? null,
    digest: artifact.digest ?? null,
    created_at: artifact.createdAt ?? null,
  };
}

/**
 * Compares all files, using both manifests if they can be read and the API's file list otherwise.
 * The API's list leaves out references. Versions with equal digests need no file comparison.
 */
async function compareFiles(
  session: WandbSession,
  wandb: Wandb,
  a: Version,
  b: Version,
  most: number,
): Promise<{ diff: Record<string, unknown>; problems: readonly string[] }> {
  if (hasSameContent(a, b)) {
    const unchanged = a.artifact.fileCount ?? b.artifact.fileCount ?? 0;
    const nothing = { added: [], removed: [], modified: [], unchanged };
    return { diff: fileDiffResult(nothing, most), problems: [] };
  }
  const [left, right] = await Promise.all(
    [a, b].map(({ artifact }) =>
      readManifest(artifact.currentManifest?.file?.directUrl, wandb, session)
    ),
  );
  if (left === undefined || right === undefined) throw new Error("Expected two manifests.");
  if ("entries" in left && "entries" in right) {
    return { diff: fileDiffResult(diffFiles(left.entries, right.entries), most), problems: [] };
  }
  const why = "unread" in left ? left.unread : "unread" in right ? right.unread : "";
  const [one, other] = await Promise.all([
    allFiles(session, a.artifact.id),
    allFiles(session, b.artifact.id),
  ]);
  const allRead = one.complete && other.complete;
  const expected = (a.artifact.fileCount ?? NaN) + (b.artifact.fileCount ?? NaN);
  const missing = expected - one.entries.size - other.entries.size;
  const complete = allRead && missing <= 0;
  const notes = [
    unlistedNote(why, Number.isNaN(missing) || !allRead ? undefined : Math.max(0, missing)),
    ...(allRead ? [] : ["There are more files than were read: the counts are lower bounds."]),
  ];
  return {
    diff: { ...fileDiffResult(diffFiles(one.entries, other.entries), most), complete, notes },
    problems: [...one.problems, ...other.problems],
  };
}

/** The items that are in only one of two lists. */
interface ListDifference {
  /** In the second only. */
  readonly added: readonly string[];
  /** In the first only. */
  readonly removed: readonly string[];
}

/** Compares two lists as sets, ignoring order and duplicates. */
function diffLists(a: readonly string[], b: readonly string[]): ListDifference {
  return {
    added: b.filter((one) => !a.includes(one)),
    removed: a.filter((one) => !b.includes(one)),
  };
}

/** The differences between two versions, in the form that results use. */
interface VersionDifference {
  /** Whether both versions contain the same files. */
  readonly digest_match: boolean;
  /** By dotted path: added, removed, changed, unchanged_count. */
  readonly metadata_diff: Record<string, unknown>;
  readonly tags_diff: ListDifference;
  /** Compares the aliases that each version has in the requested collection. */
  readonly aliases_diff: ListDifference;
  readonly description_diff?: { readonly a: string; readonly b: string };
  /** In bytes: a, b, delta, percent_change. */
  readonly size_diff: Record<string, unknown>;
  /** Files and references: a, b, delta, percent_change. */
  readonly file_count_diff: Record<string, unknown>;
  readonly lineage_diff: Record<string, unknown>;
}

/** Compares everything but the files of two versions. By convention, `a` is the older one. */
function diffVersions(a: Version, b: Version): VersionDifference {
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
    tags_diff: diffLists(listTags(a), listTags(b)),
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

/** Whether two versions have the same content. W&B's digest covers every manifest entry. */
function hasSameContent(a: Version, b: Version): boolean {
  return a.artifact.id === b.artifact.id ||
    (a.artifact.digest !== undefined && a.artifact.digest !== null &&
      a.artifact.digest !== "" && a.artifact.digest === b.artifact.digest);
}

/** Compares two sizes. `percent_change` has two decimals, and is null if `a` is 0. */
function diffNumbers(a: number | undefined, b: number | undefined): Record<string, unknown> {
  if (a === undefined || b === undefined) return { a: a ?? null, b: b ?? null, delta: null };
  const percent = a === 0 ? null : Number((100 * (b - a) / a).toFixed(2));
  return { a, b, delta: b - a, percent_change: percent };
}

/** The differences between the entries of two versions. Each list is sorted by path. */
interface FileDifference {
  /** In the second only. */
  readonly added: readonly Record<string, unknown>[];
  /** In the first only. */
  readonly removed: readonly Record<string, unknown>[];
  readonly modified: readonly Record<string, unknown>[];
  /** The number of entries with the same content in both. */
  readonly unchanged: number;
}

/** Entries by path. */
type Entries = ReadonlyMap<string, Entry>;

/** Compares all entries by reference and digest, or by size if neither has a digest. */
export function diffFiles(a: Entries, b: Entries): FileDifference {
  const modified: Record<string, unknown>[] = [];
  let unchanged = 0;
  for (const [name, one] of sortEntries(a)) {
    const other = b.get(name);
    if (other === undefined) continue;
    if (isSame(one, other)) unchanged += 1;
    else modified.push({ name, ...pairSizes(one, other), ...pairReferences(one, other) });
  }
  return {
    added: sortEntries(b).filter(([name]) => !a.has(name)).map(entryRow),
    removed: sortEntries(a).filter(([name]) => !b.has(name)).map(entryRow),
    modified,
    unchanged,
  };
}

/** Formats a difference for a result: full counts, and the first `most` items of each list. */
function fileDiffResult(
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

function sortEntries(entries: Entries): [string, Entry][] {
  return [...entries].sort(([a], [b]) => a < b ? -1 : 1);
}

function entryRow([name, { size, ref }]: [string, Entry]): Record<string, unknown> {
  return { name, ...(size === undefined ? {} : { size }), ...(ref === undefined ? {} : { ref }) };
}

function pairSizes(a: Entry, b: Entry): Record<string, unknown> {
  return {
    ...defined({ size_a: a.size, size_b: b.size }),
  };
}

function pairReferences(a: Entry, b: Entry): Record<string, unknown> {
  return {
    ...defined({ ref_a: a.ref, ref_b: b.ref }),
  };
}
