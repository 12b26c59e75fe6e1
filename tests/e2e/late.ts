/**
 * Everything that the program loads only when it is needed, once each, in the form that users have:
 * a bundler that splits can leave such a part without what is taken from it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";
import { answerTo, initialize, send } from "./rpc.ts";
import { type Program, run, start } from "../support/product.ts";
import { startDatabricks } from "../support/databricks/server.ts";
import { startWandbSim } from "../support/wandb/mod.ts";
import { startDocsServer } from "../wandb/docs_server.ts";
import { EXPERIMENT, startFakeMlflow, TRACE, traceId } from "./fake_mlflow.ts";

const EXAMPLE = { MLFLOW_TRACKING_URI: `sqlite:///${join(ROOT, "examples", "mlflow.db")}` };

/** What is proved, with the product or another program. */
export const LATE: Readonly<Record<string, (program?: Program) => Promise<void>>> = {
  "the credentials file is read": async (program) => {
    const home = await Deno.makeTempDir({ prefix: "wandflow-home-" });
    try {
      await Deno.mkdir(join(home, ".mlflow"));
      await Deno.writeTextFile(
        join(home, ".mlflow", "credentials"),
        "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = secret word\n",
      );
      await using mlflow = startFakeMlflow();
      const env = { HOME: home, MLFLOW_TRACKING_URI: mlflow.url };
      const { code, stdout, stderr } = await run(
        ["call", "search_traces", `experiment_id=${EXPERIMENT}`],
        env,
        "",
        program,
      );
      assert.equal(code, 0, stdout + stderr);
      assert.ok(stdout.includes(traceId(0)), stdout);
      const search = mlflow.seen.find(({ path }) => path.endsWith("/traces/search"));
      assert.equal(search?.headers.get("authorization"), `Basic ${btoa("ann:secret word")}`);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },

  "a Databricks profile is read, and logs in by OAuth": async (program) => {
    const home = await Deno.makeTempDir({ prefix: "wandflow-home-" });
    await using workspace = startDatabricks();
    workspace.add({ location: "7001", id: "tr-1", spans: [{ span_id: "a", name: "root" }] });
    try {
      const { id, secret } = workspace.client;
      await Deno.writeTextFile(
        join(home, ".databrickscfg"),
        `[work]\nhost = ${workspace.url}\nclient_id = ${id}\nclient_secret = ${secret}\n`,
      );
      const env = { HOME: home, MLFLOW_TRACKING_URI: "databricks://work" };
      const words = ["call", "get_trace", "trace_id=tr-1", "extract_fields=info.state"];
      const { code, stdout, stderr } = await run(words, env, "", program);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /"state":"OK"/);
      const doctor = await run(["doctor"], env, "", program);
      assert.match(doctor.stdout, /127\.0\.0\.1:\d+ \(the Databricks profile "work"\)/);
      assert.match(doctor.stdout, /DATABRICKS_CLIENT_SECRET: present \(from profile "work" of /);
      assert.doesNotMatch(stdout + stderr + doctor.stdout + doctor.stderr, /canary/);
      // Spans lie on a host that Databricks names only in its answer.
      const spans = [...words.slice(0, 3), "extract_fields=data.spans.*.name"];
      const { host } = workspace.storage;
      const refused = await run(spans, env, "", program);
      assert.equal(refused.code, 1);
      assert.ok(
        (refused.stdout + refused.stderr).includes(`--allow-hosts ${host}`),
        refused.stderr,
      );
      assert.equal(workspace.storage.seen.length, 0);
      const allowed = await run(spans, { ...env, WANDFLOW_ALLOW_HOSTS: host }, "", program);
      assert.match(allowed.stdout, /"name":"root"/);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },

  "an AWS profile is read, and requests are signed": async (program) => {
    const home = await Deno.makeTempDir({ prefix: "wandflow-home-" });
    try {
      await Deno.mkdir(join(home, ".aws"));
      await Deno.writeTextFile(
        join(home, ".aws", "credentials"),
        "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = canary/secret\n",
      );
      await Deno.writeTextFile(
        join(home, ".aws", "config"),
        "[profile work]\nregion = eu-west-1\n",
      );
      await using mlflow = startFakeMlflow();
      const { code, stdout, stderr } = await run(
        ["call", "search_traces", `experiment_id=${EXPERIMENT}`],
        {
          HOME: home,
          MLFLOW_TRACKING_URI: mlflow.url,
          MLFLOW_TRACKING_AWS_SIGV4: "true",
          AWS_PROFILE: "work",
        },
        "",
        program,
      );
      assert.equal(code, 0, stdout + stderr);
      const search = mlflow.seen.find(({ path }) => path.endsWith("/traces/search"));
      const signature = /^AWS4-HMAC-SHA256 Credential=AKIAWORK\/\d+\/eu-west-1\/execute-api\//;
      assert.match(search?.headers.get("authorization") ?? "", signature);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },

  "spans are read from S3": async (program) => {
    const spans = [{ span_id: "a", name: "root" }];
    const object = "/traces/folder/traces.json";
    const tags = { "mlflow.artifactLocation": "s3://traces/folder" };
    const state = { trace_id: TRACE, state: "OK", request_time: "2026-11-06T00:00:00Z", tags };
    await using mlflow = startFakeMlflow(({ pathname }, headers) => {
      if (pathname === object) {
        const signed = headers.get("authorization")?.startsWith("AWS4-HMAC-SHA256 ") === true;
        return signed ? Response.json({ spans }) : new Response("", { status: 403 });
      }
      if (pathname.endsWith(`/traces/${TRACE}`)) {
        return Response.json({ trace: { trace_info: state } });
      }
      return pathname.includes("get-trace-artifact")
        ? new Response("", { status: 404 })
        : undefined;
    });
    const { code, stdout, stderr } = await run(
      ["call", "get_trace", `trace_id=${TRACE}`, "extract_fields=data.spans.*.name"],
      {
        MLFLOW_TRACKING_URI: mlflow.url,
        MLFLOW_S3_ENDPOINT_URL: mlflow.url,
        WANDFLOW_ARTIFACT_STORES: "s3://traces",
        AWS_ACCESS_KEY_ID: "AKIAREADER",
        AWS_SECRET_ACCESS_KEY: "canary/secret",
      },
      "",
      program,
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /"name":"root"/);
  },

  "spans are read from Azure storage, and from Google's": async (program) => {
    const spans = [{ span_id: "a", name: "root" }];
    let place = "";
    await using mlflow = startFakeMlflow(({ pathname, search }, headers) => {
      if (pathname === "/traces/traces.json") {
        const signed = headers.get("authorization")?.startsWith("SharedKey account:") === true;
        return signed ? Response.json({ spans }) : new Response("", { status: 403 });
      }
      if (pathname === "/storage/v1/b/traces/o/traces.json") {
        return search === "?alt=media" ? Response.json({ spans }) : undefined;
      }
      if (pathname.endsWith(`/traces/${TRACE}`)) {
        const tags = { "mlflow.artifactLocation": place };
        const request_time = "2026-11-06T00:00:00Z";
        const trace_info = { trace_id: TRACE, state: "OK", request_time, tags };
        return Response.json({ trace: { trace_info } });
      }
      return pathname.includes("get-trace-artifact")
        ? new Response("", { status: 404 })
        : undefined;
    });
    const connection = `BlobEndpoint=${mlflow.url};AccountName=account;AccountKey=Y2FuYXJ5`;
    const stores = [
      ["wasbs://traces@account.blob.core.windows.net", {
        AZURE_STORAGE_CONNECTION_STRING: connection,
      }],
      ["gs://traces", { STORAGE_EMULATOR_HOST: mlflow.url }],
    ] as const;
    for (const [store, env] of stores) {
      place = store;
      const { code, stdout, stderr } = await run(
        ["call", "get_trace", `trace_id=${TRACE}`, "extract_fields=data.spans.*.name"],
        { MLFLOW_TRACKING_URI: mlflow.url, WANDFLOW_ARTIFACT_STORES: store, ...env },
        "",
        program,
      );
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /"name":"root"/);
    }
  },

  "a picture is drawn": async (program) => {
    await using server = await start(["stdio"], EXAMPLE, program);
    await initialize(server);
    const call = { name: "plot_traces", arguments: { experiment_id: "1" } };
    await send(server, { id: 1, method: "tools/call", params: call });
    const { result } = await answerTo(server, 1);
    const content: unknown = result?.["content"];
    assert.ok(Array.isArray(content), JSON.stringify(result));
    const picture = content.find(({ type }) => type === "image");
    assert.equal(picture?.mimeType, "image/png");
    const bytes = Uint8Array.fromBase64(String(picture.data));
    assert.deepEqual([...bytes.subarray(1, 4)], [...new TextEncoder().encode("PNG")]);
    assert.ok(bytes.length > 5000, `${bytes.length} bytes`);
  },

  "GraphQL is read, and Markdown for a report": async (program) => {
    const sim = startWandbSim();
    try {
      const env = {
        WANDB_API_KEY: sim.apiKey,
        WANDB_BASE_URL: sim.url,
        WANDB_ENTITY: "sim-team",
        WANDB_PROJECT: "vision",
      };
      const query = "query { viewer { username } }";
      const asked = await run(["call", "query_wandb_tool", `query=${query}`], env, "", program);
      assert.equal(asked.code, 0, asked.stdout + asked.stderr);
      assert.match(asked.stdout, /"username":"sim-user"/);
      const response = await fetch(`${sim.url}/graphql`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`api:${sim.apiKey}`)}` },
        body: JSON.stringify({
          query: `mutation { upsertModel(input: { entityName: "sim-team", name: "vision" }) {
          model { id } } }`,
        }),
      });
      assert.match(await response.text(), /"id"/);
      const args = {
        title: "Findings",
        markdown_report_text: "# One\n\n| a | b |\n| - | - |\n| 1 | **2** |\n",
      };
      const written = await run(
        ["call", "create_wandb_report_tool", "--args", JSON.stringify(args)],
        env,
        "",
        program,
      );
      assert.equal(written.code, 0, written.stdout + written.stderr);
      assert.match(written.stdout, /"blocks":2/);
    } finally {
      await sim.stop();
    }
  },

  "an argument of a prompt is completed, and W&B's documentation is searched": async (program) => {
    const sim = startWandbSim();
    const docs = startDocsServer();
    try {
      const env = {
        WANDB_API_KEY: sim.apiKey,
        WANDB_BASE_URL: sim.url,
        WANDBOT_BASE_URL: docs.url,
      };
      await using server = await start(["stdio"], env, program);
      await initialize(server);
      const ref = { type: "ref/prompt", name: "explore_project" };
      const argument = { name: "entity", value: "sim-u" };
      await send(server, { id: 1, method: "completion/complete", params: { ref, argument } });
      const { result } = await answerTo(server, 1);
      assert.deepEqual(result?.["completion"], { values: ["sim-user"], total: 1, hasMore: false });
      const call = { name: "search_wandb_docs_tool", arguments: { query: "sweeps" } };
      await send(server, { id: 2, method: "tools/call", params: call });
      assert.match(JSON.stringify(await answerTo(server, 2)), /Call `run\.log_artifact\(\)`/);
    } finally {
      await sim.stop();
      await docs.stop();
    }
  },

  "settings files of clients are read": async (program) => {
    const env = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };
    const files = [["cursor", "{ // mine\n}", /\/\/ mine/], [
      "codex",
      "# mine\n",
      /^# mine/,
    ]] as const;
    for (const [client, text, kept] of files) {
      const { code, stdout, stderr } = await run(["setup", client, "--merge"], env, text, program);
      assert.equal(code, 0, stderr);
      assert.match(stdout, kept);
      assert.match(stdout, /wandflow/);
    }
  },
};
