import * as z from "zod";
import type { Tool } from "../../mcp/tool.ts";
import { diffFiles, diffVersions, fileDiffResult, hasSameContent } from "../artifacts/compare.ts";
import { allFiles, unlistedNote } from "../artifacts/files.ts";
import { fullName } from "../artifacts/lineage.ts";
import { readManifest } from "../artifacts/manifest.ts";
import { type VersionName, versionName } from "../artifacts/names.ts";
import { loadVersions, type Version, versionText } from "../artifacts/version.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { type WandbServices, wandbTool, warningsOf } from "../tool.ts";
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
    if (a === undefined || b === undefined) throw new Error("Two versions were asked for.");
    for (const version of versions) checkType(version, args.type_name);
    const files = args.include_file_diff
      ? await filesOf(session, wandb, a, b, args.max_file_diff_entries)
      : undefined;
    return {
      data: {
        artifact_a: brief(a),
        artifact_b: brief(b),
        ...diffVersions(a, b),
        ...warningsOf([...problems, ...files?.problems ?? []]),
        ...(files === undefined ? {} : { file_diff: files.diff }),
      },
      rows: ["modified", "added", "removed"].map((list) => ({
        path: `file_diff.${list}`,
        hint: "The counts cover all files; ask for fewer with max_file_diff_entries.",
      })),
    };
  },
});

/** The second version; `v2` or `latest` alone is of the same collection as the first. */
function secondName(text: string, first: VersionName, wandb: Wandb): VersionName {
  const short = text.trim();
  return /^:?(v\d+|latest)$|^:[^/]+$/.test(short)
    ? { ...first, alias: short.replace(/^:/, "") }
    : versionName(short, "artifact_name_b", wandb);
}

function brief(version: Version): Record<string, unknown> {
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
 * Differences over all files: from both manifests, else as the API lists them, which leaves
 * references out. Equal digests need no look at the files.
 */
async function filesOf(
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
  if (left === undefined || right === undefined) throw new Error("Two manifests were asked for.");
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
