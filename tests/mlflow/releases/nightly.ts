/**
 * `deno task nightly`: starts every release of MLflow from the oldest supported one to the newest,
 * one after the other, lets its own client write the same traces, calls the tools, and reads a copy
 * of its store without the server. Writes docs/RELEASES.md (`--check`: only compares). Given releases,
 * such as `3.4 3.12`, it asks these and the newest, and prints or compares their part of the page.
 */
import { stripVTControlCharacters } from "node:util";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { progress, run } from "../../support/python/command.ts";
import { environmentNames, RELEASES, ROOT } from "../../support/python/layout.ts";
import { ensureVenv } from "../../support/python/venv.ts";
import { type Mlflow, type MlflowVersion, startMlflow } from "../../support/mlflow/server.ts";
import { at, toolsWith } from "../harness.ts";
import { comparePages, printPage, type ReleaseAnswers } from "./page.ts";
import { answerAll, findAssessments, flatten, READING, WRITING } from "./steps.ts";

const SCRIPT = fileURLToPath(new URL("./write.py", import.meta.url));
const PAGE = join(ROOT, "docs", "RELEASES.md");

/** The releases, the oldest first. */
function listReleases(): MlflowVersion[] {
  const between = environmentNames(RELEASES).map((name) => Number(name.split(".")[1]))
    .sort((a, b) => a - b).map((minor): MlflowVersion => `3.${minor}`);
  return ["3.4", ...between, "newest"];
}

async function ask(version: MlflowVersion): Promise<ReleaseAnswers> {
  const server = await startMlflow({ version });
  try {
    const { python } = await ensureVenv(`mlflow-${version}`);
    const { code, stdout, stderr } = await run(python, ["-W", "ignore", SCRIPT, server.uri], {
      env: { MLFLOW_DISABLE_TELEMETRY: "true", GIT_PYTHON_REFRESH: "quiet" },
    });
    if (code !== 0) throw new Error(`MLflow ${version} could not write:\n${stderr}`);
    const last = stripVTControlCharacters(stdout).trim().split("\n").at(-1) ?? "";
    const traces = z.array(z.string()).parse(JSON.parse(last));
    const tools = toolsWith({ MLFLOW_TRACKING_URI: server.uri });
    const written = { traces, assessments: await findAssessments(tools, traces[0] ?? "") };
    const read = await answerAll(tools, READING, written);
    const { revision, differences } = await readCopy(server, written, read);
    const changed = await answerAll(tools, WRITING, written);
    const release = await (await fetch(`${server.uri}/version`)).text();
    const first: unknown = read.get("search_traces");
    const place = at(first, "traces", 0, "info", "tags", "mlflow.trace.spansLocation");
    return {
      release: release.trim(),
      revision,
      spansIn: place === "TRACKING_STORE" ? "the database" : "files",
      answers: new Map([...read, ...changed]),
      localDifferences: differences,
    };
  } finally {
    await server.stop();
  }
}

/** What only a server has: its web pages, its words for refusals, counts of any filter. */
const OF_SERVERS = /^links\[|^message$|^total_matching$/;

/** Reads a copy of a server's store, and compares the answers with the server's. */
async function readCopy(
  { dbPath, dir }: Mlflow,
  written: Parameters<typeof answerAll>[2],
  expected: ReadonlyMap<string, unknown>,
): Promise<{ revision: string; differences: string[] }> {
  const folder = await Deno.makeTempDir({ prefix: "wandflow-release-" });
  try {
    const copy = join(folder, "mlflow.db");
    await Deno.copyFile(dbPath, copy);
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(copy, { readOnly: true });
    const row = database.prepare("SELECT version_num FROM alembic_version").get();
    database.close();
    const tools = toolsWith({
      MLFLOW_TRACKING_URI: `sqlite:///${copy}`,
      MLFLOW_ARTIFACTS_DESTINATION: join(dir, "artifacts"),
    });
    const answers = await answerAll(tools, READING, written);
    const differences = [...answers].flatMap(([step, answer]) => {
      const [file, there] = [flatten(answer), flatten(expected.get(step))];
      // What an old server cannot do is done on its file.
      if (there.has("refused") && !file.has("refused")) return [];
      return [...new Set([...file.keys(), ...there.keys()])]
        .filter((place) => !OF_SERVERS.test(place) && file.get(place) !== there.get(place))
        // Where one of them says that it cannot tell, they do not disagree.
        .filter((place) =>
          !/there are (any )?is unknown/.test(`${file.get(place)} ${there.get(place)}`)
        )
        .map((place) => `${step}, ${place}`);
    });
    return { revision: String(at(row, "version_num")), differences };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const checks = Deno.args.includes("--check");
  const chosen = Deno.args.filter((arg) => arg !== "--check");
  const asked: ReleaseAnswers[] = [];
  for (const version of listReleases()) {
    // All are compared with the newest.
    if (chosen.length > 0 && version !== "newest" && !chosen.includes(version)) continue;
    const answers = await ask(version);
    progress(`MLflow ${answers.release}: ${answers.answers.size} answers`);
    asked.push(answers);
  }
  const page = printPage(asked);
  if (!checks) {
    if (chosen.length === 0) await Deno.writeTextFile(PAGE, page);
    else progress(page);
    Deno.exit(0);
  }
  const kept = await Deno.readTextFile(PAGE);
  const differences = chosen.length > 0 ? comparePages(kept, page) : kept === page ? [] : [page];
  if (differences.length > 0) {
    progress(`docs/RELEASES.md is not what the releases answer:\n${differences.join("\n")}`);
  }
  Deno.exit(differences.length === 0 ? 0 : 1);
}
