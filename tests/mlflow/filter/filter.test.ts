import assert from "node:assert/strict";
import fc from "fast-check";
import { type Filter, FilterError, printFilter } from "../../../src/mlflow/filter/clause.ts";
import { parseFilter } from "../../../src/mlflow/filter/filter.ts";
import { awkward, readClause } from "./arbitrary.ts";

const now = Date.parse("2026-11-21T12:00:00Z");

function read(text: string): Filter {
  return parseFilter(text, { now });
}

function failure(text: string): FilterError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`nothing was thrown for ${text}`);
}

/** Each filter, what the server gets, and whether a note reports a translation. */
function check(cases: readonly (readonly [string, string])[], told: boolean): void {
  for (const [text, expected] of cases) {
    const filter = read(text);
    assert.equal(printFilter(filter), expected);
    assert.equal(filter.notes.length > 0, told, `${text}: ${filter.notes.join("; ")}`);
  }
}

Deno.test("the server's own grammar passes without notes", () => {
  check([
    ["", ""],
    ["  ", ""],
    [
      "status='ERROR' AND timestamp_ms > 1762387200000",
      "status = 'ERROR' AND timestamp_ms > 1762387200000",
    ],
    ["execution_time_ms > 5000", "execution_time_ms > 5000"],
    ["timestamp > 5 and execution_time<=1.5", "timestamp_ms > 5 AND execution_time_ms <= 1.5"],
    ["trace.status = \"OK\" AND attributes.name = 'a'", "status = 'OK' AND name = 'a'"],
    [
      "tags.team.name = 'a' AND tag.`team.name` = 'a'",
      "tag.`team.name` = 'a' AND tag.`team.name` = 'a'",
    ],
    ["request_metadata.`my key` LIKE 'a%'", "metadata.`my key` LIKE 'a%'"],
    [
      "status IN ('OK', \"ERROR\") AND request_id not in ('a')",
      "status IN ('OK', 'ERROR') AND request_id NOT IN ('a')",
    ],
    ["tag.x IS NULL AND metadata.y is not null", "tag.x IS NULL AND metadata.y IS NOT NULL"],
    [
      "span.name RLIKE '^a' AND span.type ILIKE 'tool'",
      "span.name RLIKE '^a' AND span.type ILIKE 'tool'",
    ],
    ["span.attributes.`llm.model` LIKE '%gpt%'", "span.attributes.`llm.model` LIKE '%gpt%'"],
    ["span.attributes.llm.model RLIKE '^gpt'", "span.attributes.`llm.model` RLIKE '^gpt'"],
    [
      "trace.text ILIKE '%error%' AND span.content LIKE '%x%'",
      "trace.text ILIKE '%error%' AND span.content LIKE '%x%'",
    ],
    [
      "feedback.relevance > 0.8 AND expectation.label = 'yes'",
      "feedback.relevance > 0.8 AND expectation.label = 'yes'",
    ],
    [
      "feedback.ok = 'true' AND feedback.ok IS NOT NULL",
      "feedback.ok = 'true' AND feedback.ok IS NOT NULL",
    ],
    ["prompt = 'greeting/1' AND issue.id = 'i-1'", "prompt = 'greeting/1' AND issue.id = 'i-1'"],
    [
      "end_time_ms < 5 AND client_request_id ILIKE 'A%'",
      "end_time_ms < 5 AND client_request_id ILIKE 'A%'",
    ],
    ["tag.`select` = 'x;'", "tag.select = 'x;'"],
    ["status = 'OK';", "status = 'OK'"],
  ], false);
});

Deno.test("other names of keys are translated and reported", () => {
  check(
    [
      ["state = 'OK'", "status = 'OK'"],
      ["trace_id = 'tr-1'", "request_id = 'tr-1'"],
      ["execution_duration > 5000", "execution_time_ms > 5000"],
      [
        "duration > 5000 AND latency < 9000",
        "execution_time_ms > 5000 AND execution_time_ms < 9000",
      ],
      ["session_id = 's'", "metadata.`mlflow.trace.session` = 's'"],
      ["user_id = 'u'", "metadata.`mlflow.trace.user` = 'u'"],
      ["trace_name = 'agent'", "name = 'agent'"],
      ["request LIKE '%hi%'", "trace.text LIKE '%hi%'"],
      ["text LIKE '%hi%'", "trace.text LIKE '%hi%'"],
      ["info.tags.env = 'a' AND trace_metadata.k = 'v'", "tag.env = 'a' AND metadata.k = 'v'"],
      ["assessments.rel > 0.5 AND spans.name = 'x'", "feedback.rel > 0.5 AND span.name = 'x'"],
      [
        "span.kind = 'TOOL' AND span.status_code = 'ERROR'",
        "span.type = 'TOOL' AND span.status = 'ERROR'",
      ],
      ["Status = 'OK' AND TAG.env = 'a'", "status = 'OK' AND tag.env = 'a'"],
      ["tag.name = 'agent'", "name = 'agent'"],
    ].map(([text = "", expected = ""]) => [text, expected]),
    true,
  );
});

Deno.test("other spellings of comparisons and values are translated and reported", () => {
  check(
    [
      ["status == 'OK'", "status = 'OK'"],
      ["status <> 'OK'", "status != 'OK'"],
      ["status : 'OK'", "status = 'OK'"],
      ["tag.a =~ '^x' && tag.b CONTAINS 'y'", "tag.a RLIKE '^x' AND tag.b LIKE '%y%'"],
      ["status = error", "status = 'ERROR'"],
      ["status = 'failed'", "status = 'ERROR'"],
      ["status IN ('ok', 'in progress')", "status IN ('OK', 'IN_PROGRESS')"],
      ["span.status != 'STATUS_CODE_OK'", "span.status != 'OK'"],
      ["tag.n = 5 AND tag.b = true", "tag.n = '5' AND tag.b = 'true'"],
      ["tag.x = null AND metadata.y != NULL", "tag.x IS NULL AND metadata.y IS NOT NULL"],
      ["trace.text = 'boom'", "trace.text LIKE '%boom%'"],
      ["trace.text LIKE 'boom'", "trace.text LIKE '%boom%'"],
      ["name IN ('a')", "name = 'a'"],
      ["name IN ('a', 'b.c')", "name RLIKE '^(a|b\\.c)$'"],
      ["tag.env NOT IN ('a', 'b')", "tag.env != 'a' AND tag.env != 'b'"],
    ].map(([text = "", expected = ""]) => [text, expected]),
    true,
  );
});

Deno.test("feedback values are written as the server keeps them", () => {
  check([
    ["feedback.x = 0.8", "feedback.x = '0.8'"],
    ["feedback.x = 3", "feedback.x = '3.0'"],
    ["feedback.x != -0.00001", "feedback.x != '-1e-05'"],
    ["feedback.x = 1e20", "feedback.x = '1e+20'"],
    ["feedback.x > '0.8'", "feedback.x > 0.8"],
    ["feedback.x = True", "feedback.x = 'true'"],
    ["expectation.x BETWEEN 1 AND 2", "expectation.x >= 1 AND expectation.x <= 2"],
    ["feedback.x IN (1)", "feedback.x = '1.0'"],
    ["feedback.x NOT IN ('a', 'b')", "feedback.x != 'a' AND feedback.x != 'b'"],
  ], true);
  assert.match(read("feedback.x = '3'").notes.join(), /omit the quotes/);
  assert.match(read("feedback.x LIKE 'a%'").notes.join(), /JSON text/);
});

Deno.test("span attributes are compared by patterns that match", () => {
  check([
    ["span.attributes.x = 'v'", 'span.attributes.x LIKE \': "_"v_""\''],
    ["span.attributes.`a.b` = 5", "span.attributes.`a.b` LIKE ': \"5\"'"],
    ["span.attributes.x = true", "span.attributes.x LIKE ': \"true\"'"],
    ["span.attributes.x IN ('v')", 'span.attributes.x LIKE \': "_"v_""\''],
    ["span.attributes.x LIKE 'v%'", "span.attributes.x LIKE ': \"_\"v%'"],
    ["span.attributes.x ILIKE 'v'", 'span.attributes.x ILIKE \': "_"v_""\''],
    ['span.attributes.x = "it\'s"', 'span.attributes.x LIKE \': "_"it_s_""\''],
    ["span.attributes.x = 'a\"b'", 'span.attributes.x LIKE \': "_"a___"b_""\''],
    ["span.inputs CONTAINS 'x'", "span.attributes.`mlflow.spanInputs` LIKE '%x%'"],
    ["span.mlflow.spanType = 'TOOL'", 'span.attributes.`mlflow.spanType` LIKE \': "_"TOOL_""\''],
  ], true);
});

Deno.test("times are translated to milliseconds", () => {
  const day = Date.parse("2026-11-06T00:00:00Z");
  const cases: [string, string][] = [
    ["timestamp_ms > now() - 1h", `timestamp_ms > ${now - 3_600_000}`],
    ["timestamp_ms > now()-7d", `timestamp_ms > ${now - 7 * 86_400_000}`],
    ["timestamp_ms > now - 1d - 12h + 30m", `timestamp_ms > ${now - 36 * 3_600_000 + 1_800_000}`],
    ["timestamp_ms > now() - INTERVAL '2 weeks'", `timestamp_ms > ${now - 14 * 86_400_000}`],
    ["timestamp_ms > now() - 30 days", `timestamp_ms > ${now - 30 * 86_400_000}`],
    ["timestamp_ms > 'now() - 1h'", `timestamp_ms > ${now - 3_600_000}`],
    ["timestamp_ms <= now()", `timestamp_ms <= ${now}`],
    ["timestamp_ms >= '2026-11-06'", `timestamp_ms >= ${day}`],
    ["timestamp_ms >= 2026-11-06", `timestamp_ms >= ${day}`],
    ["timestamp_ms > '2026-11-06T00:00:00Z'", `timestamp_ms > ${day}`],
    ["timestamp_ms > '2026-11-06T02:00:00+02:00'", `timestamp_ms > ${day}`],
    ["timestamp_ms > '2026-11-06 00:00'", `timestamp_ms > ${day}`],
    ["end_time_ms < '2026-11-06T00:00:00.5Z'", `end_time_ms < ${day + 500}`],
    [
      "timestamp_ms = '2026-11-06'",
      `timestamp_ms >= ${day} AND timestamp_ms < ${day + 86_400_000}`,
    ],
    [
      "timestamp_ms BETWEEN '2026-11-05' AND '2026-11-06'",
      `timestamp_ms >= ${day - 86_400_000} AND timestamp_ms < ${day + 86_400_000}`,
    ],
    ["timestamp_ms BETWEEN 5 AND 6", "timestamp_ms >= 5 AND timestamp_ms <= 6"],
    ["timestamp_ms > 1762387200", "timestamp_ms > 1762387200000"],
    ["timestamp_ms > 1762387200000000000", "timestamp_ms > 1762387200000"],
    ["timestamp_ms > '1762387200000'", "timestamp_ms > 1762387200000"],
  ];
  check(cases, true);
  const [note] = read("timestamp_ms > now() - 1h").notes;
  assert.match(note ?? "", /2026-11-21T11:00:00\.000Z/);
});

Deno.test("durations are translated to milliseconds", () => {
  check([
    ["execution_time_ms > 5s", "execution_time_ms > 5000"],
    ["execution_time_ms > '5s'", "execution_time_ms > 5000"],
    ["execution_time_ms >= 1m30s", "execution_time_ms >= 90000"],
    ["execution_time_ms < 1.5 seconds", "execution_time_ms < 1500"],
    [
      "execution_time_ms BETWEEN 250ms AND 1h",
      "execution_time_ms >= 250 AND execution_time_ms <= 3600000",
    ],
  ], true);
});

Deno.test("text that the server cannot quote becomes a pattern, or an error", () => {
  const both = `it's "x"`;
  const [clause] = read(`tag.k = 'it''s "x"'`).clauses;
  assert.equal(clause?.op, "RLIKE");
  assert.match(both, new RegExp(String(clause?.value)));
  check([
    [`tag.k LIKE '%it\\'s "x"%'`, `tag.k LIKE "%it's _x_%"`],
    ["tag.k = 'a\\'", "tag.k RLIKE '^a\\x5c$'"],
  ], true);
  assert.match(failure(`tag.k != 'it''s "x"'`).message, /both kinds of quotes/);
  assert.match(failure(`feedback.k = 'it''s "x"'`).message, /both kinds of quotes/);
});

Deno.test("relative times are counted from now, and days in UTC", () => {
  const hour = 3_600_000;
  const day = 24 * hour;
  const midnight = Math.floor(now / day) * day;
  check(
    [
      ["timestamp_ms > '1 hour ago'", `timestamp_ms > ${now - hour}`],
      ["timestamp_ms > 'an hour ago'", `timestamp_ms > ${now - hour}`],
      ["timestamp_ms > 'last hour'", `timestamp_ms > ${now - hour}`],
      ["timestamp_ms >= 'the past 7 days'", `timestamp_ms >= ${now - 7 * day}`],
      ["timestamp_ms > -90m", `timestamp_ms > ${now - 1.5 * hour}`],
      ["timestamp_ms > '-1h30m'", `timestamp_ms > ${now - 1.5 * hour}`],
      ["timestamp_ms >= today", `timestamp_ms >= ${midnight}`],
      [
        "timestamp_ms = 'yesterday'",
        `timestamp_ms >= ${midnight - day} AND timestamp_ms < ${midnight}`,
      ],
    ].map(([text = "", expected = ""]) => [text, expected]),
    true,
  );
});

Deno.test("redundant parentheses and WHERE are left out and reported", () => {
  check([
    ["(status = 'OK') AND ((name = 'x'))", "status = 'OK' AND name = 'x'"],
    ["(status = 'OK' AND name = 'x')", "status = 'OK' AND name = 'x'"],
    ["WHERE status IN ('OK')", "status IN ('OK')"],
  ], true);
});

Deno.test("a feedback's value is the feedback, unless its name is in backticks", () => {
  check([["feedback.relevance.value > 0.5", "feedback.relevance > 0.5"]], true);
  check([["feedback.`relevance.value` > 0.5", "feedback.`relevance.value` > 0.5"]], false);
});

Deno.test("a misleading comparison passes, and is reported", () => {
  const cases: [string, RegExp][] = [
    ["tag.env != 'prod'", /only traces that have tag\.env/],
    ["feedback.score != 1", /only traces that have feedback\.score/],
    ["client_request_id NOT IN ('a')", /only traces that have client_request_id/],
    ["span.type != 'LLM'", /at least one such span/],
    ["span.type = 'llm'", /span\.type = 'LLM'/],
  ];
  for (const [text, told] of cases) assert.match(read(text).notes.join(), told);
  check([["status != 'OK' AND name != 'x'", "status != 'OK' AND name != 'x'"]], false);
});

Deno.test("errors give the position, what was expected, and what to do", () => {
  const cases: [string, number, RegExp][] = [
    ["status = 'OK' OR status = 'ERROR'", 14, /AND only.*IN \('OK', 'ERROR'\)/],
    ["status = 'OK' || name = 'x'", 14, /AND only/],
    ["NOT status = 'OK'", 0, /!=, NOT IN/],
    ["tag.x NOT LIKE 'a'", 6, /NOT LIKE is not supported/],
    ["(status = 'OK'", 0, /never closed/],
    ["status = 'OK')", 13, /groups nothing/],
    ["(status = 'OK' OR name = 'x')", 15, /AND only/],
    ["status = 'OK' ORDER BY name", 14, /argument order_by/],
    ["status = 'OK' LIMIT 5", 14, /argument max_results/],
    ["error = true", 0, /status = 'ERROR'/],
    ["total_tokens > 100", 0, /tokenUsage/],
    ["exception LIKE '%x%'", 0, /trace\.text LIKE/],
    ["span.duration_ms > 5", 0, /execution_time_ms/],
    ["status = 'OK' AND", 17, /condition is missing/],
    ["status", 6, /Expected a comparison after status/],
    ["status =", 8, /Expected a value, found the end/],
    ["status = 'OK' name = 'x'", 14, /Expected AND or the end, found name/],
    ["status = 'OK", 9, /never closed/],
    ["status IN 'OK'", 10, /IN needs a list/],
    ["status IN ()", 11, /Expected a value/],
    ["statsu = 'OK'", 0, /did you mean status\?/],
    ["tag.ok = 'x' AND sesion_id = 's'", 17, /did you mean metadata\.`mlflow\.trace\.session`/],
    ["environment = 'prod'", 0, /write tag\.environment/],
    ["experiment_id = '1'", 0, /argument experiment_id/],
    ["params.lr = '1'", 0, /belong to runs/],
    ["tagz.x = '1'", 0, /did you mean tag/],
    ["span.nam = 'x'", 0, /did you mean span\.name\?/],
    ["issue.name = 'x'", 0, /issue\.id/],
    ["status = 'broken'", 9, /OK, ERROR, IN_PROGRESS/],
    ["status = 'eror'", 9, /did you mean ERROR/],
    ["timestamp_ms > 'sometime'", 15, /now\(\) - 1h/],
    ["timestamp_ms > 'long ago'", 15, /now\(\) - 1h/],
    ["timestamp_ms > '2026-02-31'", 15, /not a time/],
    ["timestamp_ms > now() - 5", 23, /Expected a duration/],
    ["timestamp_ms != '2026-11-06'", 0, /whole day/],
    ["timestamp_ms LIKE '1%'", 0, /cannot be compared by LIKE/],
    ["execution_time_ms > 'slow'", 20, /not a duration/],
    ["execution_time_ms > 5parsecs", 20, /neither a number nor a duration/],
    ["timestamp_ms > 1e300", 15, /out of range/],
    ["timestamp_ms > '2300-01-01'", 15, /out of range.*2262/],
    ["tag.x > 5", 0, /cannot be compared by >/],
    ["tag.`a`b = 'x'", 7, /Expected a comparison/],
    ["tag. = 'x'", 4, /missing after the dot/],
    ["tag.timestamp = 'x'", 0, /reads the name as the trace's timestamp_ms/],
    ["feedback.name = 'x'", 0, /reads the name as the trace's name/],
    ["span.attributes.x != 'a'", 0, /cannot compare/],
    ["span.attributes.x IN ('a', 'b')", 0, /search once for each/i],
    ["feedback.x IN ('a', 'b')", 0, /cannot be compared with a list/],
    ["feedback.x > 'high'", 13, /not a number/],
    ["prompt = 'greeting'", 0, /greeting\/1/],
    ["run_id IN ('a', 'b')", 0, /one run at a time/],
    ["metadata.`mlflow.trace.tokenUsage` LIKE '%1%'", 0, /cannot be compared by LIKE/],
    ["tag.x = now()", 8, /compared with text/],
    ["status = 'OK' # comment", 14, /Unexpected character "#"/],
    ["x".repeat(20_001), 20_000, /too long/],
  ];
  for (const [text, position, message] of cases) {
    const error = failure(text);
    assert.match(error.message, message, text);
    assert.equal(error.position, position, text);
    assert.ok(error.hint.length > 0);
  }
});

Deno.test("property: reading a printed filter gives the same clauses and no notes", () => {
  fc.assert(
    fc.property(fc.array(readClause, { maxLength: 4 }), (clauses) => {
      const filter = read(printFilter({ clauses }));
      assert.deepEqual(filter.clauses, clauses);
      const translated = filter.notes.filter((note) => note.includes("was read as"));
      assert.deepEqual(translated, []);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("property: any text is read or refused with a position in it, and reading is stable", () => {
  const word = fc.constantFrom(
    ..."status tag.x feedback.y span.attributes.z timestamp_ms = != > IN NOT LIKE IS NULL AND OR ( ) , ' \" ` . 5 5s now() - 1h 'a' BETWEEN"
      .split(" "),
  );
  const text = fc.oneof(awkward, fc.array(word, { maxLength: 8 }).map((words) => words.join(" ")));
  fc.assert(
    fc.property(text, (input) => {
      try {
        const once = read(input);
        const again = read(printFilter(once));
        assert.deepEqual(again.clauses, once.clauses);
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        assert.ok(error.position >= 0 && error.position <= input.length, error.message);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("property: a text in quotes of either kind keeps every character", () => {
  fc.assert(fc.property(awkward, (value) => {
    for (const quote of ["'", '"']) {
      const text = `tag.k LIKE ${quote}${value.replaceAll(quote, quote + quote)}${quote}`;
      // A backslash before a quote keeps the text open, as on the server.
      if (value.includes(`\\${quote}`) || value.endsWith("\\")) continue;
      const [clause] = read(text).clauses;
      const bothKinds = value.includes("'") && value.includes('"');
      assert.equal(clause?.value, bothKinds ? value.replaceAll('"', "_") : value);
    }
  }));
});
