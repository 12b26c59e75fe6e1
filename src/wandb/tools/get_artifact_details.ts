import * as z from "zod";
import { defined } from "../../core/values.ts";
import { Failure } from "../../core/failure.ts";
import type { Tool } from "../../mcp/tool.ts";
import { listFiles, readCursor, readManifest } from "../artifacts/files.ts";
import { versionName } from "../artifacts/names.ts";
import {
  describeLineage,
  describeVersion,
  loadVersions,
  type Version,
} from "../artifacts/version.ts";
import { reportProblems, type WandbServices, wandbTool } from "../tool.ts";

/** Describes an artifact version. */
export const getArtifactDetails: Tool<WandbServices> = wandbTool({
  name: "get_artifact_details_tool",
  title: "Get W&B artifact details",
  toolset: "wandb.artifacts",
  effect: "read",
  description:
    "Show one W&B artifact version: metadata, aliases, tags, lineage (which run produced it, " +
    "which use it, where it is linked), and with include_files its files and references.",
  input: z.object({
    artifact_name: z.string().min(1).describe(
      "entity/project/name:alias or org/wandb-registry-X/name:v1; no suffix: latest.",
    ),
    type_name: z.string().min(1).optional(),
    include_files: z.boolean().default(false),
    max_files: z.int().min(1).max(1000).default(50),
    cursor: z.string().optional().describe("For more files."),
  }),
  argumentAliases: {
    name: "artifact_name",
    artifact: "artifact_name",
    type: "type_name",
    files: "include_files",
    after: "cursor",
  },
  output: z.looseObject({
    artifact: z.looseObject({}),
    lineage: z.looseObject({}),
    files: z.array(z.looseObject({ name: z.string() })).optional(),
    next_cursor: z.string().optional(),
  }),
  run: async (args, { wandb, signal }) => {
    const name = versionName(args.artifact_name, "artifact_name", wandb);
    const cursor = readCursor(args.cursor);
    const withFiles = args.include_files || args.cursor !== undefined;
    const session = wandb.open(signal);
    const { versions: [version], problems } = await loadVersions(session, wandb, [name], {
      lineage: true,
      manifest: withFiles,
      files: withFiles ? { first: args.max_files, after: cursor.after } : undefined,
    });
    if (version === undefined) throw new Error("Expected a version.");
    checkType(version, args.type_name);
    const { artifact } = version;
    const list = withFiles
      ? listFiles(
        artifact,
        await readManifest(artifact.currentManifest?.file?.directUrl, wandb, session),
        cursor,
        args.max_files,
      )
      : undefined;
    return {
      data: {
        artifact: { ...describeVersion(version, wandb), metadata: artifact.metadata },
        lineage: describeLineage(version),
        ...reportProblems(problems),
        ...(list === undefined ? {} : {
          ...(list.notes.length > 0 ? { notes: list.notes } : {}),
          ...defined({ files_total: list.total }),
          files_count: list.files.length,
          files_truncated: list.next !== undefined,
          ...defined({ next_cursor: list.next }),
          files: list.files.map((file) => ({ ...file })),
        }),
      },
      rows: [{
        path: "files",
        resume: (kept) => ({
          files_count: kept,
          files_truncated: true,
          next_cursor: list?.resume(kept),
        }),
        hint: "Continue with next_cursor.",
      }],
    };
  },
});

/**
 * Checks that a version has the type that the caller expects.
 *
 * @throws {Failure} `not_found` if it has another type.
 */
export function checkType(version: Version, type: string | undefined): void {
  const actual = version.artifact.artifactType?.name;
  if (type === undefined || actual === undefined || actual === type) return;
  throw new Failure(
    "not_found",
    `Artifact ${version.collection} is not of type "${type}".`,
    { hint: `Its type is "${actual}"; leave out type_name or change it.` },
  );
}
