import assert from "node:assert/strict";
import { streamWhenLate } from "../../src/mcp/late_stream.ts";

const FRAME = 'event: message\ndata: {"a":1}\n\n';

Deno.test("an answer that is there soon is handed on as it is", async () => {
  const json = Response.json({ a: 1 }, { status: 400 });
  assert.equal(await streamWhenLate(post(), () => Promise.resolve(json)), json);
});

Deno.test("what is no call that takes streams is never streamed", async () => {
  for (const request of [new Request("http://x/mcp"), post({ accept: "application/json" })]) {
    const late = Promise.withResolvers<Response>();
    const pending = streamWhenLate(request, (one) => {
      assert.equal(one, request);
      setTimeout(() => late.resolve(new Response("late")), 300);
      return late.promise;
    });
    assert.equal(await (await pending).text(), "late");
  }
});

Deno.test("a late JSON answer becomes one event, an event stream goes on, nothing ends it", async () => {
  const answers = [
    Response.json({ a: 1 }),
    new Response(FRAME, { headers: { "content-type": "text/event-stream" } }),
    new Response(null, { status: 499 }),
  ];
  const bodies: string[] = [];
  for (const answer of answers) {
    const late = Promise.withResolvers<Response>();
    const response = await streamWhenLate(post(), () => late.promise);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    // Else nginx holds the stream back until it is over.
    assert.equal(response.headers.get("x-accel-buffering"), "no");
    late.resolve(answer);
    bodies.push((await response.text()).replace(/^: .*\n\n/, ""));
  }
  assert.deepEqual(bodies, [FRAME, FRAME, ""]);
});

Deno.test("a client that drops the stream aborts the call, before and after it began to answer", async () => {
  const late = Promise.withResolvers<Response>();
  const aborted = Promise.withResolvers<void>();
  const response = await streamWhenLate(post(), (request) => {
    request.signal.addEventListener("abort", () => aborted.resolve());
    return late.promise;
  });
  await response.body?.cancel();
  await aborted.promise;

  const cancelled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<Response>();
  const stream = await streamWhenLate(post(), () => begun.promise);
  const endless = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(FRAME)),
    cancel: () => cancelled.resolve(),
  });
  begun.resolve(new Response(endless, { headers: { "content-type": "text/event-stream" } }));
  const reader = (stream.body ?? new ReadableStream<Uint8Array>()).getReader();
  for (let text = ""; !text.includes(FRAME);) {
    const part = await reader.read();
    text += new TextDecoder().decode(part.value);
  }
  await reader.cancel();
  await cancelled.promise;
});

function post(headers: Record<string, string> = { accept: "application/json, text/event-stream" }) {
  return new Request("http://x/mcp", { method: "POST", headers, body: "{}" });
}
