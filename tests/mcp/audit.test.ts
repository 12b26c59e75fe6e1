import assert from "node:assert/strict";
import { Failure } from "../../src/core/failure.ts";
import { audit } from "../../src/mcp/define.ts";
import { context, keptLog } from "./support.ts";

async function outcomeOf(error: unknown): Promise<string | undefined> {
  const { log, lines } = keptLog();
  const change = () => Promise.reject(error);
  const tool = { name: "act", effect: "write" };
  await assert.rejects(audit(tool, () => ({}), context({ log }), change));
  assert.equal(lines.length, 1);
  return /outcome=("[^"]*"|\S+)/.exec(lines[0] ?? "")?.[1];
}

Deno.test("the outcome says what is known of the effect", async () => {
  const unknown = { effect: "unknown" } as const;
  assert.equal(await outcomeOf(new Failure("forbidden", "No.")), "refused");
  assert.equal(await outcomeOf(new Failure("unreachable", "No.", { effect: "none" })), "failed");
  assert.equal(await outcomeOf(new Failure("timeout", "No.", unknown)), '"effect unknown"');
  assert.equal(await outcomeOf(new Failure("not_found", "No.", unknown)), '"effect unknown"');
  assert.equal(
    await outcomeOf(new Failure("forbidden", "No.", { effect: "part" })),
    '"partly done"',
  );
  assert.equal(await outcomeOf(new TypeError("a fault of ours")), '"effect unknown"');
  assert.equal(await outcomeOf("any reason of an abort"), '"effect unknown"');
});

Deno.test("a caller's words stay in their field, of bounded length", async () => {
  const { log, lines } = keptLog();
  const client = 'x outcome=refused host="elsewhere"\nAUDIT\u202E';
  const target = () => ({ trace_ids: "t".repeat(200_000) });
  const change = () => Promise.resolve({ data: {} });
  const tool = { name: "act", effect: "write" };
  await audit(tool, target, context({ log, client, host: "here:1" }), change);
  const [line = ""] = lines;
  assert.match(
    line,
    / outcome=done client="x outcome=refused host=\\"elsewhere\\"\\nAUDIT" host=here:1 trace_ids="t/,
  );
  assert.ok(line.length < 3_000);
});

Deno.test("a change whose caller has gone is logged as done and not answered", async () => {
  const { log, lines } = keptLog();
  const leaving = new AbortController();
  const change = () => {
    leaving.abort();
    return Promise.resolve({ data: {} });
  };
  const tool = { name: "act", effect: "write" };
  await audit(tool, () => ({}), context({ log, signal: leaving.signal }), change);
  assert.match(lines.join(""), / outcome=done answered=false\n$/);
});

Deno.test("arguments that name no target are logged with the change's own outcome", async () => {
  const { log, lines } = keptLog();
  const target = () => {
    throw new Failure("invalid_arguments", "No project.");
  };
  const change = () => Promise.reject(new Failure("invalid_arguments", "No project."));
  await assert.rejects(audit({ name: "act", effect: "write" }, target, context({ log }), change));
  assert.match(lines.join(""), /tool=act effect=write outcome=refused error=invalid_arguments\n$/);
});
