import assert from "node:assert/strict";
import { chunksOf } from "../../src/http/chunks.ts";

async function sizeAndSum(
  response: Response,
): Promise<{ size: number; sum: number; pieces: number }> {
  let [size, sum, pieces] = [0, 0, 0];
  for await (const piece of chunksOf(response)) {
    size += piece.length;
    for (const byte of piece) sum = (sum * 31 + byte) % 1_000_003;
    pieces++;
  }
  return { size, sum, pieces };
}

/** A body of so many bytes in pieces of 8 kB, as Python servers send them. */
function slices(
  bytes: Uint8Array<ArrayBuffer>,
  slice = 8192,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += slice));
    },
  });
}

const random = (size: number) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
};

Deno.test("every byte arrives, from the network and from other streams, in few pieces", async () => {
  let bytes = random(0);
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(slices(bytes)),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  for (const size of [0, 1, 8191, 65536, 65537, 262_144, 1_000_000]) {
    bytes = random(size);
    const whole = await sizeAndSum(new Response(bytes));
    const streamed = await sizeAndSum(new Response(slices(bytes)));
    const fetched = await sizeAndSum(await fetch(url));
    assert.deepEqual([whole.size, streamed.size, fetched.size], [size, size, size]);
    assert.deepEqual([streamed.sum, fetched.sum], [whole.sum, whole.sum]);
    assert.ok(fetched.pieces <= size / 65536 + 1);
  }
  assert.deepEqual(await sizeAndSum(new Response(null)), { size: 0, sum: 0, pieces: 0 });
});

Deno.test("leaving the loop ends the transfer", async () => {
  const gone = Promise.withResolvers<void>();
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(random(8192)),
    cancel: () => gone.resolve(),
  });
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(endless),
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  for await (const piece of chunksOf(response)) {
    assert.ok(piece.length > 0);
    break;
  }
  await gone.promise;
});

Deno.test("a body that breaks off is an error", async () => {
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new Error("broken off")),
  });
  await assert.rejects(sizeAndSum(new Response(broken)), /broken off/);
});
