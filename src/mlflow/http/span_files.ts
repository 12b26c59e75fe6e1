/** Files of spans that the server does not read for its clients. */
import { Failure, isFailure } from "../../core/failure.ts";
import type { Json } from "../../core/json.ts";
import type { ObjectReader } from "../objects.ts";
import { decodeArchive } from "../shape/otlp.ts";
import { findObject, NO_ARCHIVE_LOCATION, type SpanPlace } from "../span_place.ts";

export function explainObject(object: string, cause?: Failure): Failure {
  const [store = object] = /^\w+:\/\/[^/]+/.exec(object) ?? [];
  return new Failure(
    "unsupported",
    `The spans are in ${new URL(object).protocol}//, and the server does not serve them.`,
    {
      hint: `To read them there, set --artifact-stores ${store} ` +
        `(WANDFLOW_ARTIFACT_STORES=${store}), with credentials for it.`,
      cause,
    },
  );
}

function explainArchive({ folder }: SpanPlace & { kind: "archive" }): Failure {
  if (folder === undefined) return new Failure("unsupported", NO_ARCHIVE_LOCATION);
  return new Failure(
    "unsupported",
    `The spans were archived in ${folder}, where the server does not find them.`,
    {
      hint: "The server's log says why: it may lack the credentials, or the file is gone. " +
        "Without data.* fields the trace can be read.",
    },
  );
}

/** The spans of an archived trace, from the object store that the archiver moved them to. */
export async function readArchive(
  objects: ObjectReader | undefined,
  place: SpanPlace & { kind: "archive" },
  signal: AbortSignal,
): Promise<readonly Json[]> {
  const object = findObject(place);
  if (object === undefined) throw explainArchive(place);
  const kept = await objects?.(object, signal);
  if (kept === undefined) throw explainObject(object);
  try {
    return decodeArchive(await kept.session.bytes(kept.request), object);
  } catch (error) {
    if (!isFailure(error, "not_found")) throw error;
    throw new Failure("upstream_error", `The spans were archived as ${object}, which is gone.`, {
      hint: "Restore it from a backup. Without data.* fields the trace can be read.",
      cause: error,
    });
  }
}
