import * as z from "zod";
import { badArgument, Failure } from "../../core/failure.ts";
import { isJsonObject, type Json, tryParseJson } from "../../core/json.ts";
import { toHttpUrl } from "../../core/values.ts";
import { formatHostPort } from "../../http/transport.ts";
import { explainUnreachable, openFileStore, type Wandb, type WandbSession } from "../client.ts";
import { type Connection, connectionShape, INT64 } from "../shapes.ts";
import type { ArtifactReply, FileReply } from "./version_query.ts";

/** A file or reference of a version. */
export interface Entry {
  /** For a file, its MD5 in Base64. For a reference, whatever its store uses. */
  readonly digest: string | undefined;
  /** In bytes. */
  readonly size: number | undefined;
  readonly ref?: string;
}

/** The entries of a version by path, or the reason why its manifest was not read. */
type Manifest =
  | { readonly entries: ReadonlyMap<string, Entry> }
  | { readonly unread: string };

/**
 * Reads a manifest from its signed URL. If it is on another host than the API, it is read without
 * credentials, and only if the permissions allow that host (`--allow-hosts`).
 *
 * @throws {Failure} `cancelled`. Other failures are part of the result.
 */
export async function readManifest(
  link: string | null | undefined,
  wandb: Wandb,
  session: WandbSession,
): Promise<Manifest> {
  const url = link ? toHttpUrl(link, wandb.baseUrl) : undefined;
  if (url === undefined) {
    return { unread: "W&B gave no address for the manifest" };
  }
  const unreachable = explainUnreachable(url, wandb);
  if (unreachable !== undefined) return { unread: `The manifest is on ${unreachable}` };
  const host = formatHostPort(url);
  try {
    const text = await download(url, wandb, session);
    const entries = readEntries(tryParseJson(text));
    return entries === undefined ? { unread: `${host} did not return a manifest` } : { entries };
  } catch (error) {
    if (error instanceof Failure && error.code !== "cancelled") {
      return { unread: `The manifest on ${host} could not be read: ${error.message}` };
    }
    throw error;
  }
}

/** Downloads a manifest. The URL must not change: its signature covers every character. */
async function download(url: URL, wandb: Wandb, session: WandbSession): Promise<string> {
  const store = await openFileStore(url, wandb, session.http.signal, { accept: "*/*" });
  return await store.text({ method: "GET", address: url });
}

function readEntries(manifest: Json | undefined): ReadonlyMap<string, Entry> | undefined {
  if (!isJsonObject(manifest) || !isJsonObject(manifest.contents)) return undefined;
  return new Map(
    Object.entries(manifest.contents).flatMap(([name, entry]): [string, Entry][] => {
      if (!isJsonObject(entry)) return [];
      const { digest, size, ref } = entry;
      return [[name, {
        digest: typeof digest === "string" ? digest : undefined,
        size: typeof size === "number" ? size : undefined,
        ...(typeof ref === "string" ? { ref } : {}),
      }]];
    }),
  );
}

/** A page of a version's files. */
export const VERSION_FILES = `query VersionFiles($id: ID!, $n: Int!, $c: String) {
  artifact(id: $id) {
    files(first: $n, after: $c) {
      edges { node { name: displayName sizeBytes digest md5 } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

/** Files per request when reading all of them. */
const PAGE = 1000;
/** The most requests to make when reading all files. */
const MAX_PAGES = 200;

const TEXT = z.string().nullish();
const FILES = z.looseObject({
  artifact: z.looseObject({
    files: connectionShape(
      z.looseObject({ name: z.string(), sizeBytes: INT64, digest: TEXT, md5: TEXT }),
    ),
  }).nullish(),
});

/** Where a list of files continues: an offset into the manifest, or the server's cursor. */
interface FileCursor {
  /** Entries of the sorted manifest to skip. */
  readonly offset: number;
  /** The server's cursor. */
  readonly after: string | undefined;
}

/**
 * Parses the cursor of a list of files.
 *
 * @throws {Failure} `invalid_arguments` if it is malformed.
 */
export function readCursor(cursor: string | undefined): FileCursor {
  const [, offset, after] = /^(\d{1,9}):(.*)$/s.exec(cursor ?? "0:") ?? [];
  if (offset === undefined || after === undefined) {
    throw badArgument("`cursor` does not come from this tool.", "Pass next_cursor back unchanged.");
  }
  return { offset: Number(offset), after: after === "" ? undefined : after };
}

/** A file in the form that results use. */
interface FileRow {
  readonly name: string;
  /** In bytes. */
  readonly size?: number;
  readonly digest?: string;
  readonly ref?: string;
}

/** A page of the files of a version. */
interface FileList {
  readonly files: readonly FileRow[];
  readonly total: number | undefined;
  /** The cursor of the next page, or undefined at the end. */
  readonly next: string | undefined;
  /** The cursor to continue from if only the first `kept` files are shown. */
  readonly resume: (kept: number) => string | undefined;
  readonly notes: readonly string[];
}

/** Lists a page of files from the manifest if it was read, and from the API otherwise. */
export function listFiles(
  artifact: ArtifactReply,
  manifest: Manifest,
  cursor: FileCursor,
  most: number,
): FileList {
  if ("entries" in manifest) {
    const { entries } = manifest;
    const names = [...entries.keys()].sort();
    const from = cursor.offset;
    const page = names.slice(from, from + most);
    const at = (count: number) => from + count < names.length ? `${from + count}:` : undefined;
    return {
      files: page.map((name) => fileRow(name, entries.get(name))),
      total: names.length,
      next: at(page.length),
      resume: at,
      notes: [],
    };
  }
  const { items, info, total } = artifact.files;
  const from = cursor.offset;
  if (from > 0 && cursor.after === undefined) {
    throw badArgument(
      `The list cannot be continued: ${manifest.unread}.`,
      "Start again without `cursor`.",
    );
  }
  const at = (count: number, after: string | null | undefined) =>
    after ? `${from + count}:${after}` : undefined;
  const listed = total ?? (info.hasNextPage ? undefined : from + items.length);
  const unlisted = listed === undefined || artifact.fileCount === undefined
    ? undefined
    : Math.max(0, artifact.fileCount - listed);
  return {
    files: items.map(({ node }) => fileRow(node.name, readEntry(node))),
    total: artifact.fileCount ?? total,
    next: info.hasNextPage ? at(items.length, info.endCursor) : undefined,
    resume: (kept) => at(kept, items[kept - 1]?.cursor),
    notes: [unlistedNote(manifest.unread, unlisted)],
  };
}

/** Reads the API's list of all files. `complete` is false if there are too many to read. */
export async function allFiles(
  session: WandbSession,
  id: string,
): Promise<{ entries: ReadonlyMap<string, Entry>; complete: boolean; problems: string[] }> {
  const entries = new Map<string, Entry>();
  const problems: string[] = [];
  let cursor: string | null = null;
  for (let count = 0; count < MAX_PAGES; count++) {
    const { data, problems: some }: Awaited<ReturnType<typeof askFiles>> = await askFiles(
      session,
      id,
      cursor,
    );
    problems.push(...some);
    const files: Connection<FileReply> | undefined = data.artifact?.files;
    for (const node of files?.nodes ?? []) entries.set(node.name, readEntry(node));
    const next = files?.page.hasNextPage === true ? files.page.endCursor ?? null : null;
    if (next === null || next === cursor) {
      return { entries, complete: files?.page.hasNextPage === false, problems };
    }
    cursor = next;
  }
  return { entries, complete: false, problems };
}

function askFiles(session: WandbSession, id: string, cursor: string | null) {
  return session.ask(VERSION_FILES, { id, n: PAGE, c: cursor }, FILES);
}

/** The note for a manifest that was not read. Only the manifest lists references. */
export function unlistedNote(why: string, missing: number | undefined): string {
  return missing === undefined || missing === 0
    ? `${why}; references, if there are any, are not listed.`
    : `${why}; ${missing} of the entries, references most likely, are not listed.`;
}

function readEntry(node: FileReply): Entry {
  return { digest: node.digest ?? node.md5 ?? undefined, size: node.sizeBytes };
}

function fileRow(name: string, entry: Entry | undefined): FileRow {
  return {
    name,
    ...(entry?.size === undefined ? {} : { size: entry.size }),
    ...(entry?.digest === undefined ? {} : { digest: entry.digest }),
    ...(entry?.ref === undefined ? {} : { ref: entry.ref }),
  };
}
