/** Traces whose spans MLflow's archiver moved to a store, of which their server reads some. */
import assert from "node:assert/strict";
import { startMoto } from "../support/aws/moto.ts";
import { shared } from "../support/backend.ts";
import { mlflowNewest } from "../support/mlflow/backends.ts";
import { startAzurite } from "../support/stores/azurite.ts";
import { startGoogle } from "../support/stores/google.ts";
import { serveTrace, TRACE } from "../support/stores/tracking.ts";
import { archiveTraces } from "../support/stores/write.ts";
import { at, listAt, toolsWith } from "./harness.ts";

const server = await shared(mlflowNewest);
const NAMES = "data.spans.*.name";
const SPANS = [{ name: "agent" }, { name: "look up" }];
const EVERYTHING = "data.spans.*";

/** A server before which the web interface's routes are not served, as by some gateways. */
function hideWebRoutes(target: string) {
  const gateway = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname.startsWith("/ajax-api/")) return new Response("", { status: 404 });
    return fetch(`${target}${pathname}${search}`, {
      method: request.method,
      headers: { "content-type": "application/json" },
      ...(request.body === null ? {} : { body: request.body }),
    });
  });
  return {
    url: `http://127.0.0.1:${gateway.addr.port}`,
    [Symbol.asyncDispose]: () => gateway.shutdown(),
  };
}

/** A server that only knows a trace's info, which names a place for its archive. */
const serveArchived = (folder: string) =>
  serveTrace({
    "mlflow.trace.spansLocation": "ARCHIVE_REPO",
    "mlflow.artifactLocation": "mlflow-artifacts:/1/traces/tr-1/artifacts",
    "mlflow.trace.archiveLocation": folder,
  }, ({ url }) =>
    new URL(url).pathname === "/ajax-api/2.0/mlflow/get-trace-artifact"
      ? Response.json({ spans: [] })
      : undefined);

async function readArchived(folder: string, env: Record<string, string>) {
  await using tracking = serveArchived(folder);
  const tools = toolsWith({ MLFLOW_TRACKING_URI: tracking.url, ...env });
  return await tools.ok("get_trace", { trace_id: TRACE, extract_fields: EVERYTHING });
}

Deno.test("get_trace, searches and feedback read archived traces, wherever they were moved", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-archive-" });
  await using moto = await startMoto();
  await using gateway = hideWebRoutes(server.uri);
  await using azurite = await startAzurite();
  await using google = await startGoogle();
  const store = {
    MLFLOW_S3_ENDPOINT_URL: moto.url,
    AWS_ACCESS_KEY_ID: "AKIAREADER",
    AWS_SECRET_ACCESS_KEY: "canary/reader",
  };
  const experiment_id = `archived ${crypto.randomUUID()}`;
  const [inS3, inFolder] = await archiveTraces(server, [
    [experiment_id, "s3://archive/some where"],
    [`${experiment_id}, in a folder`, `file://${folder}`],
  ], { ...store, AWS_DEFAULT_REGION: "us-east-1" });
  assert.ok(inS3 !== undefined && inFolder !== undefined);

  for (const [way, uri] of [["the server", server.uri], ["a gateway", gateway.url]] as const) {
    await t.step(`in S3, where ${way} does not read them`, async () => {
      const { id: trace_id } = inS3;
      const without = toolsWith({ MLFLOW_TRACKING_URI: uri });
      const failure = await without.fails("get_trace", { trace_id, extract_fields: NAMES });
      assert.equal(failure.error, "unsupported");
      assert.match(String(failure.hint), /--artifact-stores s3:\/\/archive /);
      const rest = await without.ok("search_traces", { experiment_id, include_spans: true });
      assert.match(listAt(rest, "notes").join("\n"), /--artifact-stores s3:\/\/archive /);

      const tools = toolsWith({
        MLFLOW_TRACKING_URI: uri,
        WANDFLOW_ARTIFACT_STORES: "s3://archive",
        ...store,
      });
      const trace = await tools.ok("get_trace", { trace_id });
      assert.equal(at(trace, "data", "spans", 1, "name"), "look up");
      assert.deepEqual(at(trace, "data", "spans", 1, "attributes", "temperature"), 0.5);
      assert.match(JSON.stringify(trace), /1152921504606846976/);
      const search = async (filter_string: string) =>
        await tools.ok("search_traces", { experiment_id, filter_string, extract_fields: NAMES });
      // The archiver leaves rows with names in the database, without the text of spans.
      const found = await search("span.name = 'look up'");
      assert.deepEqual(listAt(found, "traces", 0, "data", "spans"), SPANS);
      assert.deepEqual(listAt(found, "notes"), []);
      for (const filter of ["trace.text LIKE '%parcel%'", "span.attributes.temperature = 0.5"]) {
        const data = await search(filter);
        assert.deepEqual(data.traces, []);
        assert.match(listAt(data, "notes").join("\n"), /1 traces of this range were not looked at/);
      }
      const assess = { trace_id, name: "good", value: true };
      const span_id = at(trace, "data", "spans", 1, "span_id");
      const data = await tools.ok("log_feedback", { ...assess, span_id });
      assert.equal(at(data, "assessment", "span_id"), span_id);
      assert.doesNotMatch(listAt(data, "notes").join("\n"), /could not be checked/);
      const other = await tools.fails("log_feedback", { ...assess, span_id: "00000000000000aa" });
      assert.match(String(other.hint), /begin with: .*\(agent\), .*\(look up\)/);
    });
  }

  const { id: trace_id, file } = inFolder;
  const read = async (uri: string) => {
    const tools = toolsWith({ MLFLOW_TRACKING_URI: uri });
    return at(await tools.ok("get_trace", { trace_id, extract_fields: EVERYTHING }), "data");
  };
  const spans = await read(server.uri);

  await t.step("in a folder, which the server reads, with and without its web routes", async () => {
    assert.equal(listAt(spans, "spans").length, 2);
    assert.deepEqual(await read(gateway.url), spans);
  });

  await t.step("in Azure storage", async () => {
    await azurite.put("archive", "a/traces.pb", file);
    const container = "wasbs://archive@traces.blob.core.windows.net";
    const data = await readArchived(`${container}/a`, {
      WANDFLOW_ARTIFACT_STORES: container,
      AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString,
    });
    assert.deepEqual(at(data, "data"), spans);
  });

  await t.step(
    "in Google Cloud Storage; one that is gone, damaged or out of reach fails",
    async () => {
      const key = `${folder}/key.json`;
      await Deno.writeTextFile(key, google.keyFile);
      const env = {
        WANDFLOW_ARTIFACT_STORES: "gs://archive",
        STORAGE_EMULATOR_HOST: google.url,
        GOOGLE_APPLICATION_CREDENTIALS: key,
      };
      google.objects.set("archive/a/traces.pb", file);
      assert.deepEqual(at(await readArchived("gs://archive/a/", env), "data"), spans);
      const fail = async (place: string) => {
        await using tracking = serveArchived(place);
        return await toolsWith({ MLFLOW_TRACKING_URI: tracking.url, ...env })
          .fails("get_trace", { trace_id: TRACE, extract_fields: NAMES });
      };
      // No archive is empty.
      assert.match(
        (await fail("gs://archive/b")).message,
        /gs:\/\/archive\/b\/traces\.pb, .* gone/,
      );
      google.objects.set("archive/c/traces.pb", file.slice(0, 100));
      assert.match((await fail("gs://archive/c")).message, /traces\.pb, is damaged: .*cut short/);
      assert.match((await fail("hdfs://archive")).message, /archived in hdfs:\/\/archive, where/);
    },
  );
  await Deno.remove(folder, { recursive: true });
});
