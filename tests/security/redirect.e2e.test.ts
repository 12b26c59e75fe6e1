import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { run } from "../support/product.ts";

Deno.test("a redirect to another host is refused and named; that host sees nothing", async () => {
  await using other = startFakeMlflow();
  for (const status of [301, 302, 303, 307, 308]) {
    await using mlflow = startFakeMlflow(({ pathname }) =>
      pathname.includes("/api/") ? Response.redirect(other.url + pathname, status) : undefined
    );
    const env = { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_EXPERIMENT_ID: EXPERIMENT };
    const host = new URL(other.url).host;
    for (const call of [["get_trace", `trace_id=${TRACE}`], ["search_traces"]]) {
      const { code, stdout } = await run(["call", ...call], env);
      const { error, message, hint } = JSON.parse(stdout);
      assert.deepEqual([code, error], [1, "host_not_allowed"]);
      assert.ok(message.includes(host), message);
      assert.ok(hint.includes(`--allow-hosts ${host}`), hint);
    }
    assert.ok(mlflow.seen.length >= 2);
  }
  assert.equal(other.seen.length, 0);
});

Deno.test("a redirect to an allowed host is followed, without credentials", async () => {
  await using other = startFakeMlflow();
  await using mlflow = startFakeMlflow(({ pathname }) =>
    pathname.includes("/api/") ? Response.redirect(other.url + pathname, 307) : undefined
  );
  const env = {
    MLFLOW_TRACKING_URI: mlflow.url,
    MLFLOW_TRACKING_TOKEN: "canary-token-1",
    WANDFLOW_ALLOW_HOSTS: new URL(other.url).host,
  };
  const { code, stdout } = await run(["call", "get_trace", `trace_id=${TRACE}`], env);
  assert.equal(code, 0, stdout);
  assert.equal(mlflow.seen[0]?.headers.get("authorization"), "Bearer canary-token-1");
  assert.ok(other.seen.length > 0);
  assert.deepEqual(other.seen.filter(({ headers }) => headers.has("authorization")), []);
});

Deno.test("no id can address another host or another route", async () => {
  await using other = startFakeMlflow();
  await using mlflow = startFakeMlflow();
  const host = new URL(other.url).host;
  const ids = [
    `@${host}/`,
    `//${host}/x`,
    `${other.url}/x`,
    `\\\\${host}\\x`,
    `..//${host}`,
    "../../experiments/get",
    "..%2f..%2fexperiments%2fget",
    "%2e%2e",
    "..",
    "tr-1?x=1#y",
    "tr-1\nHost: x",
    " ",
  ];
  const env = { MLFLOW_TRACKING_URI: mlflow.url };
  const ends = await Promise.all(
    ids.map((id) => run(["call", "get_trace", "--args", JSON.stringify({ trace_id: id })], env)),
  );
  ends.forEach(({ code, stdout }, index) => {
    assert.equal(code, 1, ids[index]);
    assert.match(JSON.parse(stdout).error, /^(not_found|invalid_arguments)$/);
  });
  assert.equal(other.seen.length, 0);
  for (const { path } of mlflow.seen) {
    assert.match(
      path,
      /^\/(api\/3\.0\/mlflow\/traces\/[^/?#]+|ajax-api\/2\.0\/mlflow\/get-trace-artifact\?request_id=[^&#]+)$/,
    );
  }
});

Deno.test("credentials are sent to the tracking host and nowhere else", async () => {
  const canaries = ["canary-password-1", "canary-token-2", "canary-in-url-3"];
  await using mlflow = startFakeMlflow((_url, headers) =>
    // A careless server repeats what it was sent.
    Response.json({
      error_code: "UNAUTHENTICATED",
      message: `You sent ${headers.get("authorization")}: ${canaries.join(" ")}`,
    }, { status: 401 })
  );
  const withUser = new URL(mlflow.url);
  withUser.username = "ann";
  withUser.password = "canary-in-url-3";
  const settings = [
    { MLFLOW_TRACKING_URI: mlflow.url, MLFLOW_TRACKING_TOKEN: "canary-token-2" },
    {
      MLFLOW_TRACKING_URI: mlflow.url,
      MLFLOW_TRACKING_USERNAME: "ann",
      MLFLOW_TRACKING_PASSWORD: "canary-password-1",
    },
    { MLFLOW_TRACKING_URI: withUser.href },
  ];
  for (const env of settings) {
    const own = canaries.filter((canary) => JSON.stringify(env).includes(canary));
    const encoded = own.map((secret) => btoa(`ann:${secret}`));
    const ends = await Promise.all([
      run(["call", "get_trace", `trace_id=${TRACE}`, "--log-level", "DEBUG"], env),
      run(["tools", "--log-level", "DEBUG"], env),
      run(["call", "search_traces", "--log-level", "DEBUG", "--log-format", "json"], env),
    ]);
    for (const secret of [...own, ...encoded]) {
      for (const { stdout, stderr } of ends) {
        assert.ok(!stdout.includes(secret), stdout);
        assert.ok(!stderr.includes(secret), stderr);
      }
      for (const { path } of mlflow.seen) assert.ok(!path.includes(secret), path);
    }
    assert.equal(ends[0].code, 1);
    assert.equal(JSON.parse(ends[0].stdout).error, "unauthorized");
  }
  assert.ok(mlflow.seen.every(({ headers }) => headers.has("authorization")));
});
