import { REPORT } from "../../src/mcp/result.ts";
/** The server factory, asked by a real client of each protocol era over a linked pair of pipes. */
import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import { Client, InMemoryTransport, ProtocolError } from "@modelcontextprotocol/client";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { ServerParts } from "../../src/mcp/server.ts";
import type { BoundTool } from "../../src/mcp/tool.ts";
import { acting, destroyer, echo, factoryOf, keptLog } from "./support.ts";
import { prose } from "./payloads.ts";

type Answer = { action: "accept"; content: { confirm: boolean } } | {
  action: "decline" | "cancel";
};

const ERAS = { "2025-11-25": "legacy", "2026-07-28": "auto" } as const;

interface Connected extends AsyncDisposable {
  readonly client: Client;
  /** The questions that the user was asked. */
  readonly asked: string[];
}

/** Connects a client of an era; it can ask its user when there are answers. */
async function connect(
  era: keyof typeof ERAS,
  tools: readonly BoundTool[],
  overrides: Partial<ServerParts> & {
    readonly answers?: readonly Answer[];
    readonly clientName?: string;
  } = {},
): Promise<Connected> {
  const { answers, clientName = "test-client", ...parts } = overrides;
  const [near, far] = InMemoryTransport.createLinkedPair();
  const factory = factoryOf(tools, parts);
  const handle = serveStdio(() => factory(), { transport: far });
  const client = new Client({ name: clientName, version: "1.0.0" }, {
    capabilities: answers === undefined ? {} : { elicitation: { form: {} } },
    ...(ERAS[era] === "auto" ? { versionNegotiation: { mode: "auto" as const } } : {}),
  });
  const asked: string[] = [];
  if (answers !== undefined) {
    client.setRequestHandler("elicitation/create", (request) => {
      asked.push(request.params.message);
      return Promise.resolve(answers[asked.length - 1] ?? { action: "cancel" as const });
    });
  }
  await client.connect(near);
  assert.equal(client.getNegotiatedProtocolVersion(), era);
  return {
    client,
    asked,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await handle.close();
    },
  };
}

const textOf = (result: { content?: unknown }) => {
  const [first]: unknown[] = Array.isArray(result.content) ? result.content : [];
  assert.ok(first !== null && typeof first === "object" && "text" in first);
  return String(first.text);
};

const reportIn = (
  result: { content?: unknown; isError?: unknown; _meta?: Record<string, unknown> | undefined },
): Record<string, unknown> => {
  assert.equal(result.isError, true);
  const report = result._meta?.[REPORT];
  assert.ok(report !== null && typeof report === "object" && "error" in report);
  assert.ok(textOf(result).startsWith(`${report.error}: `));
  assert.deepEqual(
    Object.keys(report).filter((key) => !["error", "message", "hint", "retryable"].includes(key)),
    [],
  );
  return { ...report };
};

for (const era of ["2025-11-25", "2026-07-28"] as const) {
  const test = (name: string, run: () => Promise<void>) => Deno.test(`${era}: ${name}`, run);

  test("the server gives its name, version and instructions; lists do not change", async () => {
    await using connected = await connect(era, [echo]);
    const { client } = connected;
    assert.equal(client.getServerVersion()?.name, "test-server");
    assert.equal(client.getServerVersion()?.version, "1.2.3");
    assert.equal(client.getInstructions(), "Test tools.");
    const capabilities = client.getServerCapabilities();
    assert.deepEqual(capabilities?.tools, { listChanged: false });
    assert.doesNotMatch(JSON.stringify(capabilities), /"(listChanged|subscribe)":true/);
  });

  test("the listing keeps its order, is the same each time, and has all annotations", async () => {
    await using connected = await connect(era, [destroyer([]), echo]);
    const first = await connected.client.listTools();
    assert.deepEqual(first.tools.map(({ name }) => name), ["destroy", "echo"]);
    await using again = await connect(era, [destroyer([]), echo]);
    assert.deepEqual((await again.client.listTools()).tools, first.tools);
    for (const tool of first.tools) {
      const { title, ...hints } = tool.annotations ?? {};
      assert.equal(title, tool.title);
      assert.deepEqual(
        Object.keys(hints).sort(),
        ["destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint"],
      );
      assert.equal(tool.inputSchema.type, "object");
      assert.equal(tool.outputSchema?.type, "object");
    }
  });

  test("only clients that read hints get them", async () => {
    const parts = { starters: ["echo"], maxTokens: 30_000 };
    const hinted = { clientName: "claude-code", ...parts };
    const hintsOf = async ({ client }: Connected) =>
      (await client.listTools()).tools.map((tool) => tool._meta);
    await using claude = await connect(era, [destroyer([]), echo], hinted);
    assert.deepEqual(await hintsOf(claude), [
      {
        "anthropic/searchHint": destroyer([]).listing().description,
        "anthropic/maxResultSizeChars": 120_000,
      },
      {
        "anthropic/searchHint": echo.listing().description,
        "anthropic/alwaysLoad": true,
        "anthropic/maxResultSizeChars": 120_000,
      },
    ]);
    // It shows no more than this, whatever is asked for; unset, the answer fits the client instead.
    await using large = await connect(era, [echo], { ...hinted, maxTokens: 10_000_000 });
    assert.equal((await hintsOf(large))[0]?.["anthropic/maxResultSizeChars"], 500_000);
    await using unset = await connect(era, [echo], { ...hinted, maxTokens: undefined });
    assert.ok(!("anthropic/maxResultSizeChars" in ((await hintsOf(unset))[0] ?? {})));
    await using other = await connect(era, [destroyer([]), echo], parts);
    assert.deepEqual(await hintsOf(other), [undefined, undefined]);
  });

  test("a result is a structure and the same as text; the client validates it by the schema", async () => {
    await using connected = await connect(era, [echo]);
    await connected.client.listTools();
    const result = await connected.client.callTool({
      name: "echo",
      arguments: { text: "hi", times: "2" },
    });
    assert.deepEqual(result.structuredContent, { said: ["hi", "hi"], count: 2 });
    assert.deepEqual(JSON.parse(textOf(result)), result.structuredContent);
  });

  test("a cut result still passes the client's validation", async () => {
    const wide = acting(() => Promise.resolve({ log: prose(9000), list: Array(5000).fill("x") }));
    await using connected = await connect(era, [echo, wide], { maxTokens: 150 });
    await connected.client.listTools();
    for (
      const call of [
        { name: "echo", arguments: { text: prose(2000), times: 50 } },
        { name: "act", arguments: {} },
      ]
    ) {
      const result = await connected.client.callTool(call);
      assert.match(JSON.stringify(result.structuredContent), /"truncated"/);
      assert.deepEqual(JSON.parse(textOf(result)), result.structuredContent);
    }
  });

  test("other names of a tool work in calls", async () => {
    await using connected = await connect(era, [echo]);
    const result = await connected.client.callTool({ name: "repeat", arguments: { text: "x" } });
    assert.deepEqual(result.structuredContent, { said: ["x"], count: 1 });
  });

  test("a tool that is left out is a protocol error that says why", async () => {
    const reason = "That is off: TEST_SETTING is false.";
    const absentTools = () => Promise.resolve(new Map([["ehco", reason]]));
    await using connected = await connect(era, [echo], { absentTools });
    await assert.rejects(
      connected.client.callTool({ name: "ehco", arguments: {} }),
      (error) => {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.equal(error.code, -32602);
        assert.ok(error.message.includes(`no tool "ehco" with this configuration. ${reason}`));
        return true;
      },
    );
  });

  test("an unknown tool is a protocol error that names the nearest", async () => {
    await using connected = await connect(era, [echo]);
    for (
      const [name, expected] of [["ehco", /did you mean "echo"\?/], [
        "x".repeat(500),
        /no tool/,
      ]] as const
    ) {
      await assert.rejects(connected.client.callTool({ name, arguments: {} }), (error) => {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.equal(error.code, -32602);
        assert.match(error.message, expected);
        assert.ok(error.message.length < 250);
        return true;
      });
    }
  });

  test("arguments nested too deep are refused before anything reads them", async () => {
    const calls: unknown[] = [];
    const keeping = acting((args) => {
      calls.push(args);
      return Promise.resolve({});
    });
    await using connected = await connect(era, [keeping]);
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
      return { name: "act", arguments: { value } };
    };
    for (const levels of [201, 1000]) {
      const result = await connected.client.callTool(nested(levels));
      assert.equal(reportIn(result).error, "invalid_arguments");
      assert.match(String(reportIn(result).message), /nested more than 200 levels/);
    }
    // One level less is for the tool to judge.
    const judged = reportIn(await connected.client.callTool(nested(200)));
    assert.equal(judged.message, "There is no argument `value`.");
    assert.equal(calls.length, 0);
  });

  test("wrong arguments and thrown errors are results that say what to do", async () => {
    const { log, lines } = keptLog(["canary-secret"]);
    const failing = acting(() =>
      Promise.reject(new Failure("rate_limited", "canary-secret said no.", { retryable: true }))
    );
    await using connected = await connect(era, [echo, failing], { log });
    const { client } = connected;
    assert.deepEqual(reportIn(await client.callTool({ name: "echo", arguments: { txt: "x" } })), {
      error: "invalid_arguments",
      message: "There is no argument `txt`; did you mean `text`?",
      hint: "Valid: text, times.",
      retryable: false,
    });
    assert.deepEqual(reportIn(await client.callTool({ name: "act", arguments: {} })), {
      error: "rate_limited",
      message: "*** said no.",
      retryable: true,
    });
    assert.doesNotMatch(lines.join(""), /canary/);
  });

  test("an unforeseen error reveals nothing", async () => {
    const failing = acting(() => Promise.reject(new TypeError("boom in /srv/secret/place")));
    await using connected = await connect(era, [failing]);
    const report = reportIn(await connected.client.callTool({ name: "act", arguments: {} }));
    assert.equal(report.error, "internal");
    assert.doesNotMatch(JSON.stringify(report), /boom|srv/);
  });

  test("progress is sent only on request, and only grows", async () => {
    const busy = acting(async (context) => {
      for (const done of [1, 3, 2, 3, 5]) {
        context.progress({ done, total: 5, message: `step ${done}` });
        await Promise.resolve();
      }
      return { ok: true };
    });
    await using connected = await connect(era, [busy]);
    const seen: { progress: number; total?: number | undefined; message?: string | undefined }[] =
      [];
    await connected.client.callTool({ name: "act", arguments: {} }, {
      onprogress: (update) => seen.push(update),
    });
    assert.deepEqual(seen.map(({ progress, total, message }) => [progress, total, message]), [
      [1, 5, "step 1"],
      [3, 5, "step 3"],
      [5, 5, "step 5"],
    ]);
    const before = seen.length;
    await connected.client.callTool({ name: "act", arguments: {} });
    assert.equal(seen.length, before);
  });

  test("cancelling aborts the tool's signal and leaves the server usable", async () => {
    const { log, lines } = keptLog();
    const started = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    const waiting = acting((context) =>
      new Promise((_, reject) => {
        started.resolve();
        context.signal.addEventListener("abort", () => {
          aborted.resolve();
          reject(context.signal.reason);
        });
      })
    );
    await using connected = await connect(era, [waiting, echo], { log });
    const stopping = new AbortController();
    const call = connected.client.callTool({ name: "act", arguments: {} }, {
      signal: stopping.signal,
    });
    await started.promise;
    stopping.abort("no longer needed");
    await assert.rejects(call);
    await aborted.promise;
    const result = await connected.client.callTool({ name: "echo", arguments: { text: "x" } });
    assert.equal(result.isError, undefined);
    assert.doesNotMatch(lines.join(""), /Unforeseen/);
  });

  test("a user who can be asked is asked: accepted, refused and dismissed", async () => {
    const yes: Answer = { action: "accept", content: { confirm: true } };
    const no: readonly Answer[] = [
      { action: "accept", content: { confirm: false } },
      { action: "decline" },
      { action: "cancel" },
    ];
    const done: string[] = [];
    await using connected = await connect(era, [destroyer(done)], { answers: [yes, ...no] });
    const { client, asked } = connected;
    const call = () => client.callTool({ name: "destroy", arguments: { thing: "it" } });
    assert.deepEqual((await call()).structuredContent, { destroyed: "it" });
    assert.deepEqual(done, ["it"]);
    for (const { action } of no) {
      const { error, message, hint } = reportIn(await call());
      assert.equal(error, action === "cancel" ? "confirmation_required" : "declined");
      assert.match(String(message), /[Nn]othing was done\. "it" would be destroyed\.$/);
      assert.match(String(hint), /--trust-confirm/);
    }
    assert.deepEqual(done, ["it"]);
    assert.deepEqual(asked, Array(4).fill('"it" would be destroyed.'));
  });

  test("confirm: true is not enough where the user can be asked, unless trusted", async () => {
    const done: string[] = [];
    const call = { name: "destroy", arguments: { thing: "it", confirm: true } };
    await using wary = await connect(era, [destroyer(done)], { answers: [{ action: "decline" }] });
    assert.equal(reportIn(await wary.client.callTool(call)).error, "declined");
    assert.deepEqual([done, wary.asked.length], [[], 1]);
    await using trusting = await connect(era, [destroyer(done)], {
      answers: [],
      trustConfirm: true,
    });
    assert.deepEqual((await trusting.client.callTool(call)).structuredContent, { destroyed: "it" });
    assert.deepEqual([done, trusting.asked.length], [["it"], 0]);
  });

  test("if nobody can be asked, nothing happens without confirm: true", async () => {
    const done: string[] = [];
    await using connected = await connect(era, [destroyer(done)]);
    const { client } = connected;
    const refusal = await client.callTool({ name: "destroy", arguments: { thing: "it" } });
    assert.equal(reportIn(refusal).error, "confirmation_required");
    assert.deepEqual(done, []);
    await client.callTool({ name: "destroy", arguments: { thing: "it", confirm: true } });
    assert.deepEqual(done, ["it"]);
  });
}

Deno.test("2026-07-28: listings say how long they may be cached, for one user", async () => {
  await using connected = await connect("2026-07-28", [echo]);
  const listing: Record<string, unknown> = { ...await connected.client.listTools() };
  assert.deepEqual([listing.ttlMs, listing.cacheScope], [3_600_000, "private"]);
});

Deno.test("the calls under way can be waited for", async () => {
  const running: Promise<unknown>[] = [];
  await using connected = await connect("2025-11-25", [echo], {
    onCall: (call) => running.push(call),
  });
  await connected.client.callTool({ name: "echo", arguments: { text: "x" } });
  assert.equal(running.length, 1);
  await Promise.all(running);
});
