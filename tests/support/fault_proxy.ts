/** A proxy before a real server that fails in every way, by a seed. */

/** What becomes of a request. */
const FAULTS = [
  "refuse 429",
  "refuse 503",
  "lose the reply to 503",
  "lose the reply to 504",
  "half a body",
  "garbage",
  "redirect",
  "drip",
  "stall",
  "late",
] as const;
type Fault = (typeof FAULTS)[number];

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** How many of the requests fail, from 0 to 1. */
  rate: number;
  /** Faults that were done so far. */
  readonly done: Map<Fault, number>;
  /** Requests that are open: method, path and fault. */
  open(): string[];
}

const pause = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));

/**
 * Starts one before `target`, whose own address in replies becomes the proxy's. `elsewhere` is
 * where redirects lead.
 */
export function faultProxy(target: string, elsewhere: string, random: () => number): FaultProxy {
  const done = new Map<Fault, number>();
  const over = new AbortController();
  const open = new Set<{ what: string }>();
  const pass = async (request: Request, body: ArrayBuffer): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of ["host", "connection", "content-length", "accept-encoding"]) {
      headers.delete(name);
    }
    const bodiless = request.method === "GET" || request.method === "HEAD";
    const response = await fetch(target + pathname + search, {
      method: request.method,
      headers,
      redirect: "manual",
      ...(bodiless ? {} : { body }),
    });
    const kept = new Headers(response.headers);
    for (const name of ["content-length", "content-encoding", "transfer-encoding", "connection"]) {
      kept.delete(name);
    }
    const isText = /json|text/.test(kept.get("content-type") ?? "");
    const content = isText
      ? (await response.text()).replaceAll(target, proxy.url)
      : await response.bytes();
    const empty = [204, 304].includes(response.status);
    return new Response(empty ? null : content, { status: response.status, headers: kept });
  };
  const fail = async (fault: Fault, request: Request, body: ArrayBuffer): Promise<Response> => {
    switch (fault) {
      case "refuse 429":
        return new Response("slow down", { status: 429, headers: { "retry-after": "0" } });
      case "refuse 503":
        return new Response("<h1>busy</h1>", { status: 503 });
      case "redirect":
        return Response.redirect(elsewhere, 307);
      case "stall": {
        const gone = AbortSignal.any([request.signal, over.signal]);
        while (!gone.aborted) await pause(10);
        return new Response(null, { status: 499 });
      }
      case "late":
        await pause(random() * 400);
        return await pass(request, body);
    }
    const response = await pass(request, body);
    const content = await response.bytes();
    const { status, headers } = response;
    switch (fault) {
      case "lose the reply to 503":
        return new Response("<h1>lost</h1>", { status: 503 });
      case "lose the reply to 504":
        return new Response("", { status: 504 });
      case "garbage":
        return new Response("<!doctype html><title>Log in</title>{]", { headers });
      case "half a body":
        // The runtime prints the reason; a text is one line.
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(content.subarray(0, content.length >> 1)),
            pull: (controller) => controller.error("Half a body, then a reset."),
          }),
          { status, headers },
        );
      case "drip": {
        const step = Math.max(40, Math.ceil(content.length / 20));
        const drip = async function* () {
          for (let at = 0; at < content.length; at += step) {
            yield content.subarray(at, at + step);
            await pause(2);
          }
        };
        return new Response(ReadableStream.from(drip()), { status, headers });
      }
    }
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const one = { what: `${request.method} ${new URL(request.url).pathname}` };
      open.add(one);
      try {
        const body = await request.arrayBuffer();
        if (random() >= proxy.rate) return await pass(request, body);
        const drawn = FAULTS[Math.floor(random() * FAULTS.length)] ?? "late";
        // Each stall takes all the patience that a call has.
        const fault = drawn === "stall" && random() < 0.7 ? "late" : drawn;
        one.what += `, ${fault}${request.signal.aborted ? ", left" : ""}`;
        done.set(fault, (done.get(fault) ?? 0) + 1);
        return await fail(fault, request, body);
      } finally {
        open.delete(one);
      }
    },
  );
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${server.addr.port}`,
    rate: 0,
    done,
    open: () => [...open].map(({ what }) => what),
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await server.shutdown();
    },
  };
  return proxy;
}
