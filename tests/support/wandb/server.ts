/** The HTTP side: routes, the log of requests, delays and faults. */
import { Credentials } from "./auth.ts";
import type { Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import { Faults, instead, spoil } from "./faults.ts";
import { receiveStream } from "./filestream.ts";
import { runFileKey } from "./files.ts";
import { type Answer, Executor, GraphqlBody, operationName } from "./graphql.ts";
import { parseLoose } from "./json.ts";
import { contentKey } from "./manifests.ts";
import type { User } from "./model.ts";
import { findRun } from "./run-query.ts";
import { serveSigned } from "./storage.ts";

/** One request as it came, and how it was answered. */
export interface LoggedRequest {
  readonly host: "api" | "store";
  readonly method: string;
  readonly path: string;
  readonly operation: string | undefined;
  readonly document: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Length of the request's body. */
  readonly bytes: number;
  status: number;
  /** Length of the answer's body, before any compression. */
  answerBytes: number;
}

/** Answers requests. */
export class Handler {
  readonly faults = new Faults();
  readonly credentials = new Credentials();
  readonly requests: LoggedRequest[] = [];
  readonly #hanging = new Set<() => void>();

  constructor(
    readonly sim: Sim,
    readonly executor: Executor,
    readonly separateStore: boolean,
  ) {}

  /** Lets go of requests that a fault keeps waiting. */
  release(): void {
    for (const go of this.#hanging) go();
    this.#hanging.clear();
  }

  /** Answers one request to the API's or the store's host. */
  async handle(host: "api" | "store", request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = await readBody(request);
    const graphql = url.pathname === "/graphql" ? readGraphql(body) : undefined;
    const entry: LoggedRequest = {
      host,
      method: request.method,
      path: url.pathname,
      operation: graphql && operationName(graphql),
      document: graphql?.query,
      variables: graphql?.variables ?? undefined,
      headers: Object.fromEntries(request.headers),
      bytes: body.length,
      status: 0,
      answerBytes: 0,
    };
    this.requests.push(entry);
    if (this.sim.behaviour.delayMs > 0) await pause(this.sim.behaviour.delayMs);
    const response = await this.#faulty(host, request, url, body, graphql, entry);
    entry.status = response.status;
    return response;
  }

  async #faulty(
    host: "api" | "store",
    request: Request,
    url: URL,
    body: Uint8Array<ArrayBuffer>,
    graphql: GraphqlBody | undefined,
    entry: LoggedRequest,
  ): Promise<Response> {
    const fault = this.faults.hit({
      method: entry.method,
      path: entry.path,
      operation: entry.operation,
      document: entry.document,
    });
    if (fault?.kind === "delay") await pause(fault.ms);
    if (fault?.kind === "hang") {
      await new Promise<void>((resolve) => this.#hanging.add(resolve));
    }
    const early = fault && instead(fault);
    if (early) return early;
    const response = await this.#route(host, request, url, body, graphql, (answer) => {
      if (fault?.kind !== "partial") return answer;
      return withoutField(answer, fault.field, fault.message ?? "injected error");
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    entry.answerBytes = bytes.length;
    return fault ? spoil(fault, response, bytes) : new Response(
      [101, 204, 205, 304].includes(response.status) ? null : bytes,
      { status: response.status, headers: response.headers },
    );
  }

  async #route(
    host: "api" | "store",
    request: Request,
    url: URL,
    body: Uint8Array<ArrayBuffer>,
    graphql: GraphqlBody | undefined,
    change: (answer: Answer) => Answer,
  ): Promise<Response> {
    const { pathname } = url;
    if (pathname.startsWith("/storage/")) {
      return serveSigned(this.sim, request, url, body, host === "store");
    }
    if (host === "store") return problem(404, "not found");
    if (pathname === "/oidc/token") {
      return this.credentials.exchange(new URLSearchParams(new TextDecoder().decode(body)));
    }
    const caller = this.credentials.caller(this.sim, request.headers.get("authorization"));
    if (!caller) return problem(401, "user is not logged in", "errors");
    try {
      if (pathname === "/graphql") {
        if (request.method !== "POST") return problem(405, "method not allowed");
        if (!graphql) return problem(400, "must provide a query", "errors");
        const answer = change(await this.executor.answer(caller, graphql));
        return Response.json(answer.body, { status: answer.status });
      }
      return this.#file(request, pathname, body, caller);
    } catch (error) {
      if (error instanceof SimError) return problem(error.status, error.message);
      throw error;
    }
  }

  #file(request: Request, pathname: string, body: Uint8Array, caller: User): Response {
    const parts = pathname.split("/").slice(1).map(decodeURIComponent);
    const [first, entity = "", project = "", run = "", ...rest] = parts;
    // Artifact contents by digest: /artifacts/…/<md5> and /artifactsV2/…/<md5>/<name>.
    if (first === "artifacts" || first === "artifactsV2") {
      const hex = parts.find((part) => /^[0-9a-f]{32}$/.test(part)) ?? "";
      return this.#content(contentKey(hex));
    }
    if (first !== "files") return problem(404, "not found");
    const found = findRun(this.sim, caller, entity, project, run);
    if (!found) return problem(404, `run ${entity}/${project}/${run} not found`);
    if (request.method === "POST" && rest.length === 1 && rest[0] === "file_stream") {
      const text = new TextDecoder().decode(body);
      return Response.json(receiveStream(this.sim, caller, found, parseLoose(text || "{}")));
    }
    if (request.method !== "GET") return problem(405, "method not allowed");
    return this.#content(runFileKey(found.id, rest.join("/")));
  }

  #content(key: string): Response {
    const data = this.sim.db.blobs.get(key);
    if (!data) return problem(404, "file not found");
    if (this.separateStore) {
      return new Response(null, {
        status: 302,
        headers: { location: this.sim.urls.sign("GET", key) },
      });
    }
    return new Response(data, { headers: { "content-type": "application/octet-stream" } });
  }
}

function problem(status: number, message: string, shape: "error" | "errors" = "error"): Response {
  const body = shape === "error" ? { error: message } : { errors: [{ message }] };
  return Response.json(body, { status });
}

function readGraphql(body: Uint8Array): GraphqlBody | undefined {
  try {
    const parsed = GraphqlBody.safeParse(JSON.parse(new TextDecoder().decode(body)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (!request.body) return new Uint8Array();
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (request.headers.get("content-encoding") !== "gzip") return bytes;
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

function withoutField(answer: Answer, field: readonly string[], message: string): Answer {
  const data = structuredClone(answer.body.data ?? null);
  let place: Record<string, unknown> | undefined = data ?? undefined;
  for (const step of field.slice(0, -1)) {
    const inner: unknown = place?.[step];
    place = isRecord(inner) ? inner : undefined;
  }
  const last = field.at(-1);
  if (place && last !== undefined) place[last] = null;
  const errors = [...answer.body.errors ?? [], { message, path: [...field] }];
  return { status: 200, body: { data, errors } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
