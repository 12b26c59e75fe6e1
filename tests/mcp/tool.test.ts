import { Failure } from "../../src/core/failure.ts";
import assert from "node:assert/strict";
import type { Consent } from "../../src/mcp/tool.ts";
import { context, destroyer, echo } from "./support.ts";

/** What becomes of a destructive call with this state of agreement. */
async function fate(consent: Consent, confirm: boolean | undefined): Promise<string> {
  const done: string[] = [];
  const args = { thing: "x", ...(confirm === undefined ? {} : { confirm }) };
  try {
    const outcome = await destroyer(done).call(args, context({ consent }));
    assert.equal(done.length, outcome.kind === "reply" ? 1 : 0);
    return outcome.kind === "reply" ? "done" : "asked";
  } catch (error) {
    assert.deepEqual(done, [], "something was destroyed although the call failed");
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

Deno.test("nothing is destroyed without agreement: every combination", async () => {
  const seen = new Map<string, number>();
  for (const canAsk of [false, true]) {
    for (const trustConfirm of [false, true]) {
      for (const answer of [undefined, "yes", "no"] as const) {
        for (const confirm of [undefined, false, true]) {
          const result = await fate({ canAsk, answer, trustConfirm }, confirm);
          const expected = answer === "no"
            ? "declined"
            : canAsk && !(trustConfirm && confirm === true)
            ? (answer === "yes" ? "done" : "asked")
            : confirm === true
            ? "done"
            : "confirmation_required";
          const state = JSON.stringify({ canAsk, trustConfirm, answer, confirm });
          assert.equal(result, expected, state);
          seen.set(result, (seen.get(result) ?? 0) + 1);
        }
      }
    }
  }
  assert.deepEqual([...seen.keys()].sort(), ["asked", "confirmation_required", "declined", "done"]);
});

Deno.test("the refusal says what would have happened and how to continue", async () => {
  await assert.rejects(destroyer([]).call({ thing: "x" }, context()), (error) => {
    assert.ok(error instanceof Failure);
    assert.deepEqual(error.report, {
      error: "confirmation_required",
      message: 'Nothing was done. "x" would be destroyed.',
      hint: "Show this to the user; if they agree, call again with confirm=true.",
      retryable: false,
    });
    return true;
  });
});

Deno.test("the text true counts as agreement, other values do not", async () => {
  const done: string[] = [];
  await destroyer(done).call({ thing: "a", confirm: "true" }, context());
  assert.deepEqual(done, ["a"]);
  for (const confirm of ["maybe", 2, {}, null, "false", 0]) {
    await assert.rejects(destroyer(done).call({ thing: "b", confirm }, context()));
  }
  assert.deepEqual(done, ["a"]);
});

Deno.test("a call that destroys nothing needs no agreement", async () => {
  const done: string[] = [];
  const outcome = await destroyer(done).call({ thing: "x", dry_run: true }, context());
  assert.equal(outcome.kind, "reply");
  assert.deepEqual(done, []);
});

Deno.test("invalid arguments are refused before anyone is asked", async () => {
  const consent = { canAsk: true, answer: undefined, trustConfirm: false };
  await assert.rejects(destroyer([]).call({}, context({ consent })), /`thing` is missing/);
  await assert.rejects(echo.call({ text: "a", times: 0 }, context()), /`times`/);
  await assert.rejects(echo.call({ confirm: true, text: "a" }, context()), /no argument `confirm`/);
});

Deno.test("the listing is made once, with explicit annotations and without unlisted names", () => {
  assert.equal(echo.listing(), echo.listing());
  const { annotations, inputSchema, outputSchema } = echo.listing();
  assert.deepEqual(annotations, {
    title: "Echo",
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  });
  assert.deepEqual(Object.keys(inputSchema.properties), ["text", "times"]);
  assert.deepEqual(inputSchema.required, ["text"]);
  assert.deepEqual(outputSchema?.required, []);
  const destroy = destroyer([]).listing();
  assert.deepEqual(Object.keys(destroy.inputSchema.properties), ["thing", "dry_run", "confirm"]);
  assert.equal(destroy.annotations.destructiveHint, true);
  assert.equal(destroy.annotations.readOnlyHint, false);
});

Deno.test("unlisted arguments are accepted all the same", async () => {
  const outcome = await echo.call({ text: "a", secret_format: "x" }, context());
  assert.equal(outcome.kind, "reply");
});
