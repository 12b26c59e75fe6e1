import { createDocs } from "../../src/wandb/docs.ts";
import { searchDocs } from "../../src/wandb/tools/search_docs.ts";
import { contextFor, type Data, memoryLog, toFailureReport } from "./harness.ts";

import assert from "node:assert/strict";

/** What came of a request. */
interface Asked {
  readonly path: string;
  readonly headers: Headers;
}

/** A documentation server that gives one answer; what it was asked is kept. */
async function withServer(
  answer: (asked: number) => Response,
  work: (
    search: (query: string) => Promise<Data>,
    asked: Asked[],
    bodies: Data[],
  ) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const bodies: Data[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      asked.push({ path: new URL(request.url).pathname, headers: new Headers(request.headers) });
      bodies.push(await request.json());
      return answer(asked.length);
    },
  );
  const log = memoryLog([]);
  const url = new URL(`http://127.0.0.1:${server.addr.port}/mcp`);
  const docs = createDocs(url, log, { backoffMs: 1, timeoutMs: 5000 });
  const search = async (query: string): Promise<Data> => {
    try {
      const outcome = await searchDocs.call({ query }, { ...contextFor(log), docs });
      assert.ok(outcome.kind === "reply");
      return { ...outcome.reply.data, text: outcome.reply.text };
    } catch (error) {
      return toFailureReport(error);
    }
  };
  try {
    await work(search, asked, bodies);
  } finally {
    await server.shutdown();
  }
}

const result = (...texts: string[]) => ({
  jsonrpc: "2.0",
  id: 1,
  result: { content: texts.map((text) => ({ type: "text", text })) },
});

Deno.test("documentation is searched over MCP, without credentials", async () => {
  await withServer(() => Response.json(result("One", "Two")), async (search, asked, bodies) => {
    const data = await search("log artifacts");
    assert.equal(data["result"], "One\n\n---\n\nTwo");
    assert.equal(data["text"], data["result"]);
    assert.equal(asked[0]?.path, "/mcp");
    assert.equal(asked[0]?.headers.get("authorization"), null);
    assert.match(asked[0]?.headers.get("accept") ?? "", /application\/json.*text\/event-stream/);
    assert.deepEqual(bodies[0], {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "search_weights_biases_documentation",
        arguments: { query: "log artifacts" },
      },
    });
  });
});

Deno.test("an event stream is read too, and notifications before the reply are ignored", async () => {
  const events = [
    'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}',
    `event: message\r\ndata: ${JSON.stringify(result("Found"))}`,
  ].join("\n\n") + "\n\n";
  const stream = () => new Response(events, { headers: { "content-type": "text/event-stream" } });
  await withServer(stream, async (search) => {
    assert.equal((await search("sweeps"))["result"], "Found");
  });
});

Deno.test("empty results, errors and invalid replies are reported", async () => {
  const answers: [() => Response, RegExp][] = [
    [() => Response.json(result()), /Nothing found/],
    [() => Response.json({ jsonrpc: "2.0", id: 1, error: { code: -1, message: "busy" } }), /busy/],
    [
      () =>
        Response.json({
          id: 1,
          result: { isError: true, content: [{ type: "text", text: "bad" }] },
        }),
      /failed: bad/,
    ],
    [() => new Response("<html></html>"), /something other than search results/],
    [() => new Response("gone", { status: 404 }), /HTTP 404/],
  ];
  for (const [answer, expected] of answers) {
    await withServer(answer, async (search) => {
      assert.match(JSON.stringify(await search("x")), expected);
    });
  }
});

Deno.test("a search that fails once is repeated", async () => {
  const answer = (asked: number) =>
    asked === 1 ? new Response("", { status: 503 }) : Response.json(result("ok"));
  await withServer(answer, async (search, asked) => {
    assert.equal((await search("x"))["result"], "ok");
    assert.equal(asked.length, 2);
  });
});
