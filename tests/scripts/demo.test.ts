import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/python/layout.ts";
import { Running } from "../support/running.ts";

async function runDemo(): Promise<{ code: number; text: string; log: string }> {
  await using demo = new Running(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", join(ROOT, "scripts", "demo.ts")],
      cwd: ROOT,
      // A person's own settings must not change what the demo shows.
      env: { MLFLOW_TRACKING_URI: "http://127.0.0.1:9", WANDB_API_KEY: "0".repeat(40) },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  const { code } = await demo.status();
  return { code, text: demo.stdout.text, log: demo.stderr.text };
}

Deno.test("the demo's answers are right, and its configuration can be pasted", async () => {
  const { code, text, log } = await runDemo();
  assert.equal(code, 0, log);
  assert.ok(!text.includes("\x1b"), "there are colours without a terminal");
  assert.match(text, /Tools: search_traces, get_trace, get_assessment, plot_traces\./);
  for (
    const line of [
      "4 requests failed:",
      "2026-03-02 13:29  “My voucher does not work.”               look_up_order: order service did " +
      "not answer within 30 s",
      "failed  look_up_order      30,000 ms",
      " 13,925 ms  “Where is my parcel?”",
      " 12,912 ms  look_up_order     TOOL",
      "relevance 0.35; expected: Order 5081 has been cancelled.",
      "reviewer-1: It answers another question than the customer asked.",
      "mlflow server --backend-store-uri sqlite:///",
    ]
  ) assert.ok(text.includes(line), `${line}\n\nis not in\n\n${text}`);
  for (const tool of ["set_trace_tag", "log_feedback", "delete_traces"]) {
    assert.ok(text.includes(`Call    ${tool} {`), tool);
  }
  const pasted: unknown = JSON.parse(/^\{\n[\s\S]*?^\}$/m.exec(text)?.[0] ?? "");
  assert.ok(JSON.stringify(pasted).includes(join(ROOT, "examples", "mlflow.db")));
});

Deno.test("the example store contains nothing of the machine that made it", async () => {
  const bytes = await Deno.readFile(join(ROOT, "examples", "mlflow.db"));
  assert.ok(bytes.length < 2_000_000);
  const text = new TextDecoder("latin1").decode(bytes);
  for (const word of [/\/(?:home|root|Users|tmp|work)\//, /mlflow\.source\./, /git\.commit/]) {
    assert.doesNotMatch(text, word);
  }
  assert.ok(text.includes("support_agent"));
});
