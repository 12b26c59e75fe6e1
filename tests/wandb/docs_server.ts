/** A stand-in for W&B's documentation search: one answer to every query. */
export interface DocsServer extends AsyncDisposable {
  /** Its endpoint, as WANDBOT_BASE_URL takes it. */
  readonly url: string;
  /** Bytes of each answer so far. */
  readonly answers: number[];
  /** Ends it. */
  stop(): Promise<void>;
}

/** About as much as a page of the documentation. */
const PAGE = "# Log artifacts\n\nCall `run.log_artifact()` with an artifact or a path. ".repeat(40);

/** Starts it on the loopback interface. */
export function startDocsServer(delayMs = 0): DocsServer {
  const answers: number[] = [];
  const reply = { jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: PAGE }] } };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      await request.arrayBuffer();
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      const body = JSON.stringify(reply);
      answers.push(body.length);
      return new Response(body, { headers: { "content-type": "application/json" } });
    },
  );
  const stop = () => server.shutdown();
  return {
    url: `http://127.0.0.1:${server.addr.port}/mcp`,
    answers,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
