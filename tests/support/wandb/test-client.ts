/** A few requests, for the simulator's own tests. */
import { z } from "zod";
import type { WandbSim } from "./mod.ts";

const Body = z.looseObject({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z.array(z.looseObject({ message: z.string() })).optional(),
});

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly errors: string[];
}

/** The header for a key. */
export function basic(key: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`api:${key}`)}` };
}

/** Posts a GraphQL request. */
export async function ask(
  sim: WandbSim,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Record<string, string> = basic(sim.apiKey),
): Promise<Reply> {
  const response = await fetch(`${sim.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const body = Body.parse(await response.json());
  return {
    status: response.status,
    data: body.data ?? null,
    errors: (body.errors ?? []).map(({ message }) => message),
  };
}

/** Posts to a run's file stream. */
export async function stream(
  sim: WandbSim,
  path: string,
  body: unknown,
): Promise<Response> {
  return await fetch(`${sim.url}/files/${path}/file_stream`, {
    method: "POST",
    headers: { "content-type": "application/json", ...basic(sim.apiKey) },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The value at a path of names and indexes, undefined where there is none. */
export function dig(value: unknown, ...path: (string | number)[]): unknown {
  let place = value;
  for (const step of path) {
    const container = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())])
      .safeParse(place);
    if (!container.success) return undefined;
    place = new Map<string, unknown>(Object.entries(container.data)).get(String(step));
  }
  return place;
}
