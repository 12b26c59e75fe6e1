/** HTTP requests as bytes, as a careless or hostile client, page or proxy sends them. */
import fc from "fast-check";
import { TRACE } from "../../e2e/fake_mlflow.ts";
import { LEGACY, MODERN, MODERN_META } from "../../e2e/rpc.ts";
import { type Era, inputs } from "./messages.ts";

/** How a server lets callers in. */
export const WAYS = ["none", "token", "passthrough"] as const;

/** A request, and what can be said of it beforehand. */
export interface HttpInput {
  readonly way: (typeof WAYS)[number];
  readonly method: string;
  readonly target: string;
  /** Lines of the head after the first, each with its end; `@port@` stands for the server's. */
  readonly head: string;
  readonly body: Uint8Array;
  /** Whether the request is whole and says where it ends, so that another may follow. */
  readonly framed: boolean;
  /** Whether this server may let it in: its Host, Origin and credentials. */
  readonly admitted: boolean;
  /** The client goes away at once. */
  readonly leaves: boolean;
}

/** The key of the tag that a request inside another sets. */
export const SMUGGLED = "fuzz.666000666";

const line = (name: string, value: string) => `${name}: ${value}\r\n`;

/** A part of the head, and whether a request with it can be good. */
interface Part {
  readonly text: string;
  readonly good: boolean;
}
interface Parts {
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** Either, mostly a good one. */
  readonly any: fc.Arbitrary<Part>;
}
const parts = (good: readonly string[], bad: readonly string[], weight = 12): Parts => ({
  good,
  bad,
  any: fc.oneof(
    { weight, arbitrary: fc.constantFrom(...good).map((text) => ({ text, good: true })) },
    { weight: 1, arbitrary: fc.constantFrom(...bad).map((text) => ({ text, good: false })) },
  ),
});

const host = parts(
  [line("Host", "127.0.0.1:@port@"), line("Host", "localhost"), line("host", "[::1]:1")],
  [
    ...["evil.example", "127.0.0.1.evil.example", "evil.example:@port@", "", "0.0.0.0:@port@"],
    ...["localhost.evil.example", "localhost@evil.example", "[::2]", "evil.example#localhost"],
    ...["rebound.example:@port@", "127.0.0.1:@port@, evil.example"],
  ].map((value) => line("Host", value)).concat(
    "",
    line("Host", "localhost") + line("Host", "evil.example"),
    line("Host", "evil.example") + line("Host", "localhost"),
    "Host: local\r\n host\r\n",
  ),
  6,
);
const origin = parts(
  ["", "", "", line("Origin", "http://localhost:6274"), line("Origin", "http://127.0.0.1")],
  [
    ...["https://evil.example", "null", "file://", "http://localhost.evil.example", "garbage"],
    ...["http://rebound.example:@port@", "http://localhost, https://evil.example"],
  ].map((value) => line("Origin", value)).concat(
    line("Origin", "http://localhost") + line("Origin", "https://evil.example"),
  ),
  6,
);

const type = parts(
  [line("Content-Type", "application/json")],
  [
    ...["text/plain", "application/json; charset=utf-16", "multipart/form-data", "", "*/*", "json"],
    ...["application/x-www-form-urlencoded", "text/event-stream", "application/json, text/plain"],
  ].map((value) => line("Content-Type", value)).concat("", "content-type\r\n"),
);
const accept = parts(
  [line("Accept", "application/json, text/event-stream")],
  ["", line("Accept", "*/*"), line("Accept", "application/json"), line("Accept", "text/html;q=0")],
);
const protocol = (era: Era) => {
  const usual = era === LEGACY
    ? line("Mcp-Protocol-Version", LEGACY)
    : line("Mcp-Protocol-Version", MODERN) + line("Mcp-Method", "tools/call") +
      line("Mcp-Name", "get_trace");
  return parts([usual], [
    "",
    line("Mcp-Protocol-Version", "1999-01-01"),
    line("Mcp-Protocol-Version", era === LEGACY ? MODERN : LEGACY),
    usual + line("Mcp-Protocol-Version", "1"),
    usual + line("Mcp-Method", "tools/list"),
    line("Mcp-Protocol-Version", MODERN) + line("Mcp-Method", "ping") + line("Mcp-Name", "\u00e9"),
    line("Mcp-Protocol-Version", MODERN) + line("Mcp-Method", "tools/call") +
    line("Mcp-Name", "=?base64?Z2V0X3RyYWNl?="),
    usual + line("Mcp-Name", "delete_traces") + line("Mcp-Param-Confirm", "true"),
    usual + line("Mcp-Session-Id", "../../x") + line("Last-Event-Id", "1"),
    usual + line("Mcp-Unknown", "tools/call"),
  ], 4);
};

/** Credentials for each way; the caller's secret stands for the known token. */
const credentials = (way: (typeof WAYS)[number], secret: string) =>
  parts(
    way === "none"
      ? ["", line("Authorization", `Bearer ${secret}`)]
      : [line("Authorization", `Bearer ${secret}`)],
    [
      line("Authorization", `Basic ${btoa(`a:${secret}`)}`),
      line("Authorization", `Bearer ${secret}`) + line("Authorization", `Bearer ${secret}x`),
      line("Authorization", `Bearer ${secret} ${secret}`),
      line("Authorization", `Bearer ${"x".repeat(9000)}`),
      line("Authorization", "Bearer"),
      ...(way === "none" ? [] : [""]),
      ...(way === "token" ? [line("Authorization", `Bearer ${secret}x`)] : []),
      ...(way === "passthrough" ? [line("X-Mlflow-Authorization", secret)] : []),
    ],
    6,
  );

/** Further lines; those that are not good end a request or change where it ends. */
const extra = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Part>({ text: "", good: true }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      line("X-Forwarded-Host", "evil.example") + line("Forwarded", "host=evil.example"),
      line("X-Http-Method-Override", "DELETE") + line("X-Original-Url", "/metrics"),
      line("X-Mlflow-Tracking-Uri", "http://127.0.0.1:1/") +
        line("X-Wandb-Base-Url", "http://127.0.0.1:1/"),
      line("Traceparent", "00-x"),
      line("__proto__", "polluted") + line("constructor", "x"),
      line("Cookie", "a=b") + line("Referer", "https://evil.example/"),
      line("X-Long", "x".repeat(6000)),
      Array.from({ length: 60 }, (_, index) => line(`X-${index}`, "y")).join(""),
      line("X-Bytes", "\u00ff\u0080"),
    ).map((text) => ({ text, good: true })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "X-Folded: a\r\n b: c\r\n",
      "X Space: a\r\n",
      "X-Before : a\r\n",
      ": a\r\n",
      "no colon\r\n",
      "X-Null: a\0b\r\n",
      "X-Bare: a\n",
      "X-Return: a\rb: c\r\n",
      " X-First: a\r\n",
      line("X-Longer", "x".repeat(100_000)),
      Array.from({ length: 3000 }, (_, index) => line(`X-${index}`, "y")).join(""),
      line("Content-Encoding", "gzip"),
      line("Upgrade", "websocket") + line("Connection", "upgrade"),
      line("Upgrade", "h2c") + line("Connection", "Upgrade, HTTP2-Settings") +
        line("HTTP2-Settings", ""),
      line("Expect", "100-continue"),
      line("Expect", "the-unexpected"),
      line("Connection", "close, host, content-length"),
      line("Connection", "close"),
    ).map((text) => ({ text, good: false })),
  },
);

const bytesOf = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0) & 255);
const join = (...all: readonly Uint8Array[]) => {
  const whole = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of all) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
};

interface Framing {
  readonly head: string;
  readonly body: Uint8Array;
  readonly framed: boolean;
}

/** A call that nobody sent as one: where servers and proxies disagree on where a request ends. */
const inner = (secret: string) => {
  const call = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "set_trace_tag", arguments: { trace_id: TRACE, key: SMUGGLED, value: "x" } },
  });
  return bytesOf(
    `0\r\n\r\nPOST /mcp HTTP/1.1\r\n${line("Host", "localhost")}${
      line("Content-Type", "application/json")
    }` +
      line("Accept", "application/json, text/event-stream") +
      line("Authorization", `Bearer ${secret}`) +
      `${line("Mcp-Protocol-Version", LEGACY)}${
        line("Content-Length", String(call.length))
      }\r\n${call}`,
  );
};
const AMBIGUOUS: readonly ((length: number) => string)[] = [
  (length) => line("Content-Length", `${length}`) + line("Transfer-Encoding", "chunked"),
  (length) => line("Transfer-Encoding", "chunked") + line("Content-Length", `${length}`),
  (length) => line("Content-Length", "0") + line("Content-Length", `${length}`),
  (length) => line("Content-Length", `${length}`) + line("Content-Length", "0"),
  (length) => line("Content-Length", `${length}`) + "Transfer-Encoding : chunked\r\n",
  (length) => line("Content-Length", `${length}`) + "Transfer-Encoding: \x0bchunked\r\n",
  (length) => line("Content-Length", `${length}`) + line("Transfer-Encoding", "xchunked"),
  (length) => line("Content-Length", `${length}`) + line("Transfer-Encoding", "chunked, identity"),
  (length) => line("Content-Length", `${length}`) + line("Transfer-Encoding", "identity"),
  (length) => line("Content-Length", `${length}`) + line("Transfer-Encoding", '"chunked"'),
  (length) => line("Content-Length", `${length}`) + "X: a\r\n Transfer-Encoding: chunked\r\n",
  (length) => line("Content-Length", `${length}`) + "X: a\rTransfer-Encoding: chunked\r\n",
  (length) => line("Content-Length", `${length}`) + "X: a\nTransfer-Encoding: chunked\r\n",
  (length) => line("Content-Length", `${length}`) + "Transfer-Encoding:\tchunked\r\n",
  (length) => line("Content-Length", `${length}`) + "Transfer-Encoding:chunked\r\n",
  (length) => line("Content-Length", `0, ${length}`),
  (length) => line("Content-Length", `${length}, 0`),
  (length) => line("Content-Length", `+${length}`),
  (length) => line("Content-Length", `0x${length.toString(16)}`),
  (length) => line("Content-Length", `${length} 0`),
];

function chunked(body: Uint8Array, size: number, extension: string, end = "0\r\n\r\n"): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    chunks.push(bytesOf(`${chunk.length.toString(16)}${extension}\r\n`), chunk, bytesOf("\r\n"));
  }
  return join(...chunks, bytesOf(end));
}

function framings(body: Uint8Array, secret: string): fc.Arbitrary<Framing> {
  const te = line("Transfer-Encoding", "chunked");
  const { length } = body;
  return fc.oneof(
    {
      weight: 10,
      arbitrary: fc.constant({ head: line("Content-Length", `${length}`), body, framed: true }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        size: fc.integer({ min: 1, max: 200 }),
        extension: fc.constantFrom("", ";a=b", ';a="b c"'),
      })
        .map(({ size, extension }) => ({
          head: te,
          body: chunked(body, size + (length >> 6), extension),
          framed: true,
        })),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...AMBIGUOUS).map((head) => {
        const hidden = inner(secret);
        return { head: head(hidden.length), body: hidden, framed: false };
      }),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Framing>(
        { head: line("Content-Length", `${length + 5}`), body, framed: false },
        { head: line("Content-Length", "99999999999999999999"), body, framed: false },
        { head: line("Content-Length", "-1"), body, framed: false },
        { head: line("Content-Length", ""), body, framed: false },
        { head: "", body, framed: false },
        { head: te, body, framed: false },
        { head: te, body: chunked(body, 10 + length, "", "zz\r\n"), framed: false },
        { head: te, body: chunked(body, 10 + length, "", "ffffffffffffffffff\r\n"), framed: false },
        { head: te, body: chunked(body, 10 + length, "\n"), framed: false },
        {
          head: te,
          body: chunked(body, 10 + length, "", "0\r\nHost: evil.example\r\n\r\n"),
          framed: false,
        },
        { head: te, body: chunked(body, 10 + length, "", ""), framed: false },
        { head: te + te, body: chunked(body, 10 + length, ""), framed: false },
        { head: line("Content-Length", `${Math.max(0, length - 3)}`), body, framed: false },
      ),
    },
  );
}

const method = parts(["POST"], ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"], 8);
const oddMethod = fc.constantFrom(
  "post",
  "PROPFIND",
  "",
  "CONNECT",
  "PRI",
  "G\0T",
  "POST POST",
  "X".repeat(300),
);
const target = parts(["/mcp"], [
  ...["/healthz", "/readyz", "/metrics", "/", "/other", "//mcp", "/mcp/", "/MCP", "/mcp/../mcp"],
  ...["/%6dcp", "/mcp?x=1", "/mcp#x", "/.env", "/..%2f..%2fetc/passwd", "/mcp;x", "/\\mcp"],
  ...["//evil.example/mcp", "/.well-known/oauth-protected-resource", `/${"a".repeat(5000)}`],
], 8);
const oddTarget = fc.constantFrom(
  ...["*", "http://evil.example/mcp", "http://localhost/mcp", "mcp", "", "/\0", "/\u00ff", "/a b"],
  ...["http:///mcp", "javascript:alert(1)", `/${"a".repeat(70_000)}`, "/mcp HTTP/1.1\r\nX: y"],
);
const oddVersion = fc.constantFrom(
  "HTTP/1.0",
  "HTTP/0.9",
  "HTTP/2.0",
  "HTTP/1.2",
  "",
  "HTTX/1.1",
  "HTTP/1.1 x",
);

/** Whether a Host leaves the head one that can be read. */
const isLine = (text: string) => text !== "" && !/\r\n ./.test(text);

/** Good calls but for one of what lets callers in, each wrong value of it once. */
export function wrongCallers(secret: string): HttpInput[] {
  return WAYS.flatMap((way) =>
    ([LEGACY, MODERN] as const).flatMap((era) => {
      const guards = [host, origin, ...(way === "none" ? [] : [credentials(way, secret)])];
      const usual = [type, accept, protocol(era)].map(({ good }) => good[0] ?? "").join("");
      const body = bytesOf(JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
          name: "get_trace",
          arguments: { trace_id: TRACE },
          ...(era === MODERN ? { _meta: MODERN_META } : {}),
        },
      }));
      const request = (wrong?: Parts, value = ""): HttpInput => ({
        way,
        method: "POST",
        target: "/mcp HTTP/1.1",
        head: guards.map((one) => one === wrong ? value : one.good[0] ?? "").join("") + usual +
          line("Content-Length", `${body.length}`),
        body,
        framed: wrong !== host || isLine(value),
        admitted: wrong === undefined,
        leaves: false,
      });
      return [request(), ...guards.flatMap((one) => one.bad.map((value) => request(one, value)))];
    })
  );
}

/** A request; `secret` is the token that callers have. */
export function httpInputs(secret: string): fc.Arbitrary<HttpInput> {
  const from = (era: Era) =>
    fc.tuple(inputs(era), fc.constantFrom(...WAYS)).chain(([message, way]) =>
      fc.record({
        framing: framings(message, secret),
        start: fc.oneof(
          {
            weight: 12,
            arbitrary: fc.tuple(method.any, target.any).map(([one, two]) => ({
              method: one.text,
              target: two.text,
              version: "HTTP/1.1",
              odd: false,
            })),
          },
          {
            weight: 1,
            arbitrary: oddMethod.map((one) => ({
              method: one,
              target: "/mcp",
              version: "HTTP/1.1",
              odd: true,
            })),
          },
          {
            weight: 1,
            arbitrary: oddTarget.map((one) => ({
              method: "POST",
              target: one,
              version: "HTTP/1.1",
              odd: true,
            })),
          },
          {
            weight: 1,
            arbitrary: oddVersion.map((one) => ({
              method: "POST",
              target: "/mcp",
              version: one,
              odd: true,
            })),
          },
        ),
        host: host.any,
        origin: origin.any,
        credentials: credentials(way, secret).any,
        others: fc.tuple(type.any, accept.any, protocol(era).any),
        extra,
        leaves: fc.nat(30).map((one) => one === 0),
      }).map((all): HttpInput => {
        const lines = [all.host, all.origin, all.credentials, ...all.others, all.extra];
        return {
          way,
          method: all.start.method,
          target: `${all.start.target} ${all.start.version}`,
          head: lines.map(({ text }) => text).join("") + all.framing.head,
          body: all.framing.body,
          framed: all.framing.framed && !all.start.odd && all.extra.good &&
            isLine(all.host.text) && !lines.some(({ text }) => text === "content-type\r\n"),
          admitted: all.host.good && all.origin.good && (way === "none" || all.credentials.good),
          leaves: all.leaves,
        };
      })
    );
  return fc.oneof(from(LEGACY), from(MODERN));
}

/** The bytes of a request to a port. */
export function bytesOfRequest(
  { method, target, head, body }: HttpInput,
  port: number,
): Uint8Array {
  return join(
    bytesOf(`${method} ${target}\r\n${head.replaceAll("@port@", String(port))}\r\n`),
    body,
  );
}
