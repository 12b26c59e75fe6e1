import assert from "node:assert/strict";
import { translateFilter, translateOrder } from "../../../src/wandb/query/filter.ts";

const NOW = Date.parse("2026-11-28T08:00:00Z");
const translate = (filter: unknown) => translateFilter(filter, NOW);

Deno.test("filters and orders take W&B's names, likely other names, and those in rows", () => {
  const { value, conditions } = translate({
    $or: [{ "summary.a.b": 1 }, { "config.lr.value": { $lt: 1 } }],
  });
  assert.deepEqual(value, {
    $or: [{ "summary_metrics.a.b": 1 }, { "config.lr.value": { $lt: 1 } }],
  });
  assert.deepEqual(conditions.map(({ field }) => field), [
    "summary_metrics.a.b",
    "config.lr.value",
  ]);
  for (
    const [given, field] of [
      ["id", "name"],
      ["displayName", "display_name"],
      ["user", "username"],
      ["sweepName", "sweep"],
      ["summary_metrics['eval/loss']", "summary_metrics.eval/loss"],
      ['config["lr"]', "config.lr"],
      ["metrics.loss", "summary_metrics.loss"],
    ] as const
  ) {
    assert.deepEqual(translate({ [given]: "x" }).value, { [field]: "x" }, given);
    assert.equal(translateOrder(`-${given}`).value, `-${field}`);
  }
  assert.equal(
    translateOrder("-summary.loss, created_at").value,
    "-summary_metrics.loss,+created_at",
  );
  assert.equal(translateOrder("name desc").value, "-display_name");
  assert.throws(() => translate({ $where: "1" }), /no operator in `filters` \$where/);
});

Deno.test("a name matches the display name or the id, and a negated one neither", () => {
  const fields = (condition: unknown) => [{ display_name: condition }, { name: condition }];
  assert.deepEqual(translate({ name: "a" }).value, { $or: fields("a") });
  assert.deepEqual(translate({ name: ["a", "b"] }).value, { $or: fields({ $in: ["a", "b"] }) });
  assert.deepEqual(translate({ name: { $ne: "a" } }).value, { $and: fields({ $ne: "a" }) });
  assert.deepEqual(translate({ name: { $regex: "^a", $options: "i", $nin: ["ab"] } }).value, {
    $or: fields({ $regex: "^a", $options: "i" }),
    $and: fields({ $nin: ["ab"] }),
  });
  assert.match(translate({ name: "a" }).notes.join(), /display name, as rows show it/);
});

Deno.test("every form of a time is translated to W&B's, in UTC, and reported", () => {
  const from = "2026-11-21T08:00:00";
  for (
    const given of ["7d", "-7d", "7 days ago", "last 7 days", "now() - 7d", NOW - 7 * 864e5]
  ) {
    const { value, notes } = translate({ createdAt: { $gt: given } });
    assert.deepEqual(value, { createdAt: { $gt: from } }, String(given));
    assert.match(notes.join(), /was read as 2026-11-21T08:00:00 UTC/);
  }
  const seconds = (NOW - 7 * 864e5) / 1000;
  assert.deepEqual(translate({ heartbeatAt: { $lt: seconds } }).value, {
    heartbeatAt: { $lt: from },
  });
  for (
    const [given, told] of [
      ["2026-11-21T08:00:00Z", from],
      ["2026-11-21T09:00:00+01:00", from],
      ["2026-11-21T08", from],
      ["2026-11-21 08:00:00.25", `${from}.250`],
    ]
  ) {
    assert.deepEqual(translate({ created_at: { $gte: given } }), {
      value: { created_at: { $gte: told } },
      conditions: [{ field: "created_at", operand: { $gte: given } }],
      notes: [],
    });
  }
  for (const wrong of ["2026-02-31", "soon", "7", true, { $gt: "13 o'clock" }]) {
    assert.throws(() => translate({ $and: [{ createdAt: wrong }] }), /compared with a time/);
  }
});

Deno.test("a date alone is a whole day", () => {
  const [day, next] = ["2026-11-06T00:00:00", "2026-11-07T00:00:00"];
  const at = (operand: unknown) => translate({ createdAt: operand }).value;
  assert.deepEqual(at("2026-11-06"), { createdAt: { $gte: day, $lt: next } });
  assert.deepEqual(at({ $gte: "2026-11-06", $lte: "2026-11-06" }), {
    $and: [{ createdAt: { $gte: day } }, { createdAt: { $lt: next } }],
  });
  assert.deepEqual(at({ $in: ["2026-11-06"] }), { $or: [{ createdAt: { $gte: day, $lt: next } }] });
  assert.deepEqual(at({ $ne: "2026-11-06" }), {
    $or: [{ createdAt: { $lt: day } }, { createdAt: { $gte: next } }],
  });
  assert.deepEqual(at({ $exists: true }), { createdAt: { $exists: true } });
});

Deno.test("operators are read without their $ too", () => {
  const { value, notes } = translate({ "config.i": { gt: 0, lte: 5 } });
  assert.deepEqual(value, { "config.i": { $gt: 0, $lte: 5 } });
  assert.match(notes.join(), /`config\.i` were read as if they had their \$/);
  assert.deepEqual(translate({ "config.o": { size: 1 } }).value, { "config.o": { size: 1 } });
});
