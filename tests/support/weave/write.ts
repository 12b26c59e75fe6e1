/** Writes single calls as they are, for what no client's op would write. */
import type { WeaveState } from "./server.ts";

/** A finished call of the op `name`. */
export interface WrittenCall {
  readonly name: string;
  readonly inputs?: Record<string, unknown>;
  readonly output?: unknown;
  readonly exception?: string;
  readonly summary?: Record<string, unknown>;
}

/** Writes calls to a project, a second apart in the order given; gives their ids. */
export async function writeCalls(
  { url, apiKey }: WeaveState,
  project: string,
  calls: readonly WrittenCall[],
): Promise<string[]> {
  const begin = Date.now() - calls.length * 1000;
  const ids = calls.map(() => crypto.randomUUID());
  const batch = calls.flatMap((call, index) => {
    const id = ids[index];
    const at = new Date(begin + index * 1000).toISOString();
    const start = {
      project_id: project,
      id,
      trace_id: crypto.randomUUID(),
      op_name: call.name,
      started_at: at,
      attributes: {},
      inputs: call.inputs ?? {},
    };
    const end = {
      project_id: project,
      id,
      ended_at: at,
      output: call.output ?? null,
      summary: call.summary ?? {},
      ...(call.exception === undefined ? {} : { exception: call.exception }),
    };
    return [{ mode: "start", req: { start } }, { mode: "end", req: { end } }];
  });
  const response = await fetch(`${url}/call/upsert_batch`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`api:${apiKey}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ batch }),
  });
  if (!response.ok) throw new Error(`Weave's server: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return ids;
}
