import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJson } from "../../src/core/json.ts";
import { jsonLines } from "../../src/http/lines.ts";

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
  for await (const value of jsonLines(response, "Weave")) values.push(value);
  return values;
}

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
    error instanceof Failure && error.retryable && /broke off/.test(error.message);
  await assert.rejects(read(body(utf8('{"a":1}\n{"b":'), [4])), cut);
  await assert.rejects(read(body(utf8('{"a":1}\n{"b":2}'), [4], new Error("reset"))), cut);
  await assert.rejects(read(body(utf8("{\n{}\n"), [9])), /no JSON/);
});

Deno.test("leaving early cancels the transfer", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(utf8('{"row":1}\n')),
    cancel: () => void (cancelled = true),
  });
  for await (const value of jsonLines(new Response(endless), "Weave")) {
    assert.deepEqual(value, { row: 1 });
    break;
  }
  assert.equal(cancelled, true);
});
