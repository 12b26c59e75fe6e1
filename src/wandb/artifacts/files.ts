import { badArgument } from "../../core/failure.ts";
import * as z from "zod";
import type { WandbSession } from "../client.ts";
import { type Connection, connectionOf, INT64 } from "../shapes.ts";
import type { Entry, Manifest } from "./manifest.ts";
import type { ArtifactReply, FileReply } from "./version_query.ts";

/** A page of a version's files. */
export const VERSION_FILES = `query VersionFiles($id: ID!, $n: Int!, $c: String) {
  artifact(id: $id) {
    files(first: $n, after: $c) {
      edges { node { name: displayName sizeBytes digest md5 } }
      pageInfo { endCursor hasNextPage }
    }
  }
}`;

/** Files that one request asks for when all are wanted. */
const PAGE = 1000;
/** Requests after which reading all files gives up. */
const MAX_PAGES = 200;

const TEXT = z.string().nullish();
const FILES = z.looseObject({
  artifact: z.looseObject({
    files: connectionOf(
      z.looseObject({ name: z.string(), sizeBytes: INT64, digest: TEXT, md5: TEXT }),
    ),
  }).nullish(),
});

/** Where a list of files goes on: an offset into the manifest, or the server's cursor. */
export interface FileCursor {
  /** Entries of the sorted manifest to skip. */
  readonly offset: number;
  /** The server's own cursor. */
  readonly after: string | undefined;
}

/**
 * Reads the cursor of a list of files.
 *
 * @throws {Failure} `invalid_arguments` when it is none.
 */
export function readCursor(cursor: string | undefined): FileCursor {
  const [, offset, after] = /^(\d{1,9}):(.*)$/s.exec(cursor ?? "0:") ?? [];
  if (offset === undefined || after === undefined) {
    throw badArgument("`cursor` is none of this tool's.", "Use next_cursor as it was given.");
  }
  return { offset: Number(offset), after: after === "" ? undefined : after };
}

/** A file as a result has it. */
export interface FileRow {
  readonly name: string;
  /** Bytes. */
  readonly size?: number;
  readonly digest?: string;
  readonly ref?: string;
}

/** Files of a version. */
export interface FileList {
  readonly files: readonly FileRow[];
  readonly total: number | undefined;
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined;
  /** Where to go on when only the first `kept` are shown. */
  readonly resume: (kept: number) => string | undefined;
  readonly notes: readonly string[];
}

/** A page of a version's files: of its manifest where it was read, else as the API lists them. */
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
      files: page.map((name) => rowOf(name, entries.get(name))),
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
      `The list cannot go on: ${manifest.unread}.`,
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
    files: items.map(({ node }) => rowOf(node.name, entryOf(node))),
    total: artifact.fileCount ?? total,
    next: info.hasNextPage ? at(items.length, info.endCursor) : undefined,
    resume: (kept) => at(kept, items[kept - 1]?.cursor),
    notes: [unlistedNote(manifest.unread, unlisted)],
  };
}

/** All files of a version as the API lists them; `complete` is false when there are too many. */
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
    for (const node of files?.nodes ?? []) entries.set(node.name, entryOf(node));
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

/** What is said when the manifest was not read; references are told by it alone. */
export function unlistedNote(why: string, missing: number | undefined): string {
  return missing === undefined || missing === 0
    ? `${why}; references, if there are any, are not listed.`
    : `${why}; ${missing} of the entries, references most likely, are not listed.`;
}

function entryOf(node: FileReply): Entry {
  return { digest: node.digest ?? node.md5 ?? undefined, size: node.sizeBytes };
}

function rowOf(name: string, entry: Entry | undefined): FileRow {
  return {
    name,
    ...(entry?.size === undefined ? {} : { size: entry.size }),
    ...(entry?.digest === undefined ? {} : { digest: entry.digest }),
    ...(entry?.ref === undefined ? {} : { ref: entry.ref }),
  };
}
