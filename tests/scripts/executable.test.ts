/** Which files `deno task compile` builds on, and what it finds in the finished ones. */
import assert from "node:assert/strict";
import { TARGETS } from "../../scripts/compile.ts";
import { compareBaked, findBaseFault, readBaked, readTarget } from "../../scripts/executable.ts";

/** The smallest header of a target's object format, with text behind it. */
function craft(target: string, text = ""): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  const arm = target.startsWith("aarch64");
  if (target.includes("linux")) {
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(18, arm ? 0xb7 : 0x3e, true);
  } else if (target.includes("darwin")) {
    view.setUint32(0, 0xfeedfacf, true);
    view.setUint32(4, arm ? 0x0100000c : 0x01000007, true);
  } else {
    bytes.set([0x4d, 0x5a]);
    view.setUint32(0x3c, 128, true);
    bytes.set([0x50, 0x45, 0, 0], 128);
    view.setUint16(132, arm ? 0xaa64 : 0x8664, true);
  }
  return new Uint8Array([...bytes, ...new TextEncoder().encode(text)]);
}

const DENORT = "…Could not find standalone binary section.…Deno/2.9.6…";

Deno.test("each target's header is distinguished from the others", () => {
  for (const target of TARGETS) {
    assert.equal(readTarget(craft(target)), target);
    for (const other of TARGETS) {
      const fault = findBaseFault(craft(other, DENORT), target, "2.9.6");
      assert.equal(fault, other === target ? undefined : `is made for ${other}`);
    }
  }
});

Deno.test("files that are not a base runtime are refused with what they are", () => {
  const [target] = TARGETS;
  const fault = (file: Uint8Array) => findBaseFault(file, target, "2.9.6");
  for (const text of ["", "#!/bin/sh\necho", "MZ".padEnd(200), "\u00ca\u00fe\u00ba\u00be"]) {
    assert.match(fault(new TextEncoder().encode(text)) ?? "", /^is not an executable/);
  }
  const small = craft(target);
  small[4] = 1;
  assert.match(fault(small) ?? "", /^is not an executable/);
  assert.equal(fault(craft(target, "Deno/2.9.6")), "is not denort");
  assert.match(fault(craft(target, `${DENORT} deno::lsp`)) ?? "", /^is the deno program/);
  assert.equal(
    fault(craft(target, DENORT.replace("2.9.6", "2.9.5"))),
    "is not denort of version 2.9.6",
  );
});

Deno.test("the deno program is recognized as not being a base", async () => {
  const file = await Deno.readFile(Deno.execPath());
  assert.equal(readTarget(file), Deno.build.target);
  const fault = findBaseFault(file, Deno.build.target, Deno.version.deno);
  assert.match(fault ?? "", /^is the deno program/);
});

Deno.test("settings are found after other occurrences of their mark, and compared as a whole", () => {
  const settings = { argv: [], permissions: { allow_net: [], prompt: false }, otel: {} };
  const text = new TextEncoder().encode(JSON.stringify(settings));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  const mark = new TextEncoder().encode("d3n0l4nd");
  const file = new Uint8Array([...mark, ...mark, 1, 2, ...mark, ...length, ...text, 7, ...mark]);
  const baked = readBaked(file);
  assert.deepEqual(baked, settings);
  assert.deepEqual(compareBaked(baked, settings), []);
  assert.equal(readBaked(new Uint8Array([...mark, ...mark])), undefined);
  assert.deepEqual(compareBaked(baked, { ...settings, permissions: { allow_net: ["h:1"] } }), [
    'permissions.allow_net is [] and not ["h:1"]',
    "permissions.prompt is false and not undefined",
  ]);
  assert.deepEqual(compareBaked(undefined, settings).length, 1);
});
