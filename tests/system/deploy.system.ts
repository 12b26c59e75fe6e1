/** The files in `deploy/`, as far as they can be held against something. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { parseCommandLine } from "../../src/config/arguments.ts";
import { resolveSettings } from "../../src/config/resolve.ts";
import { findServiceProblems } from "../../src/config/service.ts";
import { cleanEnv } from "../support/python/command.ts";
import { ROOT } from "../support/python/layout.ts";
import { ensureVenv } from "../support/python/venv.ts";

const FILE = join(ROOT, "deploy", "kubernetes.yaml");

async function validate(file: string): Promise<{ success: boolean; output: string }> {
  const { python } = await ensureVenv("kubernetes");
  const { success, stdout, stderr } = await new Deno.Command(
    join(dirname(python), "kubernetes-validate"),
    { args: ["--strict", file], clearEnv: true, env: cleanEnv(), stdout: "piped", stderr: "piped" },
  ).output();
  return { success, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("the Kubernetes objects match their published schemas", async () => {
  const { success, output } = await validate(FILE);
  assert.ok(success, output);
  for (const kind of ["deployment", "service", "horizontalpodautoscaler", "poddisruptionbudget"]) {
    assert.match(output, new RegExp(`passed for resource ${kind}/wandflow`));
  }
  const broken = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const text = await Deno.readTextFile(FILE);
    await Deno.writeTextFile(broken, text.replace("readinessProbe:", "readyProbe:"));
    assert.equal((await validate(broken)).success, false);
  } finally {
    await Deno.remove(broken);
  }
});

const CONTAINER = z.looseObject({
  args: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
});
const DEPLOYMENT = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.array(CONTAINER) }) }),
  }),
});

Deno.test("the program starts with the container's arguments", async () => {
  const [document] = parseAllDocuments(await Deno.readTextFile(FILE));
  const { containers: [container] } = DEPLOYMENT.parse(document?.toJS()).spec.template.spec;
  assert.ok(container !== undefined);
  const line = await parseCommandLine(container.args);
  assert.equal(line.command, "serve");
  const env = new Map(container.env.map(({ name, value }) => [name, value ?? "x".repeat(64)]));
  const { settings, errors } = resolveSettings(line.flags, (name) => env.get(name));
  assert.deepEqual([...errors, ...findServiceProblems(settings)], []);
  assert.deepEqual(
    [settings.transport, settings.host, settings.port, settings.auth, settings.metrics],
    ["http", "0.0.0.0", 8080, "passthrough", true],
  );
  assert.deepEqual(settings.allowedHosts, ["wandflow.example.com"]);
  assert.ok(settings.stateKey !== undefined);
});
