/**
 * Writes a small, finished run in three steps: the run itself (one mutation), its files (signed
 * uploads), and one post to its file stream, which finishes it. Until that post the run counts as
 * running, so a finished run is always complete. Every step can be repeated, because the run's id
 * and the stream's offsets are fixed.
 *
 * @module
 */
import { isDeepEqual, sha256 } from "../../core/values.ts";
import * as z from "zod";
import { inTurn, pause } from "../../core/async.ts";
import { Failure, isFailure } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import { doubtWrite } from "../../http/failure.ts";
import { path } from "../../http/request.ts";
import { formatHostPort } from "../../http/transport.ts";
import { writeOnce } from "../../http/write.ts";
import { explainUnreachable, openFileStore, type Wandb, type WandbSession } from "../client.ts";
import { noProject } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { JSON_FIELD, OBJECT_FIELD } from "../shapes.ts";
import type { Table } from "./analysis.ts";

/** The tag on every run that this module writes. */
const TAG = "mcp-generated";

export const RUN_TO_WRITE = `query RunToWrite($e: String!, $p: String!, $r: String!) {
  project(entityName: $e, name: $p) { id internalId run(name: $r) { name tags state summaryMetrics } }
}`;
const LOOKED = z.looseObject({
  project: z.looseObject({
    id: z.string(),
    internalId: z.union([z.string(), z.number()]).nullish(),
    run: z.looseObject({
      tags: z.array(z.string()).nullish(),
      state: z.string().nullish(),
      summaryMetrics: OBJECT_FIELD,
    }).nullish(),
  }).nullish(),
});

export const WRITE_RUN =
  `mutation WriteRun($e: String, $p: String, $r: String, $n: String, $j: String,
  $notes: String, $c: JSONString, $tags: [String!]) {
  upsertBucket(input: { entityName: $e, modelName: $p, name: $r, displayName: $n, jobType: $j,
    notes: $notes, config: $c, tags: $tags }) { bucket { id name } inserted }
}`;
const UPSERTED = z.looseObject({
  upsertBucket: z.looseObject({
    bucket: z.looseObject({ name: z.string() }),
    inserted: z.boolean().nullish(),
  }),
});

export const WRITE_RUN_FILES =
  `mutation WriteRunFiles($e: String!, $p: String!, $r: String!, $f: [String!]!) {
  createRunFiles(input: { entityName: $e, projectName: $p, runName: $r, files: $f }) {
    uploadHeaders
    files { name uploadUrl }
  }
}`;
const CREATED = z.looseObject({
  createRunFiles: z.looseObject({
    uploadHeaders: z.array(z.string()).nullish(),
    files: z.array(z.looseObject({ name: z.string(), uploadUrl: z.string().nullish() })),
  }),
});

/** A file of a run. */
interface RunFile {
  /** The key of the file in the history and the summary. */
  readonly key: string;
  readonly path: string;
  readonly content: string;
  /** The value at that key, which refers to the file. */
  readonly reference: Readonly<Record<string, unknown>>;
}

/** A run to write. */
interface RunToWrite {
  readonly id: string;
  readonly name: string;
  readonly jobType: string;
  readonly notes: string;
  readonly charts?: Readonly<Record<string, unknown>>;
  readonly summary: Readonly<Record<string, unknown>>;
  readonly files: readonly RunFile[];
}

/** The result of writing a run. */
interface WrittenRun {
  /** False if the run already existed and was written again. */
  readonly created: boolean;
  /** The project's internal id, which reports need. */
  readonly internalId: string | number | undefined;
  /** The files that could not be stored, by key, and why. */
  readonly missing: readonly { readonly key: string; readonly reason: string }[];
  /** Notes for the caller if a reply was lost. */
  readonly notes: readonly string[];
}

/** Makes a run's file from a table, with the path that W&B's client 0.25.1 would give it. */
export function tableFile(key: string, table: Table): RunFile {
  return mediaFile(key, "media/table", "table.json", JSON.stringify(table), {
    _type: "table-file",
    ncols: table.columns.length,
    nrows: table.data.length,
  });
}

/** Makes a run's file from a web page. */
export function htmlFile(key: string, html: string): RunFile {
  return mediaFile(key, "media/html", "html", html, { _type: "html-file" });
}

function mediaFile(
  key: string,
  folder: string,
  extension: string,
  content: string,
  type: Readonly<Record<string, unknown>>,
): RunFile {
  const digest = sha256(content, "hex");
  const name = `${folder}/${key}_0_${digest.slice(0, 20)}.${extension}`;
  const size = new TextEncoder().encode(content).length;
  return { key, path: name, content, reference: { ...type, path: name, sha256: digest, size } };
}

/**
 * Writes a run, or the same run again. Concurrent calls for the same run take turns.
 *
 * @throws {Failure} `conflict` if a run that was not written here has this id; `not_found` if there
 * is no such project.
 */
export function writeRun(
  wandb: Wandb,
  project: ProjectRef,
  run: RunToWrite,
  signal: AbortSignal,
): Promise<WrittenRun> {
  const key = `run ${wandb.baseUrl}${project.id}/${run.id}`;
  return inTurn(key, signal, () => writeInTurn(wandb, project, run, signal));
}

async function writeInTurn(
  wandb: Wandb,
  project: ProjectRef,
  run: RunToWrite,
  signal: AbortSignal,
): Promise<WrittenRun> {
  const session = wandb.open(signal);
  const place = { e: project.entity, p: project.project, r: run.id };
  const { data: looked } = await session.ask(RUN_TO_WRITE, place, LOOKED);
  if (!looked.project) throw await noProject(session, project);
  const known = looked.project.run;
  if (known && !known.tags?.includes(TAG)) {
    throw new Failure("conflict", `Run ${run.id} exists and was not written by this tool.`, {
      hint: "Choose another analysis_id, or leave it out.",
    });
  }
  const again = `repeating the call completes run ${run.id} and creates no second one`;
  let begun = false;
  let uploaded: Uploaded = { stored: [], missing: [] };
  try {
    const { notes } = await writeOnce({
      verb: "stored",
      otherwise: again,
      send: async () => {
        await repeatOnce(session, () =>
          session.ask(WRITE_RUN, {
            ...place,
            n: run.name,
            j: run.jobType,
            notes: run.notes,
            c: JSON.stringify(
              run.charts === undefined ? {} : { _wandb: { value: { visualize: run.charts } } },
            ),
            tags: [TAG],
          }, UPSERTED));
        begun = true;
        uploaded = await upload(wandb, session, place, run.files);
        await stream(wandb, session, project, run, uploaded.stored);
      },
      look: async () => {
        const { data } = await wandb.open(signal).ask(RUN_TO_WRITE, place, LOOKED);
        const found = data.project?.run;
        if (!found) return "nothing yet";
        const wanted = { ...run.summary, ...nameFiles(uploaded.stored) };
        const whole = found.state === "finished" && holds(found.summaryMetrics, wanted);
        return whole ? { result: undefined } : "unclear";
      },
    }, signal);
    return {
      created: !known,
      internalId: looked.project.internalId ?? looked.project.id,
      missing: uploaded.missing,
      notes: notes ?? [],
    };
  } catch (error) {
    if (!begun || !isFailure(error) || error.effect !== undefined) throw error;
    throw new Failure(error.code, `${error.message} Run ${run.id} exists but is incomplete.`, {
      hint: `Fix the cause first: ${again}.`,
      retryable: error.retryable,
      status: error.status,
      effect: "part",
      cause: error,
    });
  }
}

/** Whether a run's summary contains these values. */
function holds(summary: JsonObject, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    isDeepEqual(summary[key], JSON_FIELD.parse(JSON.stringify(value)))
  );
}

/** Retries once if the first try may have arrived. The fixed run id makes that safe. */
async function repeatOnce<T>(session: WandbSession, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error) || error.effect !== "unknown" || session.http.signal.aborted) throw error;
    await pause(500, session.http.signal);
    return await work();
  }
}

interface Uploaded extends Pick<WrittenRun, "missing"> {
  readonly stored: readonly RunFile[];
}

/** The entries for these files in the history and the summary, by key. */
function nameFiles(files: readonly RunFile[]): Record<string, unknown> {
  return Object.fromEntries(files.map(({ key, reference }) => [key, reference]));
}

async function upload(
  wandb: Wandb,
  session: WandbSession,
  place: { readonly e: string; readonly p: string; readonly r: string },
  files: readonly RunFile[],
): Promise<Uploaded> {
  if (files.length === 0) return { stored: [], missing: [] };
  const { data } = await repeatOnce(
    session,
    () => session.ask(WRITE_RUN_FILES, { ...place, f: files.map((file) => file.path) }, CREATED),
  );
  const { files: targets, uploadHeaders } = data.createRunFiles;
  const headers = Object.fromEntries((uploadHeaders ?? []).map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  }));
  const stored: RunFile[] = [];
  const missing: { key: string; reason: string }[] = [];
  for (const file of files) {
    const target = targets.find(({ name }) => name === file.path)?.uploadUrl;
    const url = target ? URL.parse(target, wandb.baseUrl) : null;
    const reason = url === null
      ? "W&B gave no address to upload it to"
      : await put(wandb, session, url, headers, file.content);
    if (reason === undefined) stored.push(file);
    else missing.push({ key: file.key, reason });
  }
  return { stored, missing };
}

/** Uploads a file. Returns the reason if that fails. */
async function put(
  wandb: Wandb,
  session: WandbSession,
  url: URL,
  headers: Record<string, string>,
  content: string,
): Promise<string | undefined> {
  const unreachable = explainUnreachable(url, wandb);
  if (unreachable !== undefined) return `its upload goes to ${unreachable}`;
  try {
    const store = await openFileStore(url, wandb, session.http.signal, headers);
    const body = new TextEncoder().encode(content);
    // The signed URL is for this file only, so sending it twice does no harm.
    const reply = await store.send({ method: "PUT", address: url, body, repeatable: true });
    await reply.body?.cancel();
    return undefined;
  } catch (error) {
    if (!isFailure(error) || error.code === "cancelled") throw error;
    return `its upload to ${formatHostPort(url)} failed: ${error.message}`;
  }
}

async function stream(
  wandb: Wandb,
  session: WandbSession,
  project: ProjectRef,
  run: RunToWrite,
  files: readonly RunFile[],
): Promise<void> {
  const row = { _step: 0, _runtime: 0, _timestamp: Date.now() / 1000, ...nameFiles(files) };
  const summary = { ...run.summary, ...row };
  const lines = (value: unknown) => ({ offset: 0, content: [JSON.stringify(value)] });
  const sent = wandb.authorized(session.http, (authorization) =>
    session.http.json({
      method: "POST",
      path: path`/files/${project.entity}/${project.project}/${run.id}/file_stream`,
      headers: { authorization },
      // The offsets are fixed, so a second arrival changes nothing.
      repeatable: true,
      json: {
        files: { "wandb-history.jsonl": lines(row), "wandb-summary.json": lines(summary) },
        uploaded: files.map((file) => file.path),
        complete: true,
        exitcode: 0,
      },
    }));
  await sent.catch((error) => {
    throw isFailure(error) ? doubtWrite(error) : error;
  });
}
