/** Faults on demand: what a server, a proxy or a network does wrong. */
import { z } from "zod";

const Match = z.object({
  /** Name of the GraphQL operation. */
  operation: z.string().optional(),
  /** Text that the GraphQL document contains. */
  document: z.string().optional(),
  /** Start of the path, for example "/graphql", "/files/", "/storage/". */
  path: z.string().optional(),
  method: z.string().optional(),
});
const Common = {
  match: Match.optional(),
  /** How many requests it hits; all of them when absent. */
  times: z.number().optional(),
  /** How many matching requests pass first. */
  after: z.number().optional(),
};

/** One fault. The first that matches a request applies. */
export const Fault = z.discriminatedUnion("kind", [
  z.object({
    ...Common,
    /** Answers with this status instead of doing anything. */
    kind: z.literal("status"),
    status: z.number(),
    message: z.string().optional(),
    /** `{"error": m}`, `{"errors": [{"message": m}]}`, `{"errors": [m]}`, or the message as is. */
    shape: z.enum(["error", "errors", "strings", "text"]).optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  /** Does the work, then breaks the connection after so many bytes of the answer. */
  z.object({ ...Common, kind: z.literal("cut"), bytes: z.number().optional() }),
  /** Does the work, then sends the answer in pieces with pauses between them. */
  z.object({
    ...Common,
    kind: z.literal("slow"),
    chunk: z.number().optional(),
    pauseMs: z.number(),
  }),
  /** Waits before the work. */
  z.object({ ...Common, kind: z.literal("delay"), ms: z.number() }),
  /** Takes the request and never answers. */
  z.object({ ...Common, kind: z.literal("hang") }),
  /** Sends the client elsewhere. */
  z.object({
    ...Common,
    kind: z.literal("redirect"),
    to: z.string(),
    status: z.number().optional(),
  }),
  /** A page of HTML, as login walls and proxies send. */
  z.object({ ...Common, kind: z.literal("html"), status: z.number().optional() }),
  /** The right body under this content type. */
  z.object({ ...Common, kind: z.literal("contentType"), value: z.string() }),
  /** This body, whatever it is, with status 200 and JSON's content type. */
  z.object({ ...Common, kind: z.literal("body"), body: z.string() }),
  /** The field at this path is null and an error says so; status 200. */
  z.object({
    ...Common,
    kind: z.literal("partial"),
    field: z.array(z.string()),
    message: z.string().optional(),
  }),
]);
/** Its type. */
export type Fault = z.infer<typeof Fault>;

/** What faults are matched by. */
export interface Subject {
  readonly method: string;
  readonly path: string;
  readonly operation: string | undefined;
  readonly document: string | undefined;
}

/** The faults in force. */
export class Faults {
  #active: { fault: Fault; seen: number }[] = [];

  /** Puts a fault in force, after those there are. */
  add(fault: Fault): void {
    this.#active.push({ fault: Fault.parse(fault), seen: 0 });
  }

  /** Ends all faults. */
  clear(): void {
    this.#active = [];
  }

  /** The fault that hits this request, counting it. */
  hit(subject: Subject): Fault | undefined {
    for (const entry of this.#active) {
      if (!fits(entry.fault.match ?? {}, subject)) continue;
      const number = entry.seen++ - (entry.fault.after ?? 0);
      if (number < 0) return undefined;
      if (number < (entry.fault.times ?? Infinity)) return entry.fault;
    }
    return undefined;
  }
}

function fits(match: z.infer<typeof Match>, subject: Subject): boolean {
  return (match.operation === undefined || match.operation === subject.operation) &&
    (match.document === undefined || (subject.document ?? "").includes(match.document)) &&
    (match.path === undefined || subject.path.startsWith(match.path)) &&
    (match.method === undefined || match.method === subject.method);
}

/** The answer of a fault that does no work, undefined for those that spoil a real answer. */
export function instead(fault: Fault): Response | undefined {
  switch (fault.kind) {
    case "status": {
      const message = fault.message ?? `injected ${fault.status}`;
      const bodies = {
        error: JSON.stringify({ error: message }),
        errors: JSON.stringify({ errors: [{ message }] }),
        strings: JSON.stringify({ errors: [message] }),
        text: message,
      };
      const shape = fault.shape ?? "error";
      return new Response(bodies[shape], {
        status: fault.status,
        headers: {
          "content-type": shape === "text" ? "text/plain" : "application/json",
          ...fault.headers,
        },
      });
    }
    case "redirect":
      return new Response(null, { status: fault.status ?? 302, headers: { location: fault.to } });
    case "html":
      return new Response("<!doctype html><html><body><h1>Sign in</h1></body></html>", {
        status: fault.status ?? 200,
        headers: { "content-type": "text/html" },
      });
    case "body":
      return new Response(fault.body, { headers: { "content-type": "application/json" } });
    default:
      return undefined;
  }
}

/** Spoils a real answer as the fault says. */
export function spoil(fault: Fault, response: Response, body: Uint8Array<ArrayBuffer>): Response {
  const headers = new Headers(response.headers);
  const { status } = response;
  switch (fault.kind) {
    case "contentType":
      headers.set("content-type", fault.value);
      return new Response(body, { status, headers });
    case "cut": {
      const kept = body.subarray(0, fault.bytes ?? Math.floor(body.length / 2));
      let sent = false;
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (sent) controller.error(new Error("cut"));
          else controller.enqueue(kept);
          sent = true;
        },
      });
      return new Response(stream, { status, headers });
    }
    case "slow": {
      const size = fault.chunk ?? 64;
      let from = 0;
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        async pull(controller) {
          if (from > 0) await new Promise((resolve) => setTimeout(resolve, fault.pauseMs));
          controller.enqueue(body.subarray(from, from + size));
          from += size;
          if (from >= body.length) controller.close();
        },
      });
      return new Response(stream, { status, headers });
    }
    default:
      return new Response(body, { status, headers });
  }
}
