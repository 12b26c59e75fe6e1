/** Files of runs. */
import { z } from "zod";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { Run, RunFile, User } from "./model.ts";
import { connection } from "./paging.ts";

/** Where a run's file is kept. */
export function runFileKey(run: string, name: string): string {
  return `run/${encodeURIComponent(run)}/${name}`;
}

/** Every upload must carry what the server asked for with its URL. */
export const UPLOAD_HEADER = ["X-Sim-Upload", "expected"] as const;

const FilesArgs = z.looseObject({
  names: z.array(z.string().nullable()).nullish(),
  pattern: z.string().nullish(),
});

/** The file fields of a run. */
export function runFileFields(sim: Sim, run: Run): Record<string, unknown> {
  return {
    fileCount: () => sim.db.files.count({ run: run.id }),
    files: (raw: unknown) => {
      const { names, pattern } = FilesArgs.parse(raw);
      const wanted = names && names.length > 0 ? new Set(names) : undefined;
      const like = pattern ? likePattern(pattern) : undefined;
      const files = sim.db.files.find({ run: run.id })
        .filter((file) => (!wanted || wanted.has(file.name)) && (!like || like.test(file.name)))
        .sort((a, b) => a.name < b.name ? -1 : 1);
      return {
        ...connection(files, raw, (file) => fileNode(sim, run, file)),
        uploadHeaders: [UPLOAD_HEADER.join(":")],
      };
    },
  };
}

function likePattern(pattern: string): RegExp {
  const parts = pattern.split(/([%_])/).map((part) =>
    part === "%" ? ".*" : part === "_" ? "." : RegExp.escape(part)
  );
  return new RegExp(`^${parts.join("")}$`, "s");
}

/** A `File` of a run. */
export function fileNode(sim: Sim, run: Run, file: RunFile): unknown {
  return {
    __typename: "File",
    id: file.id,
    name: file.name,
    displayName: file.name,
    url: (raw: unknown) =>
      z.looseObject({ upload: z.boolean().nullish() }).parse(raw).upload
        ? sim.urls.sign("PUT", file.blob)
        : apiFileUrl(sim, run, file.name),
    directUrl: () => sim.urls.sign("GET", file.blob),
    uploadUrl: () => sim.urls.sign("PUT", file.blob),
    uploadHeaders: [UPLOAD_HEADER.join(":")],
    uploadMultipartUrls: null,
    sizeBytes: file.size,
    mimetype: mimetype(file.name),
    md5: file.md5,
    digest: file.md5,
    storagePath: file.blob,
    updatedAt: file.updatedAt,
    artifact: null,
  };
}

/** The file on the API's own host, which wants credentials. */
function apiFileUrl(sim: Sim, run: Run, name: string): string {
  const project = sim.db.projects.get(run.project);
  const path = [project?.entity ?? "", project?.name ?? "", run.name, ...name.split("/")];
  return `${sim.urls.api}/files/${path.map(encodeURIComponent).join("/")}`;
}

/** Type of a file by its name's ending. */
export function mimetype(name: string): string {
  const types: Record<string, string> = {
    json: "application/json",
    txt: "text/plain",
    log: "text/plain",
    yaml: "text/yaml",
    png: "image/png",
  };
  return types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
}

const CreateFiles = z.looseObject({
  input: z.looseObject({
    entityName: z.string(),
    projectName: z.string(),
    runName: z.string(),
    files: z.array(z.string()),
  }),
});

/** The file fields of the mutation root. */
export function fileMutations(sim: Sim, caller: User): Record<string, unknown> {
  const runOf = (raw: unknown) => {
    const { input } = CreateFiles.parse(raw);
    const project = needProject(sim, caller, input.entityName, input.projectName);
    mustWrite(sim, caller, project.entity);
    const run = sim.db.runs.first({ project: project.id, name: input.runName });
    if (!run) throw new SimError(404, "run not found");
    return { run, files: input.files };
  };
  return {
    createRunFiles: (raw: unknown) => {
      const { run, files } = runOf(raw);
      return {
        runID: run.id,
        uploadHeaders: [UPLOAD_HEADER.join(":")],
        files: files.map((name) => ({
          name,
          uploadUrl: sim.urls.sign("PUT", runFileKey(run.id, name)),
        })),
      };
    },
    markRunFilesUploaded: (raw: unknown) => {
      runOf(raw);
      return { success: true };
    },
    deleteFiles: (raw: unknown) => {
      const { input } = z.looseObject({ input: z.looseObject({ files: z.array(z.string()) }) })
        .parse(raw);
      mustWrite(sim, caller, caller.username);
      for (const id of input.files) sim.db.files.delete(id);
      return { success: true };
    },
  };
}
