import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createLog } from "../../src/core/log.ts";
import { runHttp } from "../../src/mcp/http.ts";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { startHttp } from "../support/product.ts";
import { createFixture } from "./fixture.ts";
import { type Revision, runScenario, runSuite } from "./suite.ts";

/**
 * What a server without sessions cannot do for clients of the older revision: send them a request
 * of its own. Everything else has to pass.
 */
const WITHOUT_SESSIONS = [
  "elicitation-sep1034-defaults:elicitation-sep1034-general",
  "elicitation-sep1330-enums:elicitation-sep1330-general",
  "tools-call-elicitation:tools-call-elicitation",
  "tools-call-sampling:tools-call-sampling",
];

/** Checks that pass on the fixture today; fewer would mean that scenarios did not run. */
const FIXTURE_CHECKS: Record<Revision, number> = { "2025-11-25": 56, "2026-07-28": 146 };

/** Checks that pass on the product, which has none of the suite's own tools. */
const PRODUCT_CHECKS: Record<Revision, number> = { "2025-11-25": 37, "2026-07-28": 106 };

/** Checks of the three scenarios of skills. */
const SKILL_CHECKS = 45;

Deno.test("the transport passes what 2025-11-25 requires, except for requests to the client", async () => {
  const { code, passed, failed } = await judgeFixture("2025-11-25");
  assert.deepEqual(failed, WITHOUT_SESSIONS);
  assert.equal(code, 1);
  assert.ok(passed.length >= FIXTURE_CHECKS["2025-11-25"], String(passed.length));
});

Deno.test("the transport passes everything that 2026-07-28 requires", async () => {
  const { code, passed, failed } = await judgeFixture("2026-07-28");
  assert.deepEqual(failed, []);
  assert.equal(code, 0);
  assert.ok(passed.length >= FIXTURE_CHECKS["2026-07-28"], String(passed.length));
});

for (const revision of ["2025-11-25", "2026-07-28"] as const) {
  Deno.test(`the product fails in ${revision} only where the suite calls its own tools`, async () => {
    await using mlflow = startFakeMlflow();
    await using server = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
    const baseline = fileURLToPath(new URL(`./product-${revision}.yaml`, import.meta.url));
    const { code, stdout, passed } = await runSuite(server.url, revision, baseline);
    // The suite itself compares: a failure more, or one that is cured, is not 0.
    assert.equal(code, 0, stdout.slice(stdout.indexOf("=== SUMMARY")));
    assert.ok(passed.length >= PRODUCT_CHECKS[revision], String(passed.length));
  });
}

Deno.test("the product passes every check on skills", async () => {
  await using mlflow = startFakeMlflow();
  await using server = await startHttp({ MLFLOW_TRACKING_URI: mlflow.url });
  const passed: string[] = [];
  for (const part of ["enumeration", "manifest", "directory"]) {
    const verdict = await runScenario(server.url, `sep-2640-skills-${part}`);
    assert.deepEqual([verdict.code, verdict.failed], [0, []], verdict.stdout);
    passed.push(...verdict.passed);
  }
  assert.ok(passed.length >= SKILL_CHECKS, String(passed.length));
});

async function judgeFixture(revision: Revision) {
  const lines: string[] = [];
  const log = createLog({
    level: "ERROR",
    format: "human",
    secrets: [],
    write: (line) => lines.push(line),
  });
  const stopping = new AbortController();
  const { promise: url, resolve: onListen } = Promise.withResolvers<string>();
  const ended = runHttp(() => createFixture(), {
    hostname: "127.0.0.1",
    port: 0,
    allowedHosts: [],
    authentication: { kind: "none" },
    log,
    stop: stopping.signal,
    onListen,
  });
  try {
    const verdict = await runSuite(await url, revision);
    assert.deepEqual(lines, []);
    return verdict;
  } finally {
    stopping.abort();
    await ended;
  }
}
