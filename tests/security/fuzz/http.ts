/** The product over HTTP, by raw connections, fed with what a client should not send. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { TRACE } from "../../e2e/fake_mlflow.ts";
import { callOverHttp, LEGACY, MESSAGE, type Message, MODERN } from "../../e2e/rpc.ts";
import { startHttp } from "../../support/product.ts";
import { writeAll } from "../../support/raw_http.ts";
import { keyOf } from "./expected.ts";
import { MARK } from "./messages.ts";
import { bytesOfRequest, type HttpInput, SMUGGLED, WAYS } from "./requests.ts";
import { CALLER, checkNothingLeaks, SECRETS, startUpstream } from "./upstream.ts";

/** Requests at a time. */
const AT_ONCE = 8;
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const PROBE = new TextEncoder().encode(
  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
);

/** A response as it came. */
interface Response {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Products, one for each way to let callers in. */
interface HttpTarget extends AsyncDisposable {
  readonly pids: readonly number[];
  /** Sends what was generated, then good calls, and checks all that leaves. */
  run(batch: readonly HttpInput[]): Promise<void>;
}

/** Starts them. */
export async function startHttpTarget(): Promise<HttpTarget> {
  await using starting = new AsyncDisposableStack();
  const upstream = starting.use(startUpstream());
  const tokens = await Deno.makeTempFile();
  starting.defer(() => Deno.remove(tokens));
  await Deno.writeTextFile(tokens, `caller ${createHash("sha256").update(CALLER).digest("hex")}\n`);
  const limits = ["--calls-per-minute", "1000000", "--calls-at-once", "1000", "--metrics"];
  const [none, token, passthrough] = await Promise.all([
    startHttp({ ...upstream.env, ...SECRETS }, ["--metrics"]),
    startHttp({ ...upstream.env, ...SECRETS }, [
      "--auth",
      "token",
      "--tokens-file",
      tokens,
      ...limits,
    ]),
    startHttp(upstream.env, ["--auth", "passthrough", ...limits]),
  ]);
  const servers = {
    none: starting.use(none),
    token: starting.use(token),
    passthrough: starting.use(passthrough),
  };
  const right = new Map<string, string>();

  const callWell = async (): Promise<void> => {
    for (const way of WAYS) {
      for (const era of [LEGACY, MODERN] as const) {
        const headers = way === "none" ? {} : { authorization: `Bearer ${CALLER}` };
        const response = await callOverHttp(
          servers[way].url,
          era,
          "get_trace",
          { trace_id: TRACE },
          null,
          headers,
        );
        const text = await response.text();
        assert.equal(response.status, 200, text);
        assert.match(text, /answer.*AGENT/);
        assert.equal(text, right.get(way + era) ?? text, "a good call is answered otherwise");
        right.set(way + era, text);
      }
      checkNothingLeaks(servers[way].process.stderr.text, "stderr");
      servers[way].process.stderr.text = "";
      assert.equal(servers[way].process.stdout.text, "");
    }
  };

  const send = async (input: HttpInput): Promise<Response[] | undefined> => {
    const port = Number(new URL(servers[input.way].url).port);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const sending = (async () => {
      await writeAll(connection, bytesOfRequest(input, port));
      if (input.framed) await writeAll(connection, PROBE);
      else await connection.closeWrite();
    })().catch(() => {});
    if (input.leaves) {
      await sending;
      return undefined;
    }
    const bytes = await readAll(connection);
    await sending;
    checkNothingLeaks(decode(bytes), "a response");
    return parseResponses(bytes, input);
  };

  const run = async (batch: readonly HttpInput[]): Promise<void> => {
    upstream.forget();
    const answered = new Map<HttpInput, Response[] | undefined>();
    const left = [...batch];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let input = left.pop(); input !== undefined; input = left.pop()) {
        try {
          const responses = await send(input);
          answered.set(input, responses);
          if (responses !== undefined) check(input, responses);
        } catch (error) {
          throw new Error(`${error}\nfor ${describe(input)}`, { cause: error });
        }
      }
    }));
    await callWell();
    // The good calls ask, too.
    const written = upstream.check(batch.length + 2 * WAYS.length, batch.map(describe).join("\n"));
    assert.ok(!written.has(SMUGGLED), `smuggled: ${batch.map(describe).join("\n")}`);
    for (const [mark, count] of written) {
      const asking = batch.filter((input) =>
        mark === "" || decode(unchunk(input)).match(MARK)?.includes(mark) === true
      );
      assert.ok(
        count <= asking.length,
        `${mark} was written ${count} times: ${batch.map(describe).join("\n")}`,
      );
      assert.ok(
        asking.some((input) => input.admitted && (answered.get(input)?.[0]?.status ?? 200) === 200),
        `${mark} was written for ${asking.map(describe).join("\n")}`,
      );
    }
  };
  await callWell();
  const kept = starting.move();
  return {
    pids: WAYS.map((way) => servers[way].process.pid),
    run,
    [Symbol.asyncDispose]: async () => {
      for (const way of WAYS) {
        servers[way].process.signal("SIGTERM");
        assert.equal((await servers[way].process.status()).code, 0);
      }
      await kept.disposeAsync();
    },
  };
}

function describe(input: HttpInput): string {
  return JSON.stringify({
    ...input,
    head: input.head.slice(0, 1000),
    body: decode(input.body).slice(0, 600),
  });
}

/** Fails where a response is none, lets in whom it should not, or does not fit what was asked. */
function check(input: HttpInput, responses: readonly Response[]): void {
  const [first, second, ...more] = responses;
  assert.deepEqual(more, [], "more responses than requests");
  for (const { status, body } of responses) {
    // The one upstream refuses all: nobody has seen it.
    const unseen = status === 503 && /^(not seen|$)/.test(body);
    const known = status >= 200 && status < 500 || status === 501 || status === 505;
    assert.ok(known || unseen, `status ${status}: ${body}`);
  }
  if (input.framed) {
    assert.ok(first !== undefined, "no response");
    if (!/^connection: *close/im.test(first.head)) {
      assert.deepEqual([second?.status, second?.body], [200, "ok\n"], JSON.stringify(responses));
    }
  }
  if (first === undefined) return;
  const isEndpoint = /^\/mcp[ ?#]/.test(input.target);
  if (!input.admitted && (isEndpoint || /^\/metrics/.test(input.target))) {
    assert.ok(first.status >= 400, `let in: ${JSON.stringify(first)}`);
  }
  if (first.status !== 200 && first.status !== 202 || !isEndpoint || input.method !== "POST") {
    return;
  }
  if (!input.framed) return;
  const messages = messagesIn(first);
  const answers = messages.filter(({ method }) => method === undefined);
  const asked = parse(decode(unchunk(input)));
  // Clients of 2025-03-26 may send several at once; those of one id are one to them.
  const due = new Set(
    (Array.isArray(asked) ? asked : [asked]).flatMap((one) =>
      one !== null && typeof one === "object" && "method" in one && "id" in one
        ? [keyOf(one.id)]
        : []
    ),
  );
  assert.deepEqual(
    answers.map(({ id }) => keyOf(id)).sort(),
    [...due].sort(),
    JSON.stringify(first),
  );
}

function messagesIn({ head, body }: Response): Message[] {
  if (body === "") return [];
  if (!/^content-type: *text\/event-stream/im.test(head)) return [MESSAGE.parse(JSON.parse(body))];
  return body.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) =>
      line.slice(5).trimStart()
    ).join("\n");
    return data === "" ? [] : [MESSAGE.parse(JSON.parse(data))];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unchunk({ head, body }: HttpInput): Uint8Array {
  return /^transfer-encoding/im.test(head) ? new Uint8Array(readChunks(body, 0).content) : body;
}

async function readAll(connection: Deno.Conn): Promise<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  const all: Uint8Array[] = [];
  try {
    for (
      let count = await connection.read(buffer);
      count !== null;
      count = await connection.read(buffer)
    ) {
      all.push(buffer.slice(0, count));
    }
  } catch {
    // Reset: what came before counts.
  }
  return new Uint8Array(await new Blob(all.map((one) => new Uint8Array(one))).arrayBuffer());
}

/** The last may be cut where the client has closed its side: the call was left. */
function parseResponses(bytes: Uint8Array, { method, framed }: HttpInput): Response[] {
  const responses: Response[] = [];
  const latin = new TextDecoder("latin1");
  for (let at = 0; at < bytes.length;) {
    const text = latin.decode(bytes.subarray(at));
    const [whole, status = "", head = ""] =
      /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[\w-]+:[^\r\n]*\r\n)*)\r\n/.exec(text) ?? [];
    assert.ok(whole !== undefined, `no response: ${JSON.stringify(text.slice(0, 500))}`);
    at += whole.length;
    if (status === "100") continue;
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    let content = bytes.subarray(at, at);
    if ((method === "HEAD" && responses.length === 0) || status === "204" || status === "304") {
      // Without a body.
    } else if (/^transfer-encoding: *chunked/im.test(head)) {
      const read = readChunks(bytes, at);
      assert.ok(read.whole || !framed, "the chunks are cut");
      at = read.end;
      content = new Uint8Array(read.content);
    } else if (length !== undefined) {
      content = bytes.subarray(at, at + Number(length));
      assert.ok(content.length === Number(length) || !framed, "a body is cut");
      at += content.length;
    } else {
      content = bytes.subarray(at);
      at = bytes.length;
    }
    responses.push({ status: Number(status), head, body: decode(content) });
  }
  return responses;
}

interface Chunks {
  readonly content: readonly number[];
  readonly end: number;
  readonly whole: boolean;
}

function readChunks(bytes: Uint8Array, from: number): Chunks {
  const content: number[] = [];
  for (let at = from; at < bytes.length;) {
    const end = bytes.indexOf(13, at);
    const size = Number.parseInt(decode(bytes.subarray(at, end)), 16);
    if (end < 0 || Number.isNaN(size)) break;
    for (const byte of bytes.subarray(end + 2, end + 2 + size)) content.push(byte);
    at = end + 2 + size + 2;
    if (size === 0) return { content, end: at, whole: true };
  }
  return { content, end: bytes.length, whole: false };
}
