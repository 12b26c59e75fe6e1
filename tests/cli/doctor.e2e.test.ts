import assert from "node:assert/strict";
import { z } from "zod";
import { fileOf } from "../../scripts/graph.ts";
import { TROUBLES } from "../../src/cli/troubles.ts";
import { startFakeMlflow } from "../e2e/fake_mlflow.ts";
import { shared } from "../support/backend.ts";
import { mlflowAuth, mlflowNewest } from "../support/mlflow/backends.ts";
import { chooseForm, run } from "../support/product.ts";
import { startRig } from "../wandb/harness.ts";
import { graphql } from "../wandb/seed.ts";
import { WEAVE_SERVERS } from "../support/weave/seeded.ts";

const mlflow = await shared(mlflowNewest);
const auth = await shared(mlflowAuth);

const UPSERT = `mutation P($e: String, $n: String) {
  upsertModel(input: {entityName: $e, name: $n}) { inserted }
}`;

const REPORT = z.object({
  settings: z.array(z.object({ name: z.string(), value: z.string(), from: z.string().optional() })),
  reaches: z.array(z.object({ host: z.string(), why: z.string() })),
  back_ends: z.array(z.object({
    name: z.string(),
    address: z.string(),
    ok: z.boolean(),
    version: z.string().optional(),
    user: z.string().optional(),
    clock_ahead: z.number().optional(),
  })),
  tools: z.object({ listed: z.array(z.string()), not_listed: z.array(z.string()) }),
  proxies: z.record(z.string(), z.unknown()),
  findings: z.array(z.object({
    level: z.enum(["error", "warning"]),
    problem: z.string(),
    fix: z.string().optional(),
  })),
});

async function examine(env: Record<string, string>) {
  const { code, stdout, stderr } = await run(["doctor", "--json"], env);
  assert.ok(stdout.startsWith("{"), stderr);
  return { code, report: REPORT.parse(JSON.parse(stdout)), stdout };
}

for (const backend of WEAVE_SERVERS) {
  Deno.test(`doctor names each server, its release and the user of the credentials (${backend.name})`, async () => {
    const weave = await shared(backend);
    const admin = auth.admin;
    assert.ok(admin !== undefined);
    const { code, report, stdout } = await examine({
      MLFLOW_TRACKING_URI: auth.uri,
      MLFLOW_TRACKING_USERNAME: admin.username,
      MLFLOW_TRACKING_PASSWORD: admin.password,
      WANDB_BASE_URL: weave.url,
      WANDB_API_KEY: weave.apiKey,
      WF_TRACE_SERVER_URL: weave.url,
      WANDB_MCP_PROXY_DOCS: "false",
    });
    assert.deepEqual(report.findings, []);
    assert.equal(code, 0);
    assert.ok(!stdout.includes(admin.password) && !stdout.includes(weave.apiKey));
    const [first, second, third] = report.back_ends;
    assert.deepEqual(
      [first?.name, first?.address, first?.user],
      ["MLflow", auth.uri, admin.username],
    );
    assert.match(first?.version ?? "", /^3\.\d+\.\d+/);
    assert.deepEqual([second?.name, second?.ok], ["Weights & Biases", true]);
    assert.deepEqual(
      [third?.name, third?.address, third?.version],
      ["Weave", weave.url, "0.0.0"],
    );
    assert.ok(report.tools.listed.includes("get_trace"));
    assert.ok(report.tools.not_listed.some((why) => why.includes("WANDB_MCP_PROXY_DOCS")));
    const secrets = report.settings.filter(({ value }) => /^(present|absent)$/.test(value));
    assert.deepEqual(secrets.filter(({ value }) => value === "present"), [
      { name: "MLFLOW_TRACKING_PASSWORD", value: "present", from: "MLFLOW_TRACKING_PASSWORD" },
      { name: "WANDB_API_KEY", value: "present", from: "WANDB_API_KEY" },
    ]);
    const absent = secrets.filter(({ value }) => value === "absent").map(({ name }) => name);
    assert.ok(absent.includes("MLFLOW_TRACKING_TOKEN"));
    assert.ok(
      report.reaches.some(({ host, why }) =>
        host === new URL(weave.url).host && why === "W&B's API"
      ),
    );
  });
}

Deno.test("doctor names the user of the W&B key", async () => {
  await using rig = startRig();
  const { sim } = rig;
  for (
    const [key, user] of [[sim.apiKey, sim.accounts.user], [sim.accounts.readerKey, undefined]]
  ) {
    const { report } = await examine({
      WANDB_BASE_URL: sim.url,
      WANDB_API_KEY: key ?? "",
      WANDB_MCP_PROXY_DOCS: "false",
    });
    const [wandb] = report.back_ends;
    assert.equal(wandb?.ok, true, JSON.stringify(report.findings));
    if (user === undefined) assert.notEqual(wandb?.user, sim.accounts.user);
    else assert.equal(wandb?.user, user);
  }
});

Deno.test("doctor distinguishes a refused login, a refused key and an unreachable server", async () => {
  await using rig = startRig();
  const { sim } = rig;
  const { code, report } = await examine({
    MLFLOW_TRACKING_URI: auth.uri,
    MLFLOW_TRACKING_USERNAME: "admin",
    MLFLOW_TRACKING_PASSWORD: "wrong-password",
    WANDB_BASE_URL: sim.url,
    WANDB_API_KEY: "0".repeat(40),
    WF_TRACE_SERVER_URL: "http://127.0.0.1:4",
    WANDB_MCP_PROXY_DOCS: "false",
  });
  assert.equal(code, 1);
  const said = (word: RegExp) => report.findings.find(({ problem }) => word.test(problem));
  assert.match(
    said(/MLflow/)?.fix ?? "",
    /Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, which win, or/,
  );
  assert.match(said(/W&B/)?.fix ?? "", /make a new one at <your instance>\/authorize/);
  assert.match(said(/Nothing answers at/)?.fix ?? "", /not running there, or uses another port/);
  assert.deepEqual(report.back_ends.map(({ ok }) => ok), [false, false, false]);
});

Deno.test("doctor looks up the names that the settings give for calls that name nothing", async () => {
  await using rig = startRig();
  const { sim } = rig;
  await graphql(sim, UPSERT, { e: sim.accounts.team, n: "vision" });
  const wandb = {
    WANDB_BASE_URL: sim.url,
    WANDB_API_KEY: sim.apiKey,
    WANDB_MCP_PROXY_DOCS: "false",
    WANDFLOW_EXCLUDE_TOOLS: "weave",
  };
  const store = { MLFLOW_TRACKING_URI: mlflow.uri };
  const file = { MLFLOW_TRACKING_URI: `sqlite:///${fileOf("examples/mlflow.db")}` };
  const { team } = sim.accounts;
  for (
    const [env, problem] of [
      [{ ...store, MLFLOW_EXPERIMENT_ID: "0" }, undefined],
      [{ ...store, MLFLOW_EXPERIMENT_NAME: "Default" }, undefined],
      [{ ...store, MLFLOW_EXPERIMENT_ID: "987654321" }, /"987654321", which MLFLOW_EXPERIMENT_ID/],
      [{ ...store, MLFLOW_EXPERIMENT_NAME: "Defualt" }, /^`MLFLOW_EXPERIMENT_NAME`: there is no/],
      [{ ...file, MLFLOW_EXPERIMENT_NAME: "support-agnet" }, /did you mean 1 \(support-agent\)/],
      [{ ...wandb, WANDB_ENTITY: team }, undefined],
      [{ ...wandb, WANDB_ENTITY: team, WANDB_PROJECT: "vision" }, undefined],
      [{ ...wandb, WANDB_ENTITY: "sim-taem" }, /^WANDB_ENTITY: Entity "sim-taem" has no projects/],
      [
        { ...wandb, WANDB_ENTITY: team, WANDB_PROJECT: "visoin" },
        /^WANDB_ENTITY and WANDB_PROJECT: There is no project "visoin"/,
      ],
    ] as const
  ) {
    const { code, report } = await examine(env);
    const errors = report.findings.filter(({ level }) => level === "error");
    assert.deepEqual(report.back_ends.map(({ ok }) => ok).filter((ok) => !ok), []);
    assert.equal(code, problem === undefined ? 0 : 1, JSON.stringify([env, errors]));
    assert.equal(errors.length, code);
    if (problem !== undefined) assert.match(errors[0]?.problem ?? "", problem);
  }
});

Deno.test("doctor tells an address that is another service's", async () => {
  await using rig = startRig();
  const key = { WANDB_API_KEY: rig.sim.apiKey, WANDB_MCP_PROXY_DOCS: "false" };
  const without = await examine({ ...key, WANDB_BASE_URL: rig.sim.url });
  assert.deepEqual(without.report.back_ends.map(({ ok }) => ok), [true, false]);
  assert.match(without.report.findings[0]?.problem ?? "", /^No Weave trace server answers/);
  assert.match(
    without.report.findings[0]?.fix ?? "",
    /WF_TRACE_SERVER_URL .*--exclude-tools weave/,
  );
  const other = await examine({ ...key, WANDB_BASE_URL: mlflow.uri });
  assert.deepEqual(other.report.back_ends.map(({ ok }) => ok), [false, false]);
  assert.match(
    other.report.findings[0]?.fix ?? "",
    /WANDB_BASE_URL is the address of a W&B server/,
  );
});

Deno.test("doctor without configuration says that no tool is listed, and why", async () => {
  const { code, report } = await examine({});
  assert.equal(code, 1);
  assert.deepEqual(report.findings.map(({ problem }) => problem), ["No tools are listed."]);
  assert.match(report.findings[0]?.fix ?? "", /Neither MLFLOW_TRACKING_URI nor a W&B key is set/);
  assert.ok(report.tools.not_listed.length >= 2);
});

Deno.test("doctor says why an address that is set gives no tools", async () => {
  const { code, report } = await examine({ MLFLOW_TRACKING_URI: "127.0.0.1:5000" });
  assert.equal(code, 1);
  assert.match(report.findings[0]?.fix ?? "", /Did you mean http:\/\/127\.0\.0\.1:5000\?/);
  const nothing = await examine({
    MLFLOW_TRACKING_URI: "http://127.0.0.1:9",
    WANDFLOW_EXCLUDE_TOOLS: "mlflow",
  });
  const none = nothing.report.findings.find(({ problem }) => problem === "No tools are listed.");
  assert.doesNotMatch(none?.fix ?? "Neither", /Neither/);
});

Deno.test("doctor warns of a wrong clock, of telemetry and of ignored values", async () => {
  await using fake = startFakeMlflow((url) =>
    url.pathname === "/version"
      ? new Response("3.14.0", {
        headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
      })
      : Response.json({ experiments: [] }, {
        headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
      })
  );
  const { code, report } = await examine({
    MLFLOW_TRACKING_URI: fake.url,
    MLFLOW_EXPERIMENT_ID: "${EXPERIMENT}",
    // The runtime itself takes only true and 1 for on.
    OTEL_DENO: "false",
    HTTPS_PROXY: "http://user:secret-canary@proxy.example:3128",
  });
  assert.equal(code, 0);
  const problems = report.findings.map(({ problem }) => problem).join("\n");
  const ahead = report.back_ends[0]?.clock_ahead ?? 0;
  assert.ok(Math.abs(ahead - 3600) <= 5, String(ahead));
  assert.match(problems, /The clock of MLflow is 36\d\d|35\d\d seconds ahead of this machine's/);
  assert.match(problems, /MLFLOW_EXPERIMENT_ID is treated as not set/);
  // Only where the runtime obeys it: executables have telemetry switched off.
  const isExecutable = chooseForm((name) => Deno.env.get(name)) === "executable";
  assert.equal(/OTEL_DENO is set/.test(problems), !isExecutable);
  assert.deepEqual(report.proxies, { https: "proxy.example:3128", except: [] });
});

Deno.test("every finding has its fix, in the words of the table of troubles", async () => {
  await using fake = startFakeMlflow();
  const { code, report } = await examine({
    MLFLOW_TRACKING_URI: fake.url,
    MLFLOW_TRACKING_INSECURE_TLS: "true",
    MLFLOW_TRACKING_AUTH: "a-plugin",
    MLFLOW_EXPERIMENT_ID: "${EXPERIMENT}",
    OTEL_DENO: "false",
    WANDB_API_KEY: "0".repeat(40),
    WANDB_BASE_URL: "http://127.0.0.1:4",
    WANDBOT_BASE_URL: "http://127.0.0.1:4",
  });
  assert.equal(code, 1);
  const remedies = TROUBLES.map(({ remedy }) => `${remedy.replaceAll("`", "")}.`);
  for (const { problem, fix } of report.findings) {
    assert.ok(remedies.includes(fix ?? ""), `${problem}: ${fix}`);
  }
  const fixOf = (words: RegExp) => report.findings.find(({ problem }) => words.test(problem))?.fix;
  assert.match(
    fixOf(/INSECURE_TLS/) ?? "",
    /^Unset it, and set MLFLOW_TRACKING_SERVER_CERT_PATH to the authority's PEM file/,
  );
  assert.match(fixOf(/TRACKING_AUTH/) ?? "", /^The variable belongs to another client/);
  assert.match(fixOf(/EXPERIMENT_ID/) ?? "", /^Set the variable where the client starts/);
});

Deno.test("doctor refuses invalid settings as every command does", async () => {
  for (const command of ["doctor", "tools"]) {
    const { code, stdout, stderr } = await run([command], {
      MLFLOW_HTTP_REQUEST_TIMEOUT: "soon",
      WANDFLOW_PORT: "-1",
    });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /MLFLOW_HTTP_REQUEST_TIMEOUT/);
    assert.match(stderr, /WANDFLOW_PORT/);
  }
});

Deno.test("doctor --json keeps its members", async () => {
  await using fake = startFakeMlflow();
  const { report, stdout } = await examine({
    MLFLOW_TRACKING_URI: fake.url,
    MLFLOW_TRACKING_TOKEN: "secret-canary",
    WANDB_API_KEY: "0".repeat(40),
    WANDB_BASE_URL: "http://127.0.0.1:4",
    WANDB_MCP_PROXY_DOCS: "false",
    DENO_TLS_CA_STORE: "mozilla",
    HTTPS_PROXY: "http://proxy.example:3128",
  });
  const whole = JSON.parse(stdout);
  const settings = report.settings.filter(({ value }) => value !== "absent");
  const shown = `${JSON.stringify({ ...whole, settings }, null, 2)}\n`
    .replaceAll(new URL(fake.url).host, "HOST:PORT")
    .replace(/"version": "[^"]*"/, '"version": "VERSION"')
    .replaceAll(/"(milliseconds|clock_ahead)": -?\d+/g, '"$1": 0')
    .replace(/("listed": \[)[^\]]*\]/, "$1]");
  const file = fileOf("tests/golden/doctor.json");
  if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(file, shown);
  assert.equal(shown, await Deno.readTextFile(file));
});

Deno.test("doctor prints the report as text", async () => {
  const { code, stdout } = await run(["doctor"], { MLFLOW_TRACKING_URI: mlflow.uri });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ {2}ok {5}MLflow at \S+, version 3\.\d+\.\d+, \d+ ms$/m);
  assert.match(stdout, /^Nothing is wrong\.$/m);
});
