/** A request that was sent, with the type of its body where it has one. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly type: string | null;
  readonly body: string;
}

/** A request that passed, and its answer. */
export interface Exchange extends Sent {
  readonly began: number;
  readonly ended: number;
  readonly status: number;
  readonly answerType: string;
  readonly answer: string;
}

/** Passes requests on to a server and notes them: what wandflow sends for a call. */
export class Recorder implements AsyncDisposable {
  readonly seen: Exchange[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(upstream: string) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, async (request) => {
      const began = performance.now();
      const { pathname, search } = new URL(request.url);
      const sent = {
        method: request.method,
        path: `${pathname}${search}`,
        type: request.headers.get("content-type"),
        body: await request.text(),
      };
      const response = await send(upstream, sent, request.headers.get("authorization"));
      const answer = await response.text();
      const answerType = response.headers.get("content-type") ?? "application/octet-stream";
      const { status } = response;
      this.seen.push({ ...sent, began, ended: performance.now(), status, answerType, answer });
      return new Response(answer, { status, headers: { "content-type": answerType } });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A request that sends JSON. */
export function post(path: string, body: unknown): Sent {
  return { method: "POST", path, type: "application/json", body: JSON.stringify(body) };
}

/** Sends a request, perhaps once more. */
export function send(
  base: string,
  { method, path, type, body }: Sent,
  authorization: string | null = null,
): Promise<Response> {
  return fetch(`${base}${path}`, {
    method,
    headers: {
      ...(type === null ? {} : { "content-type": type }),
      ...(authorization === null ? {} : { authorization }),
    },
    ...(body === "" ? {} : { body }),
  });
}

/** Sends a request that has to succeed, and reads its answer for nothing. */
export async function spend(base: string, sent: Sent, authorization?: string): Promise<void> {
  const response = await send(base, sent, authorization);
  const text = await response.text();
  if (!response.ok) throw new Error(`${sent.path}: ${response.status} ${text.slice(0, 300)}`);
}

/** Requests in the order in which they were sent, those side by side that overlapped. */
export function stepsOf(seen: readonly Exchange[]): Exchange[][] {
  const steps: Exchange[][] = [];
  let end = -1;
  for (const one of seen.toSorted((a, b) => a.began - b.began)) {
    if (one.began >= end) steps.push([]);
    steps.at(-1)?.push(one);
    end = Math.max(end, one.ended);
  }
  return steps;
}
