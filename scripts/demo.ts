/**
 * `deno task demo`: asks the traces in examples/mlflow.db the questions of MLflow's documentation,
 * through wandflow and a real MCP client. It needs no Python, no server and no network.
 */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { QUESTIONS, type Told, WRITING } from "./demo/questions.ts";
import { launcherFlags } from "./flags.ts";
import { fileOf } from "./graph.ts";
import { say } from "./say.ts";

const forced = Deno.env.get("FORCE_COLOR") !== undefined;
const colours = forced || Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
const style = (code: string) => (text: string) => colours ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = style("1");
const dim = style("2");
const cyan = style("36");
const green = style("32");

const STORE = `sqlite:///${fileOf("examples/mlflow.db")}`;

async function main(): Promise<void> {
  const began = Date.now();
  const client = new Client({ name: "demo", version: "1.0.0" });
  await client.connect(
    new StdioClientTransport({
      command: Deno.execPath(),
      args: [
        "run",
        "--quiet",
        "--config",
        fileOf("deno.json"),
        ...launcherFlags(),
        fileOf("main.ts"),
      ],
      env: { ...pickEnvironment(), MLFLOW_TRACKING_URI: STORE },
    }),
  );
  try {
    const { tools } = await client.listTools();
    say(bold("wandflow on examples/mlflow.db, a store that MLflow wrote"));
    say(dim("A week of traces of an imaginary support agent, from March 2026: the questions name"));
    say(
      dim(
        `dates, so that their answers stay true. Tools: ${
          tools.map(({ name }) => name).join(", ")
        }.`,
      ),
    );
    const told: Told = { failed: "", slowest: "", rated: { trace: "", assessment: "" } };
    for (const { question, tool, args, answer } of QUESTIONS) {
      const given = args(told);
      say(`\n${cyan("You")}     ${bold(question)}`);
      say(`${cyan("Call")}    ${dim(`${tool} ${JSON.stringify(given)}`)}`);
      const { structuredContent, isError } = await client.callTool({
        name: tool,
        arguments: given,
      });
      if (isError === true) throw new Error(`${tool} failed: ${JSON.stringify(structuredContent)}`);
      const [first = "Nothing.", ...more] = answer(structuredContent, told);
      say(`${green("Answer")}  ${first}`);
      for (const line of more) say(`        ${line}`);
    }
    showWriting();
    showConfiguration();
    say(dim(`\nDone in ${((Date.now() - began) / 1000).toFixed(1)} s.`));
  } finally {
    await client.close();
  }
}

/** Shows what could be done with a server: the file is only read. */
function showWriting(): void {
  say(`\n${bold("With a server, your assistant could also write:")}`);
  for (const { question, call } of WRITING) {
    say(`\n${cyan("You")}     ${bold(question)}`);
    say(`${cyan("Call")}    ${dim(call)}`);
  }
  say("\nwandflow never changes a store's file. For these tools, start a server on it:");
  say(`  mlflow server --backend-store-uri ${STORE}`);
  say("and set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.");
}

/** Shows what to paste into a client for this store. */
function showConfiguration(): void {
  const server = {
    command: "npx",
    args: ["-y", "deno@2.9.6", "task", "--quiet", "--config", fileOf("deno.json"), "start"],
    env: { MLFLOW_TRACKING_URI: STORE },
  };
  say(`\n${bold("Ask it yourself: paste this into your client's MCP configuration")}`);
  say(JSON.stringify({ mcpServers: { wandflow: server } }, null, 2));
  say(dim("For your own traces put your store or server there: sqlite:////path/to/mlflow.db,"));
  say(dim("or http://localhost:5000."));
}

/** What a program needs to start, without the user's own settings, so that everyone sees the same. */
function pickEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMPDIR", "DENO_DIR"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

if (import.meta.main) await main();
