import assert from "node:assert/strict";
import { parseDuration, parseMoment, unixMillis } from "../../src/core/time.ts";

const NOW = Date.UTC(2026, 10, 28, 12, 30);
const HOUR = 3_600_000;

const MOMENTS: readonly (readonly [unknown, number, boolean?])[] = [
  ["2026-11-06", Date.UTC(2026, 10, 6), true],
  ["2026-11-06T10:15", Date.UTC(2026, 10, 6, 10, 15)],
  ["2026-11-06 10:15:30", Date.UTC(2026, 10, 6, 10, 15, 30)],
  ["2026-11-06T10:15:30.25Z", Date.UTC(2026, 10, 6, 10, 15, 30, 250)],
  ["2026-11-06t10:15:30,250z", Date.UTC(2026, 10, 6, 10, 15, 30, 250)],
  ["2026-11-06T12:15:30+0200", Date.UTC(2026, 10, 6, 10, 15, 30)],
  [" 2026-11-06T08:15:30 -02:00 ", Date.UTC(2026, 10, 6, 10, 15, 30)],
  ["2024-02-29", Date.UTC(2024, 1, 29), true],
  ["now", NOW],
  ["now()", NOW],
  ["now() - 1h30m", NOW - 1.5 * HOUR],
  ["now-7d", NOW - 168 * HOUR],
  ["NOW + 2 hours", NOW + 2 * HOUR],
  ["now - 1d + 1h", NOW - 23 * HOUR],
  ["7d", NOW - 168 * HOUR],
  ["-7d", NOW - 168 * HOUR],
  ["1h30m", NOW - 1.5 * HOUR],
  ["2 hours ago", NOW - 2 * HOUR],
  ["an hour ago", NOW - HOUR],
  ["last 7 days", NOW - 168 * HOUR],
  ["the past week", NOW - 168 * HOUR],
  ["last week", NOW - 168 * HOUR],
  ["today", Date.UTC(2026, 10, 28), true],
  ["Yesterday", Date.UTC(2026, 10, 27), true],
  [1_790_000_000, 1_790_000_000_000],
  [1_790_000_000.5, 1_790_000_000_500],
  [1_790_000_000_000, 1_790_000_000_000],
  [1_790_000_000_000_000, 1_790_000_000_000],
  [1_790_000_000_000_000_000, 1_790_000_000_000],
  ["1790000000", 1_790_000_000_000],
  ["1790000000000", 1_790_000_000_000],
  [0, 0],
];

Deno.test("parseMoment: reads every form of a time and an age", () => {
  for (const [text, millis, day = false] of MOMENTS) {
    assert.deepEqual(parseMoment(text, NOW), { millis, day }, String(text));
  }
});

Deno.test("parseMoment: refuses what is not a time, impossible dates included", () => {
  for (
    const text of [
      "",
      "soon",
      "7",
      "7x",
      "ago",
      "d",
      "7d later",
      "now - soon",
      "2026-02-31",
      "2026-02-29",
      "2026-13-01",
      "2026-11-06T25:00",
      "2026-11-06T10:61:00Z",
      "2026/11/06",
      "12",
      Number.NaN,
      Number.POSITIVE_INFINITY,
      null,
      true,
      {},
    ]
  ) assert.equal(parseMoment(text, NOW), undefined, String(text));
});

Deno.test("parseMoment: fractions of a millisecond are kept", () => {
  const millis = parseMoment("2026-11-06T10:15:30.123456Z", NOW)?.millis ?? 0;
  assert.equal(Math.round(millis * 1000) % 1_000_000, 123_456);
});

Deno.test("unixMillis: the unit follows from the size, for negative times too", () => {
  assert.equal(unixMillis(-1_790_000_000), -1_790_000_000_000);
  assert.equal(unixMillis(99_999_999), 99_999_999);
  assert.equal(unixMillis(100_000_000), 100_000_000_000);
  assert.equal(unixMillis(10_000_000_000), 10_000_000_000);
});

Deno.test("parseDuration: units add up, and a bare number is not a duration", () => {
  assert.equal(parseDuration("1h30m"), 5_400_000);
  assert.equal(parseDuration("2 days"), 172_800_000);
  assert.equal(parseDuration("1.5 s"), 1500);
  for (const text of ["", "5", "h", "1h30", "1y"]) assert.equal(parseDuration(text), undefined);
});
