/** A deletion as real clients carry it to their users: unattended, refused and agreed. */
import assert from "node:assert/strict";
import { EXPERIMENT, startFakeMlflow, TRACE } from "../e2e/fake_mlflow.ts";
import { type Agent, ask, claude, codex, copilot } from "./agents.ts";
import { askAttended } from "./codex_window.ts";
import { type Home, makeHome } from "./home.ts";

const PREVIEW = /1 trace of experiment 1 \(checkout\).* would be deleted for good/;

/** Asks for a deletion; tells what the model got to read, and how many deletions arrived. */
async function destroy(
  agent: Agent,
  { args = {}, flags = [], prepare = () => Promise.resolve() }: {
    readonly args?: Readonly<Record<string, unknown>>;
    readonly flags?: readonly string[];
    readonly prepare?: (home: Home) => Promise<unknown>;
  },
): Promise<{ answer: string; deletions: number }> {
  await using home = await makeHome();
  await using mlflow = startFakeMlflow();
  await agent.setServer(home, {
    command: home.wandflow,
    args: ["stdio", ...flags],
    env: { MLFLOW_TRACKING_URI: mlflow.url },
  });
  await prepare(home);
  const { answers: [answer], output } = await ask(agent, home, [{
    tool: "delete_traces",
    arguments: { experiment_id: EXPERIMENT, trace_ids: TRACE, ...args },
  }]);
  assert.ok(answer !== undefined, output);
  const deletions = mlflow.seen.filter(({ path }) => path.endsWith("/delete-traces")).length;
  return { answer, deletions };
}

/** Codex asks for leave to call such a tool at all, and gives none where nobody is there. */
const permitting: Agent = {
  ...codex,
  setServer: async (home, server) => {
    await codex.setServer(home, server);
    await home.prepend(
      ".codex/config.toml",
      '[mcp_servers.wandflow.tools.delete_traces]\napproval_mode = "approve"',
    );
  },
};

Deno.test("codex: a deletion with nobody to ask is not even called, unless the settings permit it", async () => {
  const { answer, deletions } = await destroy(codex, { args: { confirm: true } });
  assert.equal(deletions, 0);
  assert.match(answer, /requires approval/);
});

for (const agent of [claude, permitting, copilot]) {
  Deno.test(`${agent.name}: a deletion with nobody to ask is not done, and the model is told why`, async () => {
    for (const args of [{}, { confirm: true }]) {
      const { answer, deletions } = await destroy(agent, { args });
      assert.equal(deletions, 0, answer);
      assert.match(answer, PREVIEW);
      assert.match(answer, /--trust-confirm/);
    }
  });
}

Deno.test("claude: a deletion with nobody to ask is done if the user trusts confirm", async () => {
  const { answer, deletions } = await destroy(claude, {
    args: { confirm: true },
    flags: ["--trust-confirm"],
  });
  assert.equal(deletions, 1, answer);
  assert.match(answer, /"traces_deleted":\s*1/);
});

/** A hook of Claude Code that answers questions for the user. */
const answering = (action: "accept" | "decline") => (home: Home) => {
  const output = {
    hookSpecificOutput: {
      hookEventName: "Elicitation",
      action,
      ...(action === "accept" ? { content: { confirm: true } } : {}),
    },
  };
  const command = `echo '${JSON.stringify(output)}'`;
  return home.write(
    ".claude/settings.json",
    JSON.stringify({
      hooks: { Elicitation: [{ matcher: "wandflow", hooks: [{ type: "command", command }] }] },
    }),
  );
};

Deno.test("claude: a deletion is done only if the user agrees", async () => {
  const refused = await destroy(claude, { prepare: answering("decline") });
  assert.equal(refused.deletions, 0);
  assert.match(refused.answer, /declined: The user did not agree/);
  const agreed = await destroy(claude, { prepare: answering("accept") });
  assert.equal(agreed.deletions, 1, agreed.answer);
  assert.match(agreed.answer, /"traces_deleted":\s*1/);
});

Deno.test("codex: a deletion is done only if the user agrees", async () => {
  for (
    const [answer, deletions, read] of [
      [{ action: "decline" }, 0, /declined: The user did not agree/],
      // Its form's "True" has to be chosen: what stands there is no.
      [{ action: "accept", content: { confirm: false } }, 0, /declined: The user did not agree/],
      [{ action: "accept", content: { confirm: true } }, 1, /"traces_deleted":\s*1/],
    ] as const
  ) {
    await using home = await makeHome();
    await using mlflow = startFakeMlflow();
    const env = { MLFLOW_TRACKING_URI: mlflow.url };
    await permitting.setServer(home, { command: home.wandflow, args: ["stdio"], env });
    const { asked, answers } = await askAttended(permitting, home, [{
      tool: "delete_traces",
      arguments: { experiment_id: EXPERIMENT, trace_ids: TRACE },
    }], answer);
    assert.deepEqual(asked.map(({ message }) => PREVIEW.test(message)), [true]);
    assert.match(JSON.stringify(asked[0]?.schema), /"confirm":\{[^}]*"default":false/);
    assert.match(answers[0] ?? "", read);
    const seen = mlflow.seen.filter(({ path }) => path.endsWith("/delete-traces"));
    assert.equal(seen.length, deletions);
  }
});
