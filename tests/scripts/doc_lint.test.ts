import assert from "node:assert/strict";
import { complaintsOf } from "../../scripts/doc_lint.ts";

const FILES: Record<string, string> = {
  "/p/own.ts":
    "interface Place {\n}\nexport function f(place: Place) {}\nconst ROW = z.object({});",
};
const read = (file: string) => FILES[file] ?? "";

const block = (kind: string, at: string, ...quoted: [number, string][]) =>
  `error[${kind}]: what is wrong\n   --> ${at}\n    | \n` +
  quoted.map(([line, text]) => ` ${line} | ${text}\n    | ^\n`).join("    = hint: do it\n    | \n");

Deno.test("types of npm packages and schemas may be mentioned, our private types may not", () => {
  const npm = block("private-type-ref", "/p/own.ts:3:1", [3, "export function f"], [
    1,
    "export interface ZodObject<",
  ]);
  const own = block(
    "private-type-ref",
    "/p/own.ts:3:1",
    [3, "export function f(place: Place) {}"],
    [
      1,
      "interface Place {",
    ],
  );
  const schema = block("private-type-ref", "/p/own.ts:5:1", [5, "export type Row"], [
    4,
    "const ROW = z.object({});",
  ]);
  const output = `${npm}\n${own}\n${schema}\nerror: Found 3 documentation lint errors.\n`;
  const complaints = complaintsOf(output, read);
  assert.equal(complaints.length, 1);
  assert.match(complaints[0] ?? "", /interface Place/);
});

Deno.test("a missing explanation always counts, a missing type not for schemas", () => {
  const output = [
    block("missing-jsdoc", "/p/own.ts:1:1", [1, "export const a = 1;"]),
    block("missing-explicit-type", "/p/own.ts:2:14", [2, "export const Row = z.looseObject({"]),
    block("missing-explicit-type", "/p/own.ts:3:14", [3, "export const made = make();"]),
  ].join("\n");
  assert.deepEqual(
    complaintsOf(output, read).map((complaint) => /error\[([a-z-]+)\]/.exec(complaint)?.[1]),
    ["missing-jsdoc", "missing-explicit-type"],
  );
});
