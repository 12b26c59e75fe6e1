/**
 * What `deno task compile` bakes into an executable, read from the file itself. Where there is no
 * base runtime, the command-line program stands in for it: the file then holds the same settings,
 * though it cannot be run as the product.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { compile } from "../../scripts/compile.ts";
import { environmentNames } from "../../src/config/settings.ts";
import { bundledMain } from "../support/product.ts";

const NOTHING = z.null();
const BAKED = z.looseObject({
  permissions: z.strictObject({
    allow_net: z.tuple([]),
    deny_net: z.tuple([z.literal("169.254.0.0/16")]),
    allow_read: z.tuple([]),
    deny_read: NOTHING,
    ignore_read: NOTHING,
    allow_env: z.array(z.string()),
    deny_env: NOTHING,
    ignore_env: z.tuple([]),
    allow_write: NOTHING,
    deny_write: NOTHING,
    allow_run: NOTHING,
    deny_run: NOTHING,
    allow_ffi: NOTHING,
    deny_ffi: NOTHING,
    allow_sys: NOTHING,
    deny_sys: NOTHING,
    // The runtime's own list: an executable imports from nowhere, and the worker gets none of it.
    allow_import: z.array(z.string()),
    deny_import: NOTHING,
    prompt: z.literal(false),
  }),
  unsafely_ignore_certificate_errors: NOTHING,
});

Deno.test("an executable has the declared permissions baked in, and no others", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-compiled-" });
  const given = Deno.env.get("DENORT_BIN");
  const base = given === undefined || given === "" ? Deno.execPath() : given;
  try {
    const file = await compile(Deno.build.target, await bundledMain(), { folder, base });
    const { permissions } = BAKED.parse(bakedSettings(await Deno.readFile(file)));
    assert.deepEqual(permissions.allow_env, environmentNames());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The JSON object in the file that holds the permissions. */
function bakedSettings(file: Uint8Array): unknown {
  const text = new TextDecoder("latin1").decode(file);
  const inside = text.indexOf('"permissions":{"allow_env"');
  assert.ok(inside >= 0, "The file holds no settings.");
  const start = text.lastIndexOf('{"argv"', inside);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "{") depth++;
    if (text[at] === "}" && --depth === 0) return JSON.parse(text.slice(start, at + 1));
  }
  throw new Error("The settings do not end.");
}
