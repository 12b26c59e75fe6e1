import { Failure } from "../../core/failure.ts";
import { isJsonObject, type Json, tryParseJson } from "../../core/json.ts";
import { hostPort } from "../../http/redirect.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { openFileStore, whyUnreachable } from "../file_store.ts";

/** A file or reference of a version. */
export interface Entry {
  /** Base64 MD5 of a file; of a reference whatever its store calls the content. */
  readonly digest: string | undefined;
  /** Bytes. */
  readonly size: number | undefined;
  readonly ref?: string;
}

/** The entries of a version by path, or why its manifest was not read. */
export type Manifest =
  | { readonly entries: ReadonlyMap<string, Entry> }
  | { readonly unread: string };

/**
 * Reads a manifest from its signed URL. One on another host than the API's is read only where the
 * permissions reach (`--allow-hosts`), and without credentials.
 *
 * @throws {Failure} `cancelled`; other failures are told in the result.
 */
export async function readManifest(
  link: string | null | undefined,
  wandb: Wandb,
  session: WandbSession,
): Promise<Manifest> {
  const url = link ? URL.parse(link, wandb.baseUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { unread: "W&B gives no address of the manifest" };
  }
  const unreachable = whyUnreachable(url, wandb);
  if (unreachable !== undefined) return { unread: `The manifest is on ${unreachable}` };
  const host = hostPort(url);
  try {
    const text = await download(url, wandb, session);
    const entries = entriesOf(tryParseJson(text));
    return entries === undefined ? { unread: `What ${host} gives is no manifest` } : { entries };
  } catch (error) {
    if (error instanceof Failure && error.code !== "cancelled") {
      return { unread: `The manifest on ${host} could not be read: ${error.message}` };
    }
    throw error;
  }
}

/** The manifest's text. The URL is sent as it is: its signature covers every character. */
async function download(url: URL, wandb: Wandb, session: WandbSession): Promise<string> {
  const store = await openFileStore(url, wandb, session.http.signal, { accept: "*/*" });
  return await store.text({ method: "GET", address: url });
}

function entriesOf(manifest: Json | undefined): ReadonlyMap<string, Entry> | undefined {
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
