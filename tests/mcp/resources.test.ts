/** Resource addresses alone, and read by clients of both eras. */
import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import { ProtocolError, ResourceNotFoundError } from "@modelcontextprotocol/client";
import fc from "fast-check";
import { z } from "zod";
import { bind, defineTool } from "../../src/mcp/define.ts";
import {
  createResources,
  isPlainId,
  keepUsableLinks,
  matchUri,
  type ResourceSpec,
  writeResourceUri,
} from "../../src/mcp/resource.ts";
import { UNTRUSTED } from "../../src/mcp/result.ts";
import { estimateTokens } from "../../src/mcp/fit.ts";
import type { BoundTool } from "../../src/mcp/tool.ts";
import { connect, ERAS } from "../workflows/client.ts";
import { prose } from "./payloads.ts";
import { acting, destroyer, factoryOf } from "./support.ts";

const TEMPLATE = "thing://{owner}/things/{id}";

const SPEC: ResourceSpec = {
  name: "thing",
  title: "Thing",
  description: "A thing.",
  template: TEMPLATE,
  tool: "get_thing",
  args: ({ owner, id }) => ({ owner, id }),
  found: ({ things }) => Array.isArray(things) && things.length > 0,
};

/** What the tool was asked for, and a tool that has one thing. */
function shelf(): { asked: Record<string, unknown>[]; tool: BoundTool } {
  const asked: Record<string, unknown>[] = [];
  const tool = bind(
    defineTool({
      name: "get_thing",
      title: "Get thing",
      toolset: "test.read",
      effect: "read",
      description: "A thing.",
      input: z.object({ owner: z.string(), id: z.string() }),
      output: z.looseObject({ things: z.array(z.looseObject({})) }),
      run: (args) => {
        asked.push(args);
        if (args.id === "gone") throw new Failure("not_found", "It is gone.", { hint: "Look." });
        if (args.id === "down") throw new Failure("unreachable", "Nobody answers.");
        if (args.id === "odd") throw new TypeError("secret internals");
        return Promise.resolve({
          data: { things: args.id === "none" ? [] : [{ id: args.id, text: `a\u202Eb ${LONG}` }] },
          links: [
            { uri: `thing://${args.owner}/things/${args.id}`, name: "Thing" },
            { uri: "other://elsewhere", name: "Nowhere" },
            { uri: "https://example.test/thing", name: "Page" },
          ],
        });
      },
    }),
    () => ({}),
  );
  return { asked, tool };
}

const LONG = prose(3000);

Deno.test("an address splits into the names that it was made from, whatever they contain", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
  fc.assert(fc.property(name, name, (owner, id) => {
    const uri = writeResourceUri(TEMPLATE, { owner, id });
    if (!isPlainId(owner) || !isPlainId(id)) assert.equal(uri, undefined);
    else {
      assert.ok(uri !== undefined);
      assert.deepEqual(matchUri(TEMPLATE, uri), { kind: "match", variables: { owner, id } });
      assert.ok(URL.canParse(uri) || /%/.test(uri));
    }
  }));
  assert.equal(writeResourceUri(TEMPLATE, { owner: "a" }), undefined);
});

const HOSTILE = [
  "thing://acme/things/..",
  "thing://acme/things/.",
  "thing://acme/things/%2e%2e",
  "thing://acme/things/%252e%252e",
  "thing://acme/things/a%2Fb",
  "thing://acme/things/a%5Cb",
  "thing://acme/things/",
  "thing://acme/things/%20",
  "thing:///things/x",
  "thing://acme/things/a%00b",
  "thing://acme/things/a%0d%0aHost:x",
  "thing://acme/things/%ff",
  "thing://acme/things/%",
  "thing://acme/things/x?admin=1",
  "thing://acme/things/x#y",
  `thing://acme/things/${"x".repeat(600)}`,
];

const FOREIGN = [
  "thing://acme/things/x/y",
  "thing://acme/x",
  "thing://acme/widgets/x",
  "thing:acme/things/x",
  "file:///etc/passwd",
  "https://acme/things/x",
  "things",
  "",
];

Deno.test("hostile addresses are distinguished from those of another form", () => {
  for (const uri of HOSTILE) assert.equal(matchUri(TEMPLATE, uri)?.kind, "hostile", uri);
  for (const uri of FOREIGN) assert.equal(matchUri(TEMPLATE, uri), undefined, uri);
  assert.equal(matchUri(TEMPLATE, "THING://a/things/b")?.kind, "match");
});

Deno.test("a resource exists only if a listed reading tool can read it", () => {
  const { tool } = shelf();
  assert.deepEqual(createResources([SPEC], [tool]).map(({ spec }) => spec.name), ["thing"]);
  assert.deepEqual(createResources([SPEC], []), []);
  assert.deepEqual(createResources([{ ...SPEC, tool: "destroy" }], [destroyer([])]), []);
  assert.deepEqual(
    createResources([{ ...SPEC, tool: "act" }], [acting(() => Promise.reject())]),
    [],
  );
});

for (const era of ERAS) {
  const test = (name: string, run: () => Promise<void>) => Deno.test(`${era}: ${name}`, run);
  const start = (maxTokens = 30_000) => {
    const { asked, tool } = shelf();
    const resources = createResources([SPEC], [tool], {
      id: (_typed, { owner }) => Promise.resolve([{ value: `${owner}-1` }]),
      scheme: () => Promise.resolve([{ value: "never" }]),
    });
    return { asked, connecting: connect(factoryOf([tool], { resources, maxTokens }), era) };
  };

  test("templates are listed, and their variables completed", async () => {
    await using connected = await start().connecting;
    const { client } = connected;
    assert.deepEqual(client.getServerCapabilities()?.resources, { listChanged: false });
    assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, [{
      name: "thing",
      title: "Thing",
      uriTemplate: TEMPLATE,
      description: "A thing.",
      mimeType: "application/json",
    }]);
    assert.deepEqual((await client.listResources()).resources, []);
    const complete = async (name: string) =>
      (await client.complete({
        ref: { type: "ref/resource", uri: TEMPLATE },
        argument: { name, value: "" },
        context: { arguments: { owner: "acme" } },
      })).completion.values;
    assert.deepEqual(await complete("id"), ["acme-1"]);
    assert.deepEqual(await complete("owner"), []);
    assert.deepEqual(await complete("scheme"), []);
  });

  test("a resource is the tool's own answer: stripped, bounded and marked alike", async () => {
    const { asked, connecting } = start(600);
    await using connected = await connecting;
    const { client } = connected;
    const { contents: [content], _meta } = await client.readResource({
      uri: "thing://acme%20inc/things/t-1",
    });
    const called = await client.callTool({
      name: "get_thing",
      arguments: { owner: "acme inc", id: "t-1" },
    });
    assert.deepEqual(asked, [{ owner: "acme inc", id: "t-1" }, { owner: "acme inc", id: "t-1" }]);
    assert.ok(content !== undefined && "text" in content);
    assert.equal(content.uri, "thing://acme%20inc/things/t-1");
    assert.equal(content.mimeType, "application/json");
    assert.deepEqual(JSON.parse(content.text), called.structuredContent);
    assert.match(content.text, /"truncated"/);
    assert.doesNotMatch(content.text, /\u202E/);
    assert.ok(estimateTokens(content.text) <= 600);
    assert.ok(_meta !== undefined && UNTRUSTED in _meta);
    assert.deepEqual(_meta[UNTRUSTED], called._meta?.[UNTRUSTED]);
  });

  test("hostile addresses reach no tool", async () => {
    const { asked, connecting } = start();
    await using connected = await connecting;
    for (const uri of [...HOSTILE, ...FOREIGN]) {
      await assert.rejects(connected.client.readResource({ uri }), (error) => {
        assert.ok(error instanceof ProtocolError, uri);
        assert.equal(error.code, -32602, uri);
        assert.ok(error.message.length < 600);
        return true;
      });
    }
    assert.deepEqual(asked, []);
  });

  test("a missing resource is not found; a failure says why and no more", async () => {
    await using connected = await start().connecting;
    const failure = async (id: string) => {
      try {
        await connected.client.readResource({ uri: `thing://acme/things/${id}` });
      } catch (error) {
        if (error instanceof ProtocolError) return error;
      }
      throw new Error(`${id} was read`);
    };
    for (const id of ["gone", "none"]) {
      const error = await failure(id);
      assert.ok(error instanceof ResourceNotFoundError, id);
      assert.equal(error.uri, `thing://acme/things/${id}`);
    }
    assert.match((await failure("gone")).message, /It is gone\. Look\./);
    const down = await failure("down");
    assert.equal(down.code, -32603);
    assert.match(down.message, /Nobody answers/);
    assert.deepEqual(down.data, { error: "unreachable", retryable: false });
    assert.doesNotMatch((await failure("odd")).message, /secret internals/);
  });

  test("results link only to pages and to resources that can be read", async () => {
    await using connected = await start().connecting;
    const { structuredContent } = await connected.client.callTool({
      name: "get_thing",
      arguments: { owner: "acme", id: "t-1" },
    });
    const { links } = LINKED.parse(structuredContent);
    assert.deepEqual(links.map(({ uri }) => uri), [
      "thing://acme/things/t-1",
      "https://example.test/thing",
    ]);
  });
}

const LINKED = z.looseObject({ links: z.array(z.looseObject({ uri: z.string() })) });

Deno.test("links to resources that are not offered are left out", () => {
  const links = [{ uri: "thing://a/things/b", name: "b" }, { uri: "https://x.test/", name: "x" }];
  assert.deepEqual(keepUsableLinks(links, []).map(({ name }) => name), ["x"]);
  assert.deepEqual(keepUsableLinks(links, createResources([SPEC], [shelf().tool])), links);
});
