/** The charts' page as the server offers it: to whom, and what it is made of. */
import assert from "node:assert/strict";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { createServerFactory } from "../../src/mcp/server.ts";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { catalogOf, type Era, ERAS, quiet } from "../workflows/client.ts";

const CAPABLE = {
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } },
};

async function connect(mlflow: string, era: Era, capabilities: Record<string, unknown>) {
  const { tools, resources } = catalogOf({ MLFLOW_TRACKING_URI: mlflow });
  const parts = { name: "test", version: "1", instructions: "", trustConfirm: false, log: quiet };
  const [near, far] = InMemoryTransport.createLinkedPair();
  const factory = createServerFactory({ ...parts, tools, resources });
  const handle = serveStdio(() => factory(), { transport: far });
  const client = new Client({ name: "test-client", version: "1.0.0" }, {
    capabilities,
    ...(era === "2026-07-28" ? { versionNegotiation: { mode: "auto" as const } } : {}),
  });
  await client.connect(near);
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await handle.close();
    },
  };
}

for (const era of ERAS) {
  Deno.test(`${era}: a tool that draws names its page, one file that loads nothing`, async () => {
    await using mlflow = startFakeMlflow();
    await using connected = await connect(mlflow.url, era, CAPABLE);
    const { client } = connected;
    const { tools } = await client.listTools();
    const withPage = tools.filter(({ _meta }) => _meta !== undefined && "ui" in _meta);
    assert.deepEqual(withPage.map(({ name }) => name), ["plot_traces"]);
    const { ui } = z.looseObject({ ui: z.object({ resourceUri: z.string() }) })
      .parse(withPage[0]?._meta);
    const { resources } = await client.listResources();
    assert.deepEqual(resources.map(({ uri, mimeType }) => [uri, mimeType]), [
      [ui.resourceUri, "text/html;profile=mcp-app"],
    ]);
    const { contents: [page] } = await client.readResource({ uri: ui.resourceUri });
    assert.ok(page !== undefined && "text" in page);
    assert.deepEqual(page._meta, { ui: { csp: {}, prefersBorder: true } });
    assert.ok(page.text.length <= 150_000, `${page.text.length} characters`);
    assert.match(page.text, /^<!DOCTYPE html>/);
    assert.doesNotMatch(
      page.text,
      /<[a-z]+[^>]* (src|href)=|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket/,
    );
    assert.doesNotMatch(page.text, /\beval\(|new Function|Function\(/);
  });

  Deno.test(`${era}: the chart travels to clients that show pages, and to no other`, async () => {
    await using mlflow = startFakeMlflow();
    for (const [capabilities, shown] of [[CAPABLE, true], [{}, false]] as const) {
      await using connected = await connect(mlflow.url, era, capabilities);
      const result = await connected.client.callTool({
        name: "plot_traces",
        arguments: { experiment_id: "1" },
      });
      assert.equal(result._meta !== undefined && "wandflow/chart" in result._meta, shown);
      assert.equal(result.structuredContent, undefined);
    }
  });
}
