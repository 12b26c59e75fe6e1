import assert from "node:assert/strict";
import { shared } from "../support/backend.ts";
import { mlflowAuth } from "../support/mlflow/backends.ts";
import { at, listAt, toolsWith } from "./harness.ts";

const server = await shared(mlflowAuth);
const { username = "", password = "" } = server.admin ?? {};
const search = { experiment_id: "0" };

Deno.test("access: user name and password work below a path prefix", async () => {
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: server.uri,
    MLFLOW_TRACKING_USERNAME: username,
    MLFLOW_TRACKING_PASSWORD: password,
  });
  assert.match(server.uri, /\/tracking\/here$/);
  assert.deepEqual(listAt(await tools.ok("search_traces", search), "traces"), []);
  const failure = await tools.fails("search_traces", { experiment_id: "nowhere" });
  assert.match(String(failure.hint), /0 \(Default\)/);
});

Deno.test("access: credentials in the address are used and never shown", async () => {
  const url = new URL(server.uri);
  url.username = username;
  url.password = encodeURIComponent(password);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: url.href });
  assert.equal((await tools.ok("search_traces", search)).returned, 0);
  const answer = await tools.call("get_trace", { trace_id: "tr-none" });
  assert.equal(answer.failure?.error, "not_found");
  assert.doesNotMatch(JSON.stringify(answer), new RegExp(password));
});

Deno.test("access: reads MLflow's credentials file", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.mlflow`);
    await Deno.writeTextFile(
      `${home}/.mlflow/credentials`,
      `[mlflow]\nmlflow_tracking_username = ${username}\nmlflow_tracking_password = ${password}\n`,
    );
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri, HOME: home });
    assert.equal((await tools.ok("search_traces", search)).returned, 0);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("access: wrong or missing credentials are reported without being shown", async () => {
  const canary = "canary-password-4711";
  const cases: Record<string, string>[] = [
    {},
    { MLFLOW_TRACKING_USERNAME: username, MLFLOW_TRACKING_PASSWORD: canary },
    { MLFLOW_TRACKING_TOKEN: canary },
  ];
  for (const env of cases) {
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri, ...env });
    for (const name of ["search_traces", "get_trace", "set_trace_tag"]) {
      const answer = await tools.call(name, {
        ...(name === "search_traces" ? search : { trace_id: "tr-1" }),
        ...(name === "set_trace_tag" ? { key: "a", value: "b" } : {}),
      });
      assert.equal(answer.failure?.error, "unauthorized");
      assert.match(
        String(at(answer.failure, "hint")),
        /MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD/,
      );
      assert.doesNotMatch(JSON.stringify(answer), /canary|<html/i);
    }
  }
});
