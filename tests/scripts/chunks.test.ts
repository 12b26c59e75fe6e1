/** What the bundle step refuses: scripts that take from others what these do not have. */
import assert from "node:assert/strict";
import { checkChunks, reachableChunks, readChunk } from "../../scripts/chunks.ts";

/** Checks scripts that lie beside each other. */
function check(files: Record<string, string>): string[] {
  return checkChunks(
    Object.entries(files).map(([name, text]) => readChunk(`file:///b/${name}`, text)),
  );
}

const CJS = "var c=()=>({parse(){}});export default c();";
const ESM = 'var x=1,y=2;function z(){}export{x as parse,y as "odd name",z};export class K{}';

Deno.test("names that a script does not export are refused, in every form of import", () => {
  for (
    const taking of [
      'let{parse:n}=await import("./other.js");n();',
      '(await import("./other.js")).parse();',
      'async function f(){return(await import("./other.js")).parse}',
      'let[{parse:a},{request:b}]=await Promise.all([import("./other.js"),import("node:https")]);',
      'import{parse as p}from"./other.js";p();',
      'export{parse}from"./other.js";',
    ]
  ) {
    assert.deepEqual(check({ "main.js": taking, "other.js": ESM }), [], taking);
    const [complaint = "", ...more] = check({ "main.js": taking, "other.js": CJS });
    assert.deepEqual(more, []);
    assert.match(complaint, /^main\.js: .*of other\.js: it has no parse, but default|from other/);
    assert.match(complaint, /it has no parse, but default; of a CommonJS package take/);
  }
  for (
    const taking of [
      'let{default:{parse:n}}=await import("./other.js");n();',
      '(await import("./other.js")).default.parse();',
      'import d from"./other.js";d.parse();',
    ]
  ) {
    assert.deepEqual(check({ "main.js": taking, "other.js": CJS }), [], taking);
    assert.match(check({ "main.js": taking, "other.js": ESM })[0] ?? "", /it has no default/);
  }
});

Deno.test("imports that cannot be checked, are missing or computed are refused", () => {
  const say = (text: string) => check({ "main.js": text, "other.js": ESM }).join("\n");
  assert.match(say('let m=await import("./other.js");m.x();'), /take names by/);
  assert.match(say('import("./other.js").then(m=>m.x());'), /take names by/);
  assert.match(say('let{...all}=await import("./other.js");'), /take names by/);
  assert.match(say('(await import("./other.js"))[key]();'), /take names by/);
  assert.match(say('export*from"./other.js";'), /take names by/);
  assert.match(say("let{a}=await import(path);"), /computed address/);
  const source = 'import(new URL("./paint.ts",import.meta.url).href)';
  assert.equal(say(`let{a}=await ${source};`), "", "taken from source alone");
  assert.match(say(`let{a}=await ${source.replace(".ts", ".js")};`), /computed address/);
  assert.match(say('let{a}=await import("./gone.js");'), /no such script/);
  assert.match(say('import{z}from"npm:zod";'), /no such script/);
  assert.equal(say('import{readFile}from"node:fs";let{x}=await import("node:tls");'), "");
});

Deno.test("static and dynamic imports are distinguished", () => {
  const chunks = Object.entries({
    "main.js": 'import"./a.js";let{b}=await import("./b.js");',
    "a.js": "export let a=1;",
    "b.js": 'import{c}from"./sub/c.js";export let b=c;',
    "sub/c.js": "export let c=1;",
  }).map(([name, text]) => readChunk(`file:///b/${name}`, text));
  const names = (follow: (late: boolean) => boolean) =>
    [...reachableChunks(["file:///b/main.js"], chunks, ({ late }) => follow(late))]
      .map((url) => url.replace("file:///b/", "")).sort();
  assert.deepEqual(names(() => true), ["a.js", "b.js", "main.js", "sub/c.js"]);
  assert.deepEqual(names((late) => !late), ["a.js", "main.js"]);
  assert.deepEqual(chunks.map(({ size }) => size), [45, 15, 41, 15]);
});
