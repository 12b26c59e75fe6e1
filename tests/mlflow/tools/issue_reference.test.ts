/** The third kind of assessment, and kinds that are not known: on a real server and its store. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { shared } from "../../support/backend.ts";
import { mlflowNewest } from "../../support/mlflow/backends.ts";
import { pythonClient } from "../../support/mlflow/client.ts";
import { at, listAt, toolsWith } from "../harness.ts";

const server = await shared(mlflowNewest);
const python = await pythonClient(server);
const http = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
const local = toolsWith({ MLFLOW_TRACKING_URI: `sqlite:///${server.dbPath}` });

const experiment_id = String(
  await python.call("create_experiment", { name: `issues ${crypto.randomUUID()}` }),
);

/** A trace with a reference to an issue, as MLflow's own search for issues writes it. */
async function createReference(issueId: string) {
  const made = await python.call("create_trace", { experiment_id, root: { name: "root" } });
  const trace_id = typeof made === "string" ? made : String(at(made, "trace_id"));
  const now = new Date().toISOString();
  const response = await fetch(`${server.uri}/api/3.0/mlflow/traces/${trace_id}/assessments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      assessment: {
        trace_id,
        assessment_name: issueId,
        source: { source_type: "LLM_JUDGE", source_id: "finder" },
        issue: { issue_name: "Answers without sources" },
        create_time: now,
        last_update_time: now,
      },
    }),
  });
  const assessment_id = String(at(await response.json(), "assessment", "assessment_id"));
  assert.match(assessment_id, /^a-/);
  return { trace_id, assessment_id };
}

Deno.test("an issue reference is read, found and shown as one", async () => {
  const { trace_id, assessment_id } = await createReference("iss-read");
  for (const tools of [http, local]) {
    const { assessment } = await tools.ok("get_assessment", { trace_id, assessment_id });
    assert.deepEqual(at(assessment, "issue"), { issue_name: "Answers without sources" });
    assert.equal(at(assessment, "assessment_name"), "iss-read");
    assert.equal(at(assessment, "feedback"), undefined);
    const trace = await tools.ok("get_trace", { trace_id, extract_fields: "info.assessments" });
    assert.deepEqual(at(trace, "info", "assessments"), [assessment]);
    const found = await tools.ok("search_traces", {
      experiment_id,
      filter_string: "issue.id = 'iss-read'",
      extract_fields: "info.trace_id",
    });
    assert.deepEqual(found.traces, [{ info: { trace_id } }]);
  }
});

Deno.test("an update of an issue reference is refused before it is sent", async () => {
  const { trace_id, assessment_id } = await createReference("iss-update");
  const before = await http.ok("get_assessment", { trace_id, assessment_id });
  for (const change of [{ value: 1 }, { rationale: "why" }, { metadata: { a: "b" } }]) {
    const failure = await http.fails("update_assessment", { trace_id, assessment_id, ...change });
    assert.equal(failure.error, "unsupported");
    assert.match(failure.message, /of kind issue; MLflow changes only feedback and expectations/);
  }
  assert.deepEqual(await http.ok("get_assessment", { trace_id, assessment_id }), before);
});

Deno.test("deleting an issue reference asks about that reference, and deletes it", async () => {
  const { trace_id, assessment_id } = await createReference("iss-delete");
  const args = { trace_id, assessment_id };
  const consent = { canAsk: true, answer: undefined, trustConfirm: false };
  const { question } = await http.call("delete_assessment", args, { consent });
  assert.equal(
    question?.split(" would be")[0],
    'The issue "iss-delete" = {"issue_name":"Answers without sources"} by LLM_JUDGE finder',
  );
  const done = await http.ok("delete_assessment", { ...args, confirm: true });
  assert.equal(done.deleted, true);
  for (const tools of [http, local]) {
    assert.equal((await tools.fails("get_assessment", args)).error, "not_found");
    const trace = await tools.ok("get_trace", { trace_id, extract_fields: "info.assessments" });
    assert.deepEqual(listAt(trace, "info", "assessments"), []);
  }
});

Deno.test("an assessment of an unknown kind keeps its own name", async () => {
  const { trace_id, assessment_id } = await createReference("iss-unknown");
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/mlflow.db`;
    await Deno.copyFile(server.dbPath, path);
    using database = new DatabaseSync(path);
    database.prepare("UPDATE assessments SET assessment_type = 'verdict' WHERE assessment_id = ?")
      .run(assessment_id);
    const tools = toolsWith({ MLFLOW_TRACKING_URI: `sqlite:///${path}` });
    const { assessment } = await tools.ok("get_assessment", { trace_id, assessment_id });
    assert.deepEqual(at(assessment, "verdict"), { issue_name: "Answers without sources" });
    assert.equal(at(assessment, "issue"), undefined);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }

  // No server writes such a kind yet: what lies between changes the word on its way.
  await using between = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      const reply = await fetch(`${server.uri}${pathname}${search}`);
      const text = (await reply.text()).replaceAll('"issue"', '"verdict"');
      return new Response(text, {
        status: reply.status,
        headers: { "content-type": "application/json" },
      });
    },
  );
  const tools = toolsWith({ MLFLOW_TRACKING_URI: `http://127.0.0.1:${between.addr.port}` });
  const args = { trace_id, assessment_id };
  const { assessment } = await tools.ok("get_assessment", args);
  assert.deepEqual(at(assessment, "verdict"), { issue_name: "Answers without sources" });
  const consent = { canAsk: true, answer: undefined, trustConfirm: false };
  const { question = "" } = await tools.call("delete_assessment", args, { consent });
  assert.match(question, /^The verdict "iss-unknown" = /);
  const failure = await tools.fails("update_assessment", { ...args, value: 1 });
  assert.match(failure.message, /of kind verdict/);
});
