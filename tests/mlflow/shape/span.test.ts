import assert from "node:assert/strict";
import fc from "fast-check";
import { type Json, parseJson } from "../../../src/core/json.ts";
import { hexId, printNanos, shapeSpan } from "../../../src/mlflow/shape/span.ts";
import { flat, hexed, old, otlp } from "./samples.ts";

const expected = {
  trace_id: "586395da8e528692ba0e87aedd6024ca",
  span_id: "df8be0d61cac4786",
  parent_span_id: "63c117684fd4f2ed",
  name: "tool",
  start_time: "2026-11-21T10:53:45.479438443Z",
  end_time: "2026-11-21T10:53:45.506197931Z",
  duration_ms: 26.759488,
  start_time_unix_nano: "1795258425479438443",
  end_time_unix_nano: "1795258425506197931",
  status: { code: "STATUS_CODE_ERROR", message: "ValueError: boom" },
  attributes: {
    "mlflow.spanType": "TOOL",
    "mlflow.spanInputs": { q: [1, "{}"] },
    big: "1152921504606846976",
    flag: true,
    ratio: 0.5,
    nan: "NaN",
    empty: null,
  },
  events: [{
    name: "exception",
    time: "2026-11-21T10:53:45.506012160Z",
    time_unix_nano: "1795258425506012160",
    attributes: { "exception.message": "boom" },
  }],
  links: [{
    trace_id: "586395da8e528692ba0e87aedd6024ca",
    span_id: "63c117684fd4f2ed",
    attributes: {},
  }],
};

Deno.test("a span has one shape whichever way it came", () => {
  for (const [source, text] of Object.entries({ otlp, flat, hexed, old })) {
    assert.deepEqual(shapeSpan(parseJson(text)), expected, source);
  }
});

Deno.test("a root span has no parent, and a running span no end", () => {
  for (const parent of ["", null, "0000000000000000", "AAAAAAAAAAA="]) {
    assert.equal(
      shapeSpan({ span_id: "34vg1hysR4Y=", parent_span_id: parent }).parent_span_id,
      null,
    );
  }
  for (const end of [null, 0, "0"]) {
    const span = shapeSpan({
      span_id: "34vg1hysR4Y=",
      start_time_unix_nano: "1795258425479438443",
      end_time_unix_nano: end,
    });
    assert.deepEqual([span.end_time, span.end_time_unix_nano, span.duration_ms], [
      null,
      null,
      null,
    ]);
    assert.equal(span.start_time, "2026-11-21T10:53:45.479438443Z");
  }
});

Deno.test("only the wanted attributes are decoded", () => {
  const wantsAttribute = (key: string) => key === "mlflow.spanType";
  for (const text of [otlp, flat]) {
    const span = shapeSpan(parseJson(text), wantsAttribute);
    assert.deepEqual(span.attributes, { "mlflow.spanType": "TOOL" });
  }
});

Deno.test("missing fields get a plain default, and anything but a span is refused", () => {
  const bare = shapeSpan({});
  assert.deepEqual([bare.span_id, bare.name, bare.status.code], ["", "", "STATUS_CODE_UNSET"]);
  assert.equal(shapeSpan({ status: { code: 2 } }).status.code, "STATUS_CODE_ERROR");
  for (const wrong of [null, 1, "x", { name: 1 }, { status: [] }, { events: {} }]) {
    assert.throws(() => shapeSpan(wrong), { message: /^A span of this trace is damaged: ./ });
  }
});

Deno.test("attributes named __proto__ are data", () => {
  const attributes = parseJson('{"__proto__": "{\\"x\\": 1}"}');
  const span = shapeSpan({ attributes });
  assert.equal(JSON.stringify(span.attributes), '{"__proto__":{"x":1}}');
});

Deno.test("attribute text that is not JSON stays text", () => {
  assert.deepEqual(shapeSpan({ attributes: { a: "hello", b: "[1", c: 5, d: "" } }).attributes, {
    a: "hello",
    b: "[1",
    c: 5,
    d: "",
  });
});

Deno.test("fields that newer servers add to a span are kept", () => {
  const span = shapeSpan({ span_id: "34vg1hysR4Y=", kind: "SPAN_KIND_CLIENT", novel: [1] });
  const { kind, novel } = Object.fromEntries(Object.entries(span));
  assert.deepEqual([kind, novel], ["SPAN_KIND_CLIENT", [1]]);
});

Deno.test("text that was not encoded is not decoded", () => {
  const raw = { version: "1.10", whole: "1.0", code: "0012", count: "3", ok: "true", list: "[1]" };
  assert.deepEqual(shapeSpan({ attributes: { "mlflow.spanType": "LLM", ...raw } }).attributes, {
    "mlflow.spanType": "LLM",
    ...raw,
    count: 3,
    ok: true,
    list: [1],
  });
  const encoded = { "mlflow.spanType": '"LLM"', rate: "1.0", version: '"1.10"' };
  assert.deepEqual(shapeSpan({ attributes: encoded }).attributes, {
    "mlflow.spanType": "LLM",
    rate: 1,
    version: "1.10",
  });
});

Deno.test("property: Base64, hex and 0x forms of an id are the same id", () => {
  const id = (bytes: 8 | 16) => fc.uint8Array({ minLength: bytes, maxLength: bytes });
  fc.assert(fc.property(id(8), id(16), (span, trace) => {
    for (const [bytes, size] of [[span, 8], [trace, 16]] as const) {
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const expected = /^0+$/.test(hex) ? null : hex;
      const base64 = btoa(String.fromCharCode(...bytes));
      const short = `0x${hex.replace(/^0+/, "")}`;
      for (const form of [base64, base64.replace(/=+$/, ""), hex, `0x${hex}`, hex.toUpperCase()]) {
        assert.equal(hexId(form, size), expected, form);
      }
      if (expected !== null) assert.equal(hexId(short, size), expected);
      if (size === 16) assert.equal(hexId(`tr-${hex}`, 16), expected);
    }
  }));
  assert.equal(hexId("trace:/catalog.schema/abc", 16), "trace:/catalog.schema/abc");
});

Deno.test("property: ISO times keep the nanoseconds", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 253_402_300_799_999_999_999n }), (time) => {
    const iso = printNanos(time) ?? "";
    const back = BigInt(Date.parse(`${iso.slice(0, 19)}Z`)) * 1_000_000n +
      BigInt(iso.slice(20, 29));
    assert.equal(back, time);
  }));
  assert.equal(printNanos(253_402_300_800_000_000_000n), null);
  assert.equal(printNanos(-1n), null);
});

Deno.test("property: a value reads the same in tagged form and in JSON text", () => {
  const scalar = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null));
  const value: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(fc.string(), tie("node"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).node;
  fc.assert(fc.property(value, (input) => {
    const tagged = shapeSpan({ attributes: [{ key: "k", value: tag(input) }] });
    const text = shapeSpan({ attributes: { k: JSON.stringify(input) } });
    assert.deepEqual(tagged.attributes, text.attributes);
  }));
});

function tag(value: Json): Json {
  if (value === null) return {};
  if (typeof value === "string") return { string_value: value };
  if (typeof value === "boolean") return { bool_value: value };
  if (typeof value === "number") return { int_value: String(value) };
  if (Array.isArray(value)) return { array_value: { values: value.map(tag) } };
  const values = Object.entries(value).map(([key, item]) => ({ key, value: tag(item) }));
  return { kvlist_value: { values } };
}
