/** Messages as a careless or hostile client sends them: valid ones that were changed, and junk. */
import fc from "fast-check";
import { ASSESSMENT, EXPERIMENT, TRACE } from "../../e2e/fake_mlflow.ts";
import { LEGACY, MODERN, MODERN_META } from "../../e2e/rpc.ts";

/** The protocol's two eras. */
export type Era = typeof LEGACY | typeof MODERN;

/** Keys of tags that a message may set begin so; each has a number of its own. */
export const MARK = /fuzz\.\d+/g;

/** JSON that `JSON.stringify` does not write, by the text that stands for it. */
const RAW: readonly string[] = [
  ...["1e999", "-1e999", "-0", "1e-400", "9007199254740993", "1.5", "-1", "0"],
  ...["123456789012345678901234567890", "null", "true", "false", "[]", "{}", '""'],
  ...[String.raw`"\ud800"`, String.raw`"\u0000"`, String.raw`"\u202e\u200b"`, '"__proto__"'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'],
  ...['{"toString":1,"valueOf":1,"hasOwnProperty":1,"toJSON":1}', '{"then":1}', '{"length":-1}'],
  ...[`"${"x".repeat(20_000)}"`, `${"[".repeat(3000)}${"]".repeat(3000)}`],
  ...[
    `${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`,
    '"👩‍👩‍👧‍👦"',
    '"../../../../etc/passwd"',
    '"$' + '{HOME}"',
  ],
  ...['"%2e%2e%2f"', '"http://127.0.0.1:1/"', `[${"1,".repeat(5000)}1]`, '"a\\r\\nSet-Cookie: b"'],
];
const raw = fc.nat(RAW.length - 1).map((index) => `@raw ${index}@`);
const odd: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: raw },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
);
const oddKey = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "then", "toJSON", "", "\0"),
  fc.constantFrom("id", "method", "params", "result", "error", "jsonrpc", "_meta", "name"),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const progressToken = fc.oneof(fc.nat(), fc.string({ maxLength: 5 }), odd);
const requestId = fc.oneof(
  { weight: 6, arbitrary: fc.nat(0x7fffffff) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", minLength: 6, maxLength: 12 }) },
);

const call = fc.nat(0x7fffffff).chain((number) => {
  const tag = { trace_id: TRACE, key: `fuzz.${number}` };
  return fc.constantFrom<readonly [string, object]>(
    ["get_trace", { trace_id: TRACE }],
    ["get_trace", { trace_id: TRACE, extract_fields: "data.spans.*.name" }],
    ["search_traces", { experiment_id: EXPERIMENT, max_results: 2 }],
    ["search_traces", {
      experiment_id: EXPERIMENT,
      filter_string: "status = 'OK'",
      max_results: 1,
    }],
    ["get_assessment", { trace_id: TRACE, assessment_id: ASSESSMENT }],
    ["set_trace_tag", { ...tag, value: "fuzzed" }],
    ["delete_trace_tag", tag],
    // Unconfirmed.
    ["delete_traces", { experiment_id: EXPERIMENT, trace_ids: TRACE }],
    ["delete_traces", { experiment_id: EXPERIMENT, trace_ids: TRACE, dry_run: true }],
    ["no_such_tool", {}],
    ["__proto__", {}],
  );
}).map(([name, args]) => ({ name, arguments: args }));

const client = { name: "fuzz", version: "1" };
const initialize = fc.constantFrom(
  LEGACY,
  MODERN,
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
  "1",
  "",
)
  .map((protocolVersion) => ({ protocolVersion, capabilities: {}, clientInfo: client }));
const cancel = fc.record(
  { requestId: fc.oneof(requestId, odd), reason: fc.string({ maxLength: 5 }) },
  { requiredKeys: ["requestId"] },
);
const reference = fc.constantFrom(
  { type: "ref/prompt", name: "debug_production_issues" },
  { type: "ref/resource", uri: "mlflow://traces/{trace_id}" },
  { type: "ref/none" },
);

/** Methods with params that fit them; those without an id below are notifications. */
const REQUESTS: readonly (readonly [string, fc.Arbitrary<object>, number])[] = [
  ["ping", fc.constant({}), 2],
  ["initialize", initialize, 1],
  ["server/discover", fc.constant({}), 1],
  ["tools/list", fc.constant({}), 1],
  ["tools/call", call, 12],
  ["prompts/list", fc.constant({}), 1],
  ["prompts/get", fc.constant({ name: "debug_production_issues", arguments: {} }), 2],
  ["resources/list", fc.constant({}), 1],
  ["resources/templates/list", fc.constant({}), 1],
  [
    "resources/read",
    fc.constantFrom(TRACE, "..", "%2e%2e").map((id) => ({ uri: `mlflow://traces/${id}` })),
    2,
  ],
  [
    "completion/complete",
    fc.record({ ref: reference, argument: fc.constant({ name: "x", value: "" }) }),
    2,
  ],
  ["logging/setLevel", fc.constant({ level: "debug" }), 1],
  ["resources/subscribe", fc.constant({ uri: `mlflow://traces/${TRACE}` }), 1],
  ["sampling/createMessage", fc.constant({ messages: [] }), 1],
  ["tasks/get", fc.constant({ taskId: "1" }), 1],
  ["notifications/cancelled", cancel, 1],
];
const NOTIFICATIONS: readonly (readonly [string, fc.Arbitrary<object>, number])[] = [
  ["notifications/initialized", fc.constant({}), 1],
  ["notifications/cancelled", cancel, 4],
  ["notifications/progress", fc.record({ progressToken, progress: fc.nat() }), 1],
  ["notifications/roots/list_changed", fc.constant({}), 1],
  ["tools/call", call, 2],
];
const oddMethod = fc.oneof(
  fc.constantFrom(
    "",
    "__proto__",
    "constructor",
    "toString",
    "TOOLS/LIST",
    "tools/call\0",
    "rpc.discover",
  ),
  fc.string({ unit: "binary", maxLength: 10 }),
);

/** A message as a value, for an era; `unchanged` says how many of ten are left as they are. */
function messages(era: Era): fc.Arbitrary<Record<string, unknown>> {
  const meta = fc.record({ progressToken }, { requiredKeys: [] })
    .map((more) => era === MODERN ? { ...MODERN_META, ...more } : more);
  const some = (list: typeof REQUESTS) =>
    fc.oneof(...list.map(([method, params, weight]) => ({
      weight,
      arbitrary: fc.tuple(params, meta).map(([given, _meta]) => ({
        method,
        params: { ...given, ...(Object.keys(_meta).length > 0 ? { _meta } : {}) },
      })),
    })));
  const requests = fc.tuple(requestId, some(REQUESTS)).map(([id, rest]) => ({
    jsonrpc: "2.0",
    id,
    ...rest,
  }));
  const notifications = some(NOTIFICATIONS).map((rest) => ({ jsonrpc: "2.0", ...rest }));
  const responses = fc.tuple(fc.oneof(requestId, odd), odd).map(([id, result]) => ({
    jsonrpc: "2.0",
    id,
    result,
  }));
  const failures = requestId.map((id) => ({
    jsonrpc: "2.0",
    id,
    error: { code: -1, message: "no" },
  }));
  const unknown = fc.tuple(requestId, oddMethod, odd).map(([id, method, params]) => ({
    jsonrpc: "2.0",
    id,
    method,
    params,
  }));
  return fc.oneof(
    { weight: 16, arbitrary: requests },
    { weight: 3, arbitrary: notifications },
    { weight: 1, arbitrary: responses },
    { weight: 1, arbitrary: failures },
    { weight: 1, arbitrary: unknown },
  );
}

/** One change of a value: where, what, and with which other value or name. */
const change = fc.record({
  at: fc.nat(1000),
  what: fc.constantFrom("drop", "replace", "rename", "add", "wrap"),
  value: odd,
  key: oddKey,
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The objects in a value, itself first. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return isObject(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}

function applyChange(message: Record<string, unknown>, { at, what, value, key }: Change): void {
  const places = objectsIn(message).flatMap((one) =>
    Object.keys(one).map((name) => [one, name] as const)
  );
  const [owner, name] = places[at % places.length] ?? [message, "id"];
  const set = (member: string, to: unknown) =>
    Object.defineProperty(owner, member, {
      value: to,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  const before = owner[name];
  if (what === "drop" || what === "rename") delete owner[name];
  if (what === "replace") set(name, value);
  if (what === "rename") set(key, before);
  if (what === "add") set(key, value);
  if (what === "wrap") set(name, at % 2 === 0 ? [before] : { [name]: before });
}

function serialize(message: unknown): string {
  return JSON.stringify(message).replaceAll(
    /"@raw (\d+)@"/g,
    (_, index) => RAW[Number(index)] ?? "",
  );
}

/** One change of a text; none ends a line, which the transport does. */
const textChange: fc.Arbitrary<(text: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), oddKey, odd).map(([at, key, value]) => (text: string) => {
    // A member that comes twice.
    const places = [...text.matchAll(/"(\w+)":/g)];
    const place = places[at % Math.max(1, places.length)];
    if (place === undefined) return text;
    const name = at % 3 === 0 ? key : place[1];
    return `${text.slice(0, place.index)}${JSON.stringify(name)}:${serialize(value)},${
      text.slice(place.index)
    }`;
  }),
  fc.nat().map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
  fc.tuple(
    fc.nat(),
    fc.constantFrom("\0", "\r", "\uFEFF", "\u2028", "\\", '"', "}", "/**/", ",", "\ud800", "\t"),
  )
    .map(([at, insert]) => (text: string) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + insert + text.slice(place);
    }),
  fc.constantFrom<(text: string) => string>(
    (text) => `\uFEFF${text}`,
    (text) => `${text}\r`,
    (text) => ` \t${text}  `,
    (text) => text + text,
    (text) => `${text} ${text}`,
    (text) => `[${text}]`,
    (text) => `[${text},${text}]`,
    (text) => JSON.stringify(text),
    (text) => `data: ${text}`,
    (text) => `Content-Length: ${text.length}\r\n\r\n${text}`,
    (text) => text.replaceAll('"', "'"),
    (text) => text.replaceAll("{", "\n{"),
  ),
);

const junk: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.constantFrom(
    "",
    "[]",
    "[[]]",
    "null",
    "1",
    '""',
    "{}",
    "GET / HTTP/1.1",
    "\x1f\x8b\b",
    "NaN",
    "{",
    "-",
  ).map(encode),
);

/** A message as bytes, without the end of its line. */
export function inputs(era: Era): fc.Arbitrary<Uint8Array> {
  const changed = fc.tuple(
    messages(era),
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, {
      weight: 6,
      arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }),
    }),
    fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, {
      weight: 3,
      arbitrary: fc.array(textChange, { minLength: 1, maxLength: 2 }),
    }),
  ).map(([message, changes, texts]) => {
    const copy: Record<string, unknown> = structuredClone(message);
    for (const one of changes) applyChange(copy, one);
    return encode(texts.reduce((text, one) => one(text), serialize(copy)));
  });
  const other = messages(era).map((message) => serialize(message));
  const bytes = fc.tuple(
    other,
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
  )
    .map(([text, flips]) => {
      const flipped = encode(text);
      for (const [at, to] of flips) flipped[at % flipped.length] = to;
      return flipped;
    });
  // A call that is cancelled at once, by several, and after its end.
  const cancelled = fc.tuple(requestId, call, fc.nat(3)).map(([id, params, times]) => {
    const _meta = era === MODERN ? { _meta: MODERN_META } : {};
    const stop = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: id, ..._meta },
    };
    const ask = { jsonrpc: "2.0", id, method: "tools/call", params: { ...params, ..._meta } };
    return encode([ask, ...Array.from({ length: times }, () => stop)].map(serialize).join("\n"));
  });
  return fc.oneof(
    { weight: 24, arbitrary: changed },
    { weight: 2, arbitrary: bytes },
    { weight: 2, arbitrary: junk },
    { weight: 1, arbitrary: cancelled },
  );
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
