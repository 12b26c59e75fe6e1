/** The object store: uploads and downloads by signed URL, on the API's host or its own. */
import type { Sim } from "./context.ts";
import { mimetype, UPLOAD_HEADER } from "./files.ts";
import { md5Hex } from "./artifact-mutations.ts";

/**
 * Answers a request for a signed URL. On a host of its own the store refuses requests that carry
 * an Authorization header, as S3 does.
 */
export function serveSigned(
  sim: Sim,
  request: Request,
  url: URL,
  body: Uint8Array,
  separate: boolean,
): Response {
  if (separate && request.headers.has("authorization")) {
    return denied(400, "InvalidArgument", "Only one auth mechanism allowed");
  }
  const key = sim.urls.open(request.method === "HEAD" ? "GET" : request.method, url);
  if (key === undefined) return denied(403, "SignatureDoesNotMatch", "The signature is not right");
  if (request.method === "PUT") return store(sim, request, key, body);
  const data = sim.db.blobs.get(key);
  if (!data) return denied(404, "NoSuchKey", "The key does not exist");
  return new Response(data, { headers: { "content-type": mimetype(key) } });
}

function store(sim: Sim, request: Request, key: string, body: Uint8Array): Response {
  const [name, value] = UPLOAD_HEADER;
  if (request.headers.get(name) !== value) {
    return denied(403, "AccessDenied", "The request lacks a signed header");
  }
  const md5 = md5Hex(body);
  const [kind, owner, ...rest] = key.split("/");
  if (kind === "content" && owner !== md5) {
    return denied(400, "BadDigest", "The content is not what its digest says");
  }
  sim.db.blobs.put(key, body);
  if (kind === "run" && owner !== undefined) {
    const path = rest.join("/");
    const run = decodeURIComponent(owner);
    sim.db.files.put({
      id: btoa(`File:${run}:${encodeURIComponent(path)}`),
      run,
      name: path,
      blob: key,
      size: body.length,
      md5: Uint8Array.fromHex(md5).toBase64(),
      updatedAt: sim.now(),
    });
  }
  return new Response(null, { headers: { etag: `"${md5}"` } });
}

function denied(status: number, code: string, message: string): Response {
  return new Response(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    { status, headers: { "content-type": "application/xml" } },
  );
}
