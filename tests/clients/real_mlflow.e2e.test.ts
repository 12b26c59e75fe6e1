/**
 * The use cases of MLflow's documentation, end to end: a client, the product as users have it, and
 * a real MLflow. What comes back is compared with what was stored, not only with success.
 */
import { Client as ClientV2, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import assert from "node:assert/strict";
import { z } from "zod";
import { REPORT } from "../../src/mcp/result.ts";
import { at, listAt } from "../mlflow/harness.ts";
import { shared } from "../support/backend.ts";
import { manifestOf, mlflow34, mlflowNewest } from "../support/mlflow/backends.ts";
import { type PythonClient, pythonClient } from "../support/mlflow/client.ts";
import { type Env, productProgram, startHttp } from "../support/product.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A client that is connected, with a user who answers in turn; everything asked is kept. */
interface Connected extends AsyncDisposable {
  /** What the user was asked. */
  readonly questions: readonly string[];
  /** Calls a tool; a failure is part of what comes back. */
  call(name: string, args: Record<string, unknown>): Promise<{ failed: boolean; data: unknown }>;
}

type Kind = "stdio" | "http";
type Where = { readonly url: string } | {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
};
type Connect = (where: Where, answers: ("accept" | "decline")[]) => Promise<Connected>;

const RESULT = z.looseObject({
  isError: z.boolean().optional(),
  structuredContent: z.unknown().optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
  content: z.tuple([z.looseObject({ type: z.literal("text"), text: z.string() })])
    .rest(z.looseObject({})),
});

/** The data of a call; what old clients read in the text must be the same. */
function outcomeOf(result: unknown): { failed: boolean; data: unknown } {
  const { isError = false, structuredContent, content, _meta } = RESULT.parse(result);
  if (isError) return { failed: true, data: _meta?.[REPORT] };
  const data: unknown = JSON.parse(content[0].text);
  assert.deepEqual(structuredContent, data);
  return { failed: false, data };
}

function answering(answers: ("accept" | "decline")[], questions: string[]) {
  return (question: string) => {
    questions.push(question);
    const action = answers.shift() ?? "decline";
    return action === "accept" ? { action, content: { confirm: true } } : { action };
  };
}

const connectV2: Connect = async (where, answers) => {
  const questions: string[] = [];
  const answer = answering(answers, questions);
  const client = new ClientV2({ name: "test", version: "1" }, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode: "auto" },
  });
  client.setRequestHandler("elicitation/create", (request) => answer(request.params.message));
  await client.connect(
    "url" in where
      ? new StreamableHTTPClientTransport(new URL(where.url))
      : new StdioClientTransport({ ...where, stderr: "ignore" }),
  );
  assert.equal(client.getNegotiatedProtocolVersion(), "2026-07-28");
  return {
    questions,
    call: async (name, args) => outcomeOf(await client.callTool({ name, arguments: args })),
    [Symbol.asyncDispose]: () => client.close(),
  };
};

// Deno finds no types for this package's subpaths: what it hands out is parsed.
const QUESTION = z.looseObject({ params: z.looseObject({ message: z.string() }) });

const connectV1: Connect = async (where, answers) => {
  const questions: string[] = [];
  const answer = answering(answers, questions);
  const client = new ClientV1({ name: "test", version: "1" }, {
    capabilities: { elicitation: {} },
  });
  client.setRequestHandler(
    ElicitRequestSchema,
    (request: unknown) => answer(QUESTION.parse(request).params.message),
  );
  await client.connect(
    "url" in where ? new HttpV1(new URL(where.url)) : new StdioV1({ ...where, stderr: "ignore" }),
  );
  return {
    questions,
    call: async (name, args) => outcomeOf(await client.callTool({ name, arguments: args })),
    [Symbol.asyncDispose]: () => client.close(),
  };
};

/** Which MLflow each client meets, and whether its user can be asked. */
const MEETINGS = [
  {
    name: "TypeScript SDK 2",
    connect: connectV2,
    backend: mlflowNewest,
    asks: { stdio: true, http: true },
  },
  {
    name: "TypeScript SDK 1",
    connect: connectV1,
    backend: mlflow34,
    // Over HTTP nothing can be asked of a client of the older revision: no session is kept.
    asks: { stdio: true, http: false },
  },
] as const;

for (const { name, connect, backend, asks } of MEETINGS) {
  const server = await shared(backend);
  Deno.test(`${name} with MLflow ${server.version}: the documentation's use cases`, async (t) => {
    await using python = await pythonClient(server);
    for (const kind of ["stdio", "http"] as const) {
      await using product = await target(kind, { MLFLOW_TRACKING_URI: server.uri });
      await using session = await connect(product.where, ["decline", "accept"]);
      const step = async (what: string, run: () => Promise<void>) =>
        assert.ok(await t.step(`${kind}: ${what}`, run));
      const seeded = await manifestOf(server);
      await step("failed traces of the last hour", () => failedTraces(session, python));
      await step("slow traces by duration", async () => {
        const slow = Object.values(seeded.traces)
          .filter(({ duration_ms }) => (duration_ms ?? 0) > 5000)
          .sort((a, b) => (b.duration_ms ?? 0) - (a.duration_ms ?? 0));
        assert.ok(slow.length > 1);
        await slowTraces(session, seeded.experiments.agents, slow);
      });
      await step("feedback with a rationale", () => feedback(session, python));
      await step("traces older than 30 days", () => cleanUp(session, python, asks[kind]));
    }
  });
}

async function failedTraces(session: Connected, python: PythonClient): Promise<void> {
  const experiment_id = await experiment(python);
  const root = { name: "charge card", children: [{ name: "call gateway" }] };
  const failed = { ...root, error: "card declined" };
  const now = Date.now();
  const early = await trace(python, experiment_id, now - 50 * 60_000, failed);
  const late = await trace(python, experiment_id, now - 10 * 60_000, failed);
  await trace(python, experiment_id, now - 5 * 60_000, root);
  await trace(python, experiment_id, now - 2 * HOUR, failed);
  const { failed: wrong, data } = await session.call("search_traces", {
    experiment_id,
    filter_string: "status = 'ERROR' AND timestamp_ms > now() - 1h",
    extract_fields: "info.trace_id,info.state,data.spans.*.name",
  });
  assert.equal(wrong, false, JSON.stringify(data));
  const found = listAt(data, "traces").map((one) => ({
    id: at(one, "info", "trace_id"),
    state: at(one, "info", "state"),
    spans: listAt(one, "data", "spans").map((span) => at(span, "name")).sort(),
  }));
  const spans = ["call gateway", "charge card"];
  assert.deepEqual(found, [late, early].map((id) => ({ id, state: "ERROR", spans })));
}

async function slowTraces(
  session: Connected,
  experiment_id: string,
  slow: readonly { readonly trace_id: string; readonly duration_ms: number | null }[],
): Promise<void> {
  const { failed, data } = await session.call("search_traces", {
    experiment_id,
    filter_string: "execution_time_ms > 5000",
    order_by: "execution_time_ms DESC",
    extract_fields: "info.trace_id,info.execution_duration_ms",
  });
  assert.equal(failed, false, JSON.stringify(data));
  assert.deepEqual(
    listAt(data, "traces"),
    slow.map(({ trace_id, duration_ms }) => ({
      info: { trace_id, execution_duration_ms: duration_ms },
    })),
  );
}

async function feedback(session: Connected, python: PythonClient): Promise<void> {
  const trace_id = await trace(python, await experiment(python), Date.now() - 1000);
  const rationale = 'Names the due date – "1 May" – and its source.';
  const logged = await session.call("log_feedback", {
    trace_id,
    name: "relevance",
    value: 0.85,
    source_type: "HUMAN",
    source_id: "reviewer@example.com",
    rationale,
  });
  assert.equal(logged.failed, false, JSON.stringify(logged.data));
  const assessment_id = at(logged.data, "assessment", "assessment_id");
  const ours = await session.call("get_assessment", { trace_id, assessment_id });
  const theirs = await python.call("get_assessment", { trace_id, assessment_id });
  for (const read of [at(ours.data, "assessment"), theirs]) {
    assert.equal(at(read, "assessment_name"), "relevance");
    assert.equal(at(read, "feedback", "value"), 0.85);
    assert.equal(at(read, "rationale"), rationale);
    assert.deepEqual(at(read, "source"), {
      source_type: "HUMAN",
      source_id: "reviewer@example.com",
    });
  }
}

async function cleanUp(session: Connected, python: PythonClient, asks: boolean): Promise<void> {
  const experiment_id = await experiment(python);
  const now = Date.now();
  for (const age of [45, 31]) await trace(python, experiment_id, now - age * DAY);
  const young: string[] = [];
  for (const age of [1, 29]) young.push(await trace(python, experiment_id, now - age * DAY));
  const args = { experiment_id, older_than: "30d" };
  // The first answer is no, or there is nobody to ask.
  const refused = await session.call("delete_traces", args);
  assert.equal(refused.failed, true);
  assert.equal(at(refused.data, "error"), asks ? "declined" : "confirmation_required");
  assert.equal(await python.call("count_traces", { experiment_id }), 4);
  const done = await session.call("delete_traces", asks ? args : { ...args, confirm: true });
  assert.equal(done.failed, false, JSON.stringify(done.data));
  assert.equal(at(done.data, "traces_deleted"), 2);
  const left = await python.call("search_traces", { experiment_ids: [experiment_id] });
  assert.deepEqual(listAt(left, "traces").map((one) => at(one, "info", "trace_id")), young);
  const asked = asks ? session.questions : [String(at(refused.data, "message"))];
  assert.equal(asked.length, asks ? 2 : 1);
  assert.equal(session.questions.length, asks ? 2 : 0);
  const times = [45, 31].map((age) => new Date(now - age * DAY).toISOString());
  for (const question of asked) {
    assert.ok(question.includes(`2 traces of experiment ${experiment_id} (`), question);
    assert.ok(question.includes(`from ${times[0]} to ${times[1]}`), question);
  }
}

async function experiment(python: PythonClient): Promise<string> {
  const name = `use case ${crypto.randomUUID()}`;
  return z.string().parse(await python.call("create_experiment", { name }));
}

async function trace(
  python: PythonClient,
  experiment_id: string,
  start_ms: number,
  root: Record<string, unknown> = { name: "answer" },
): Promise<string> {
  const made = await python.call("create_trace", { experiment_id, root, start_ms });
  return z.looseObject({ trace_id: z.string() }).parse(made).trace_id;
}

async function target(kind: Kind, env: Env): Promise<{ where: Where } & AsyncDisposable> {
  if (kind === "http") {
    const server = await startHttp(env);
    return {
      where: { url: server.url },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const { program, args, env: base } = await productProgram();
  return {
    where: { command: program, args: [...args, "stdio"], env: { ...base, ...env } },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
