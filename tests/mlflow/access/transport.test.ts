import assert from "node:assert/strict";
import { join } from "node:path";
import { certificate } from "../../http/certificate.ts";
import { serve } from "../../http/support.ts";
import { startMutualTls } from "../../support/tls/server.ts";
import { at, toolsWith } from "../harness.ts";

Deno.test("transport: a client certificate is sent only to the tracking server", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-identity-" });
  try {
    const authority = await certificate({ name: "Company", authority: true });
    const own = await certificate({ name: "mlflow", hosts: ["127.0.0.1"], by: authority });
    const ann = await certificate({ name: "ann", by: authority });
    const files = {
      server: join(folder, "server.pem"),
      authority: join(folder, "authority.pem"),
      client: join(folder, "client.pem"),
    };
    await Deno.writeTextFile(files.server, own.cert + own.key);
    await Deno.writeTextFile(files.authority, authority.cert);
    await Deno.writeTextFile(files.client, ann.cert + ann.key);
    await using asking = await startMutualTls(files.server, files.authority);
    const url = `https://127.0.0.1:${asking.port}`;
    await using door = serve(
      ({ url: asked }) => Response.redirect(url + new URL(asked).pathname, 307),
      own,
    );
    const env = {
      MLFLOW_TRACKING_SERVER_CERT_PATH: files.authority,
      MLFLOW_TRACKING_CLIENT_CERT_PATH: files.client,
    };
    const ask = { trace_id: "tr-1", extract_fields: "info.state" };
    const elsewhere = toolsWith({ ...env, MLFLOW_TRACKING_URI: door.url });
    assert.equal((await elsewhere.fails("get_trace", ask)).error, "unreachable");
    assert.ok(door.requests.length > 0);
    assert.deepEqual(asking.visitors, []);
    const there = toolsWith({ ...env, MLFLOW_TRACKING_URI: url });
    assert.equal(at(await there.ok("get_trace", ask), "info", "state"), "OK");
    assert.deepEqual(asking.visitors, ["ann"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
