import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJson } from "../../src/core/json.ts";
import { arrayItems, jsonLines, readText } from "../../src/http/body.ts";
import { path } from "../../src/http/request.ts";
import { failure, say, serve, serveRaw, sessionWith } from "./support.ts";

/** A body that arrives in pieces of the given sizes, then ends or fails. */
function body(bytes: Uint8Array<ArrayBuffer>, sizes: readonly number[], failure?: Error): Response {
  let at = 0;
  let piece = 0;
  return new Response(
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (at >= bytes.length) {
          if (failure === undefined) controller.close();
          else controller.error(failure);
          return;
        }
        const size = sizes[piece++ % sizes.length] ?? 1;
        controller.enqueue(bytes.slice(at, at + size));
        at += size;
      },
    }),
  );
}

async function read(response: Response): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(response, PLACE)) values.push(value);
  return values;
}

const PLACE = { service: "Tracker", setting: "TRACKER_URI" };
const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("JSON lines are the same however they arrive", async () => {
  const rows = fc.array(fc.jsonValue({ noUnicodeString: false }), { maxLength: 8 });
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rows, sizes, fc.boolean(), async (values, pieces, feed) => {
      const text = values.map((value) => JSON.stringify(value)).join("\n") + (feed ? "\n" : "");
      const expected = values.map((value) => parseJson(JSON.stringify(value)));
      assert.deepEqual(await read(body(utf8(text), pieces)), expected);
    }),
  );
});

Deno.test("JSON lines keep the digits of large integers and skip blank lines", async () => {
  const found = await read(body(utf8('{"a":12345678901234567890}\r\n\n{"b":NaN}\n'), [7]));
  assert.deepEqual(found, [{ a: "12345678901234567890" }, { b: "NaN" }]);
});

Deno.test("a body cut short is a failure, not fewer rows", async () => {
  const cut = (error: unknown) =>
    error instanceof Failure && error.retryable && /cut short/.test(error.message);
  await assert.rejects(read(body(utf8('{"a":1}\n{"b":'), [4])), cut);
  await assert.rejects(read(body(utf8('{"a":1}\n{"b":2}'), [4], new Error("reset"))), cut);
  await assert.rejects(
    read(body(utf8("{\n{}\n"), [9])),
    /Line 1 of Tracker's reply cannot be read: Not JSON/,
  );
});

Deno.test("leaving early cancels the transfer", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(utf8('{"row":1}\n')),
    cancel: () => void (cancelled = true),
  });
  for await (const value of jsonLines(new Response(endless), PLACE)) {
    assert.deepEqual(value, { row: 1 });
    break;
  }
  assert.equal(cancelled, true);
});

const GET = { method: "GET", path: path`/rows` } as const;
const SPANS = { path: ["spans"] };

async function collect(rows: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

Deno.test("a reply without the array is an error that is not retryable", async () => {
  const told = async (text: string) =>
    (await failure(collect(arrayItems(new Response(text), SPANS, PLACE)))).report;
  for (const whole of ["{}", '{"spans":null}', "[]", "", "<!doctype html><h1>Log in</h1>"]) {
    const { message, hint, retryable } = await told(whole);
    assert.match(message, /not the JSON with "spans"/, whole);
    assert.match(hint ?? "", /TRACKER_URI/);
    assert.equal(retryable, false);
  }
  for (const part of ["{", '{"spans":[', '{"spans":[1]']) {
    const { message, retryable } = await told(part);
    assert.match(message, /cut short/, part);
    assert.equal(retryable, true);
  }
});

Deno.test("damaged items and lines are reported under the reply's own name for them", async () => {
  const deep = "[".repeat(3000) + "]".repeat(3000);
  const many = `[${"{},".repeat(1_000_000)}{}]`;
  for (
    const [item, expected] of [
      ["{bad}", /^Item 1 of "spans" in Tracker's reply cannot be read: Not JSON/],
      ['"a\u0000b', /cut short/],
      ['{"a":"\u0000"}\u0000', /^Item 1 of "spans" in Tracker's reply cannot be read: Not JSON/],
      [deep, /^Item 1 of "spans" .* cannot be read: JSON nested deeper than 512 levels/],
      [many, /^Item 1 of "spans" .* cannot be read: JSON with more than 1000000 values/],
    ] as const
  ) {
    const text = `{"spans":[1,${item}]}`;
    await using server = serve(() => new Response(text));
    const rows = await sessionWith(server.url).items(GET, SPANS);
    const { report } = await failure(collect(rows));
    assert.equal(report.error, "upstream_error");
    assert.match(report.message, expected);
  }
});

Deno.test("a stream that breaks is restarted only before its first value", async () => {
  const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const whole = chunk('{"spans":[1,2]}') + "0\r\n\r\n";
  await using early = serveRaw((connection, count) =>
    say(connection, head + (count === 0 ? chunk('{"spans":[') : whole))
  );
  assert.deepEqual(await collect(await sessionWith(early.url).items(GET, SPANS)), [1, 2]);
  assert.equal(early.requests.length, 2);
  await using late = serveRaw((connection, count) =>
    say(connection, head + (count === 0 ? chunk('{"spans":[1,') : whole))
  );
  const rows = await sessionWith(late.url).items(GET, SPANS);
  const { report } = await failure(collect(rows));
  assert.match(report.message, /cut short/);
  assert.equal(late.requests.length, 1);
});

Deno.test("endless rows end at the call's deadline, and leaving them ends the transfer", async () => {
  const gone = Promise.withResolvers<void>();
  const text = utf8(`{"row":"${"x".repeat(65536)}"}\n`);
  await using server = serve(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(text),
        cancel: () => gone.resolve(),
      }),
    )
  );
  for await (const _ of await sessionWith(server.url).lines(GET)) break;
  await gone.promise;
  const late = await failure((async () => {
    for await (const _ of await sessionWith(server.url, { timeoutMs: 300 }).lines(GET)) {
      // Not kept.
    }
  })());
  assert.equal(late.code, "timeout");
});

Deno.test("streams have their own limits: total bytes, bytes of a row, items", async () => {
  const huge = () => new Response("{}", { headers: { "content-length": String(2 ** 29 + 1) } });
  for (const rows of [jsonLines(huge(), PLACE), arrayItems(huge(), SPANS, PLACE)]) {
    assert.match((await failure(collect(rows))).message, /larger than 512 MiB/);
  }
  const part = utf8("x".repeat(1 << 20));
  let left = 130;
  const row = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => left-- > 0 ? controller.enqueue(part) : controller.close(),
  });
  const wide = await failure(collect(jsonLines(new Response(row), PLACE)));
  assert.match(wide.message, /too large/);
  const many = new Response(`{"spans":[0${",0".repeat(1_000_000)}]}`);
  const long = await failure(collect(arrayItems(many, SPANS, PLACE)));
  assert.match(long.message, /more than 1000000 items/);
});

Deno.test("the length of a body is believed only where nothing encodes or divides it", async () => {
  const million = "x".repeat(1_000_000);
  const gzip = new CompressionStream("gzip");
  const packed = await new Response(new Blob([million]).stream().pipeThrough(gzip)).bytes();
  const bodies: Record<string, readonly [string, Uint8Array<ArrayBuffer>]> = {
    encoded: [`content-encoding: gzip\r\ncontent-length: ${packed.length}`, packed],
    chunked: [
      "content-length: 5\r\ntransfer-encoding: chunked",
      utf8(`f4240\r\n${million}\r\n0\r\n\r\n`),
    ],
  };
  for (const [name, [head, bytes]] of Object.entries(bodies)) {
    await using server = serveRaw(async (connection) => {
      await say(connection, `HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
      await new Response(bytes).body?.pipeTo(connection.writable, { preventClose: true });
    });
    const read = async (limit: number) => readText(await fetch(server.url), "Tracker", limit);
    assert.equal(await read(million.length), million, name);
    assert.match((await failure(read(million.length - 1))).message, /larger than/, name);
  }
});

Deno.test("a body shorter than its length was cut short", async () => {
  await using server = serveRaw((connection) =>
    say(connection, 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"spans":[1]}')
  );
  assert.match((await failure(readText(await fetch(server.url), "Tracker"))).message, /cut short/);
  const rows = arrayItems(await fetch(server.url), SPANS, PLACE);
  assert.match((await failure(collect(rows))).message, /cut short/);
});
