/** Parsers take any text or value: they read it, or refuse it in words for the caller. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readArguments } from "../../src/cli/call.ts";
import { readTokens as readTokenCounts, splitCost } from "../../src/analysis/usage_totals.ts";
import { extractHost } from "../../src/config/access.ts";
import { parseCommandLine } from "../../src/config/arguments.ts";
import { readAuthorities } from "../../src/config/authorities.ts";
import { readAzureLocation } from "../../src/config/clouds.ts";
import { readAuthority, readHost } from "../../src/config/databricks.ts";
import { findStoreScheme } from "../../src/config/mlflow.ts";
import { parseIni } from "../../src/config/profiles.ts";
import { netrcPassword } from "../../src/config/netrc.ts";
import { isFailure } from "../../src/core/failure.ts";
import { type Json, parseJson } from "../../src/core/json.ts";
import { readLifetime } from "../../src/core/log.ts";
import { readProxies } from "../../src/core/network.ts";
import { parseDuration, parseMoment } from "../../src/core/time.ts";
import { decodePercent, readFileUri, splitPath, tryDecodePercent } from "../../src/core/values.ts";
import { parseReply } from "../../src/http/client.ts";
import { retryAfterSeconds } from "../../src/http/failure.ts";
import { parseTokens } from "../../src/mcp/http/tokens.ts";
import { matchUri } from "../../src/mcp/resource.ts";
import { isTraceparent } from "../../src/mcp/server.ts";
import { readKind, readMetadata, readSource, readValue } from "../../src/mlflow/assessment.ts";
import { readAwsRefusal } from "../../src/mlflow/aws/sign.ts";
import { readCatalogId } from "../../src/mlflow/databricks/search.ts";
import { readMlflowError } from "../../src/mlflow/errors.ts";
import { parsePaths } from "../../src/mlflow/fields/paths.ts";
import { readStatus } from "../../src/mlflow/filter/comparison.ts";
import { parseFilter } from "../../src/mlflow/filter/filter.ts";
import { parseOrderBy } from "../../src/mlflow/filter/order.ts";
import { parseClauses } from "../../src/mlflow/filter/parse.ts";
import { compileSearch } from "../../src/mlflow/local/python_regex.ts";
import { readRefusal } from "../../src/mlflow/objects.ts";
import { readOffset, readOrder } from "../../src/mlflow/query.ts";
import { decodeArchive } from "../../src/mlflow/shape/otlp.ts";
import { decodeText, shapeSpan } from "../../src/mlflow/shape/span.ts";
import { findProxiedPath } from "../../src/mlflow/span_place.ts";
import { readTraceId, shapeAssessment, shapeInfo } from "../../src/mlflow/trace.ts";
import { readMark } from "../../src/mlflow/trace_name.ts";
import { readChart } from "../../src/pictures/app/read.ts";
import { readCursor as readFileCursor } from "../../src/wandb/artifacts/files.ts";
import { readRegistryName, splitName } from "../../src/wandb/artifacts/names.ts";
import { readFailure, readMessages, readWait } from "../../src/wandb/failure.ts";
import { readMetrics } from "../../src/wandb/history/series.ts";
import { splitKeys } from "../../src/wandb/history/choose.ts";
import { resolveProject, resolveReport } from "../../src/wandb/project.ts";
import { prepareQuery } from "../../src/wandb/query/document.ts";
import { readProjection } from "../../src/wandb/query/fields.ts";
import { translateFilter, translateOrder } from "../../src/wandb/query/filter.ts";
import { readCursor as readPageCursor } from "../../src/wandb/query/pages.ts";
import { readCharts, readTable } from "../../src/wandb/reports/analysis.ts";
import { readPanels } from "../../src/wandb/reports/panels.ts";
import { readConfig, readSummary } from "../../src/wandb/shapes.ts";
import { readFailure as readWeaveFailure } from "../../src/wandb/weave/client.ts";
import { readObjectName } from "../../src/wandb/weave/evaluations/find.ts";
import { parseOp, readSelectors } from "../../src/wandb/weave/filters/ops.ts";
import { buildFilter } from "../../src/wandb/weave/filters/build.ts";
import { toUnixSeconds } from "../../src/wandb/weave/filters/condition.ts";
import { readCursor as readCallCursor, resolveMoments } from "../../src/wandb/weave/plan.ts";
import { parseColumn } from "../../src/wandb/weave/rows/columns.ts";

const PLACE = { entity: "team", project: "demo", id: "team/demo" };
const NOWHERE = { entity: undefined, project: undefined };
let ids = 0;

/** Parsers of text. */
const OF_TEXT: Readonly<Record<string, (text: string) => unknown>> = {
  parseCommandLine: (text) => parseCommandLine(text.split(" ")),
  readArguments: (text) => readArguments(text.split(" "), undefined),
  extractHost,
  findStoreScheme,
  findProxiedPath,
  isTraceparent,
  readFailure: (text) => readFailure(500, text, new Headers(), ""),
  readWeaveFailure: (text) => readWeaveFailure(409, text, new Headers(), ""),
  readRefusal: (text) => readRefusal([], 403, text),
  readWait: (text) =>
    readWait(new Headers({ "retry-after": text.replaceAll(/[^\x20-\x7E]/g, "") })),
  readAuthorities: (text) => readAuthorities(() => text, () => text),
  readAzureLocation,
  readHost,
  readAuthority,
  parseIni,
  netrcPassword: (text) => netrcPassword(text, ["api.wandb.ai"]),
  parseJson,
  readLifetime,
  readProxies: (text) => readProxies(() => text),
  parseDuration,
  parseMoment: (text) => parseMoment(text, 0),
  splitPath,
  tryDecodePercent,
  decodePercent,
  readFileUri,
  parseReply: (text) => parseReply(text, { service: "S", setting: "X" }, 200),
  retryAfterSeconds,
  parseTokens,
  matchUri: (text) => matchUri("wandb://runs/{entity}/{project}/{run_id}", text),
  readValue,
  readSource: (text) => readSource(text, text),
  splitKeys: (text) => splitKeys(text.split(",")),
  readAwsRefusal: (text) => readAwsRefusal(403, text),
  readMlflowError: (text) => readMlflowError(400, text),
  readCatalogId,
  parsePaths,
  readStatus: (text) => readStatus(text, "trace", 0),
  parseFilter: (text) => parseFilter(text, { now: 0 }),
  parseOrderBy,
  readOrder,
  parseClauses,
  compileSearch: (text) => compileSearch(text)("some text"),
  readOffset,
  decodeText,
  readTraceId,
  readMark,
  readFileCursor,
  readRegistryName: (text) => readRegistryName(text, "registry"),
  splitName: (text) => splitName(text, "name"),
  resolveProject: (text) => resolveProject({ entity_name: text, project_name: text }, NOWHERE),
  resolveReport: (text) => resolveReport({}, text, NOWHERE),
  prepareQuery: (text) => prepareQuery(text, {}, {}),
  readProjection: (text) => readProjection([text], []),
  translateOrder,
  readPageCursor,
  readObjectName,
  parseOp: (text) => parseOp(text, PLACE.id),
  readCallCursor: (text) => readCallCursor(text, "query"),
  parseColumn,
};

const NO_KEYS = { keys: new Map(), available: true, lastStep: -1 };

/** Parsers of values that callers or servers give as JSON. */
const OF_VALUES: Readonly<Record<string, (value: Json) => unknown>> = {
  decodeText,
  readValue,
  readMetadata: (value) => isObject(value) && readMetadata(value),
  readTokens: (value) => isObject(value) && readTokenCounts(value),
  splitCost: (value) => isObject(value) && splitCost(value),
  shapeAssessment,
  shapeInfo,
  shapeSpan,
  resolveMoments: (value) => isObject(value) && resolveMoments(value, 0),
  toUnixSeconds: (value) => toUnixSeconds(value, "started_at", 0),
  readKind: (value) => isObject(value) && readKind(value),
  parseMoment: (value) => parseMoment(value, 0),
  readChart,
  readMessages,
  readMetrics: (value) => readMetrics([[value]], { keys: ["a"], samples: 10 }, NO_KEYS),
  translateFilter: (value) => translateFilter(value, 0),
  readTable: (value) => readTable([{ a: value }, isObject(value) ? value : {}]),
  readCharts: (value) => readCharts([value], readTable([{ a: 1, b: 2 }])),
  readPanels: (value) => readPanels([value], { ...PLACE, internalId: 1 }, () => String(ids++)),
  readConfig: (value) => isObject(value) && readConfig(value),
  readSummary: (value) => isObject(value) && readSummary(value),
  readObjectName,
  readSelectors: (value) => readSelectors(value, "op_name", PLACE.id),
  buildFilter: (value) => isObject(value) && buildFilter(value, PLACE, new Map()),
};

function isObject(value: Json): value is { [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** What each language is made of, so that more than the first word is read. */
const WORDS = [
  ...[
    "status",
    "=",
    "!=",
    "'OK'",
    '"',
    "'",
    "`",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "*",
  ],
  ...["AND", "OR", "NOT", "IN", "LIKE", "RLIKE", "IS NULL", "trace.", "span.", "tags.", "%", "_"],
  ...[
    "machine api.wandb.ai",
    "password",
    "login",
    "#",
    ";",
    "\n",
    "\r\n",
    "\t",
    " ",
    ",",
    ":",
    ".",
  ],
  ...["data.spans.*.name", "info.tags", "query", "($a: String!)", "@include", "fragment", "...on"],
  ...[
    "weave:///team/demo/op/x:1",
    "mlflow://traces/tr-1",
    "https://wandb.ai/a/b/runs/c",
    "wasbs://",
  ],
  ...[
    "trace:/a/b",
    "7d",
    "1h30m",
    "now",
    "2026-01-01T00:00:00Z",
    "-",
    "+",
    "0",
    "1e309",
    "9".repeat(20),
  ],
  ...[
    "(?P<a>",
    "(?i)",
    "\\d+",
    "[^a]",
    "a{1,2}",
    "|",
    "^",
    "$",
    "--flag",
    "key=value",
    "key:=[1",
    "..",
    "/",
  ],
  ...[
    "null",
    "NaN",
    "true",
    "<Code>x</Code>",
    '{"errors":[{"message":"m"}]}',
    "\0",
    "\ud800",
    "\u202e",
  ],
  ...["__proto__", "constructor", "é", "👩‍👩‍👧‍👦", "a".repeat(40), "0".repeat(64), "%2e%2e", "%zz", "~"],
];
const TEXT = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join("")),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join(" ")),
);

/** Members by which tools name what they take. */
const KEYS = [
  ...["$and", "$or", "$not", "$eq", "$in", "$gt", "$contains", "$regex", "type", "x", "y", "title"],
  ...[
    "metrics",
    "run_ids",
    "op_name",
    "started_at",
    "inputs.a",
    "state",
    "config.lr",
    "layer",
    "spec",
  ],
  ...[
    "vconcat",
    "mark",
    "encoding",
    "data",
    "values",
    "errors",
    "message",
    "feedback",
    "expectation",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "runset",
    "legend",
    "markdown",
    "path",
    "filters",
    "lines",
  ],
];
const VALUE = fc.letrec<{ any: Json }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom<Json>(
        null,
        true,
        0,
        -1,
        1.5,
        1e300,
        "",
        "line",
        "bar",
        "a",
        "b",
        "$x",
        "tr-1",
      ),
      TEXT,
    ),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("any"), { maxKeys: 4 }),
  ),
})).any;

const FILTER = /^FilterError: /;
/** What others make failures of, or print. */
const REFUSES: Readonly<Record<string, RegExp>> = {
  ...{ readStatus: FILTER, parseFilter: FILTER, parseOrderBy: FILTER, parseClauses: FILTER },
  parseCommandLine: /^UsageError: /,
  // The back end names it a damaged reply.
  shapeInfo: /"code": "(invalid_type|custom)"/,
  parseTokens: /^Error: line \d+ is not/,
};

/** Reads, or refuses in words. */
async function readOrRefuse(parser: string, read: () => unknown): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!isFailure(error) && REFUSES[parser]?.test(String(error)) !== true) throw error;
  }
}

/** Tries a property of every parser; names those that break it. */
async function tryAll<T>(
  parsers: Readonly<Record<string, (input: T) => unknown>>,
  inputs: fc.Arbitrary<T>,
): Promise<void> {
  const broken: string[] = [];
  for (const [parser, parse] of Object.entries(parsers)) {
    const property = fc.asyncProperty(inputs, (one) => readOrRefuse(parser, () => parse(one)));
    const { failed, seed, counterexample, errorInstance } = await fc.check(property, {
      numRuns: 150,
    });
    if (failed) {
      const stack = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance);
      broken.push(`${parser} of ${JSON.stringify(counterexample)}, seed ${seed}: ${stack}`);
    }
  }
  assert.deepEqual(broken, []);
}

Deno.test("every text parser reads any text or refuses it with a message", async () => {
  await tryAll(OF_TEXT, TEXT);
});

Deno.test("every value parser reads any value or refuses it with a message", async () => {
  await tryAll(OF_VALUES, VALUE);
});

Deno.test("every text parser finishes on long text with any repetition", async () => {
  // What takes a square of the steps would take minutes.
  const repeated = [
    "a",
    " ",
    "(",
    "[",
    "'",
    '"',
    "\\",
    "a.",
    "a ",
    "1d",
    "%4",
    "*a",
    "- ",
    "=a ",
    "/",
    "=",
    "-",
    ".",
    "\t",
    "<",
    "/a",
  ];
  for (const [parser, parse] of Object.entries(OF_TEXT)) {
    for (const one of repeated) {
      await readOrRefuse(parser, () => parse(`${one.repeat(100_000 / one.length)}!`));
    }
  }
});

Deno.test("names that every object inherits are not found in any table", () => {
  for (const name of ["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"]) {
    const refused = readMlflowError(400, JSON.stringify({ error_code: name, message: "m" }));
    assert.equal(refused?.code, "invalid_arguments", name);
    const member = Object.fromEntries([[name, null]]);
    for (
      const read of [
        () => translateOrder(name),
        () => translateFilter(member, 0),
        () => readProjection([name], []),
        () => buildFilter(member, PLACE, new Map()),
        () => readPanels([{ type: name }], { ...PLACE, internalId: 1 }, () => ""),
      ]
    ) {
      assert.throws(read, (error) => isFailure(error, "invalid_arguments"), `${name} in ${read}`);
    }
  }
});

Deno.test("any bytes are read as an archive of spans, or refused with the file named", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      decodeArchive(bytes, "traces.pb");
    } catch (error) {
      assert.ok(isFailure(error), String(error));
      assert.match(error.message, /traces\.pb/);
    }
  }));
});
