/** What a careless server repeats of credentials in answers that succeed leaves in no byte. */
import assert from "node:assert/strict";
import type { Setting } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { ASSESSMENT, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { answerTo, callOverHttp, initialize, LEGACY, MODERN, send } from "../e2e/rpc.ts";
import { run, startHttp, startStdio } from "../support/product.ts";

const PASSWORD = "canäry/pass word-1";
const PAIR = `ann:${PASSWORD}`;
const base64 = (text: string) => new TextEncoder().encode(text).toBase64({ omitPadding: true });

/** The credentials in every way that a server may write them. */
const FORMS = [
  PASSWORD,
  PAIR,
  encodeURIComponent(PASSWORD),
  String(new URLSearchParams([["p", PASSWORD]])).slice(2),
  base64(PAIR),
  base64(PASSWORD),
];
/** What of them must not leave; the first also stands in JSON of any depth. */
const CANARIES = ["pass word-1", "pass%20word-1", "pass+word-1", base64(PAIR), base64(PASSWORD)];

function echo(url: URL): Response | undefined {
  const told = FORMS.join(" | ");
  const info = {
    trace_id: TRACE,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } },
    request_preview: told,
    response_preview: JSON.stringify({
      deep: JSON.stringify({ headers: { authorization: told } }),
    }),
    request_time: "2026-11-06T10:00:00.000Z",
    execution_duration: "1s",
    state: "OK",
    trace_metadata: { "mlflow.trace.session": told },
    tags: Object.fromEntries(FORMS.map((form, index) => [form, `${index} ${form}`])),
  };
  if (url.pathname.endsWith("/traces/search")) return Response.json({ traces: [info] });
  if (url.pathname.endsWith("/traces/get")) {
    return Response.json({ trace: { trace_info: info, spans: [] } });
  }
  if (url.pathname.endsWith(`/traces/${TRACE}`)) {
    return Response.json({ trace: { trace_info: info } });
  }
  return undefined;
}

Deno.test("credentials that a server repeats in a successful answer are not passed on", async () => {
  await using mlflow = startFakeMlflow(echo);
  const env = {
    MLFLOW_TRACKING_URI: `${mlflow.url}/?token=canary-in-query`,
    MLFLOW_TRACKING_USERNAME: "ann",
    MLFLOW_TRACKING_PASSWORD: PASSWORD,
    MLFLOW_EXPERIMENT_ID: "1",
    MCP_SERVER_LOG_LEVEL: "DEBUG",
  };
  const out: string[] = [];
  const fields = 'extract_fields="info"';
  for (
    const words of [
      ["search_traces", fields],
      ["search_traces", fields, "output=table"],
      ["get_trace", `trace_id=${TRACE}`],
      ["get_trace", `trace_id=${TRACE}`, fields],
    ]
  ) {
    const end = await run(["call", ...words], env);
    assert.equal(end.code, 0, end.stdout + end.stderr);
    out.push(end.stdout, end.stderr);
  }
  {
    await using product = await startStdio(env);
    await initialize(product);
    const calls = [
      { method: "tools/call", params: { name: "search_traces", arguments: {} } },
      { method: "tools/call", params: { name: "get_trace", arguments: { trace_id: TRACE } } },
      { method: "resources/read", params: { uri: `mlflow://traces/${TRACE}` } },
      { method: "tools/list", params: {} },
    ];
    for (const [index, call] of calls.entries()) {
      await send(product, { id: index + 1, ...call });
      assert.ok((await answerTo(product, index + 1)).result !== undefined);
    }
    out.push(product.stdout.lines().join("\n"), product.stderr.lines().join("\n"));
  }
  {
    const { url, process } = await startHttp(env);
    await using _ = process;
    for (const revision of [LEGACY, MODERN] as const) {
      const reply = await callOverHttp(url, revision, "get_trace", { trace_id: TRACE });
      assert.equal(reply.status, 200);
      out.push(await reply.text());
    }
  }
  const told = out.join("\n");
  assert.match(told, /\*\*\*/, "the server did repeat them");
  for (const canary of [...CANARIES, "canary-in-query"]) {
    const place = told.indexOf(canary);
    assert.ok(place < 0, `${canary}: ${told.slice(Math.max(0, place - 200), place + 100)}`);
  }
  assert.match(told, new RegExp(`${mlflow.url}/#/experiments/1/traces`), "links lead to pages");
});

Deno.test("a password of digits is hidden as a number and as escapes", async () => {
  const pin = "73519246";
  const codes = [...pin].map((digit) => `\\u00${digit.charCodeAt(0).toString(16)}`).join("");
  const assessment = {
    assessment_id: ASSESSMENT,
    assessment_name: "echo",
    trace_id: TRACE,
    source: { source_type: "CODE", source_id: "x" },
    create_time: "2026-11-06T10:00:00.000Z",
    last_update_time: "2026-11-06T10:00:00.000Z",
    feedback: { value: { pin: Number(pin), list: [Number(pin)], [pin]: true } },
    rationale: `{"pin": "${codes}"}`,
    valid: true,
  };
  await using mlflow = startFakeMlflow((url) =>
    url.pathname.endsWith(ASSESSMENT) ? Response.json({ assessment }) : undefined
  );
  const { code, stdout, stderr } = await run([
    "call",
    "get_assessment",
    `trace_id=${TRACE}`,
    `assessment_id=${ASSESSMENT}`,
  ], {
    MLFLOW_TRACKING_URI: mlflow.url,
    MLFLOW_TRACKING_USERNAME: "ann",
    MLFLOW_TRACKING_PASSWORD: pin,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /"pin":"\*\*\*","list":\["\*\*\*"\]/);
  assert.ok(!stdout.includes(pin), stdout);
  assert.ok(!stdout.includes(JSON.stringify(codes).slice(1, -1)), stdout);
});

Deno.test("no byte of a secret in any variable gets out, whether used or not, valid or not", async () => {
  const names = Object.values<Setting>(SETTINGS).flatMap(({ secret, env }) =>
    secret === true ? env : []
  );
  assert.ok(names.length >= 13, String(names));
  const canaries = names.map((name, index) => `canary.${index}.${name.toLowerCase()}`);
  const told = JSON.stringify(canaries);
  await using mlflow = startFakeMlflow((url) => {
    if (!url.pathname.endsWith(`/traces/${TRACE}`)) return undefined;
    const tags = Object.fromEntries(canaries.map((one) => [one, `${one} ${btoa(one)}`]));
    const place = { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "1" } };
    const info = { trace_id: TRACE, trace_location: place, request_preview: told, tags };
    return Response.json({ trace: { trace_info: { ...info, state: "OK" } } });
  });
  const env = {
    ...Object.fromEntries(names.map((name, index) => [name, canaries[index] ?? ""])),
    MLFLOW_TRACKING_URI: mlflow.url,
    WANDB_BASE_URL: mlflow.url,
    WF_TRACE_SERVER_URL: mlflow.url,
    MCP_SERVER_LOG_LEVEL: "DEBUG",
  };
  const words = ["call", "get_trace", `trace_id=${TRACE}`, 'extract_fields="info"'];
  for (const command of [words, ["doctor"], ["tools"], ["call", "list_entities_tool"]]) {
    const { stdout, stderr } = await run(command, env);
    for (const [index, canary] of canaries.entries()) {
      for (const form of [canary, btoa(canary).replace(/=+$/, ""), `canary.${index}`]) {
        const place = (stdout + stderr).indexOf(form);
        assert.ok(
          place < 0,
          `${command}: ${(stdout + stderr).slice(Math.max(0, place - 200), place + 100)}`,
        );
      }
    }
    if (command === words) assert.match(stdout, /\*\*\*/, stdout + stderr);
  }
});
