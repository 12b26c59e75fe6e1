/**
 * What hostile answers cost: how long a call takes, the longest silence to pings meanwhile, the
 * most memory, and what is left of it afterwards.
 *
 *     deno run -A scripts/bench/hostile.ts [scenario …]
 */
import { z } from "zod";
import { productProgram, type Program } from "../../tests/support/product.ts";
import { memoryOf } from "./memory.ts";
import { say } from "../say.ts";

interface Scenario {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly times?: number;
}

/** What is asked of a server that has none but hostile answers. */
const trace = (fields?: string) => ({
  tool: "get_trace",
  args: { trace_id: "tr-1", ...(fields === undefined ? {} : { extract_fields: fields }) },
});
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  objects52: { tool: "search_traces", args: { experiment_id: "1" } },
  objects315: { tool: "search_traces", args: { experiment_id: "1" } },
  "oneSpan20 names": trace("data.spans.*.name"),
  "oneSpan80 names": trace("data.spans.*.name"),
  "oneSpan80 all": trace(),
  "thousandSpans names": trace("data.spans.*.name"),
  "tenMegabytes all": { ...trace(), times: 5 },
  "tenMegabytes names": { ...trace("data.spans.*.name"), times: 5 },
  "endlessSpans names": trace("data.spans.*.name"),
  endlessObjects: trace("data.spans.*.name"),
  slowDrip: trace("data.spans.*.name"),
  manyTraces: { tool: "search_traces", args: { experiment_id: "1", include_spans: true } },
  "manyTraces names": {
    tool: "search_traces",
    args: { experiment_id: "1", extract_fields: "data.spans.*.name" },
  },
  endlessRows: {
    tool: "query_weave_traces_tool",
    args: { entity_name: "team", project_name: "project", limit: 1 },
  },
};

const Line = z.looseObject({
  id: z.number().optional(),
  result: z.looseObject({
    isError: z.boolean().optional(),
    content: z.array(z.looseObject({ text: z.string().optional() })).optional(),
  }).optional(),
});

async function main(wanted: readonly string[]): Promise<void> {
  const port = await new Promise<number>((resolve) => {
    const worker = new Worker(new URL("./hostile_server.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(z.number().parse(data));
  });
  say("scenario | seconds | longest silence | memory before, most, after | answer");
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 && !wanted.some((one) => name.startsWith(one))) continue;
    const base = `http://127.0.0.1:${port}/${name.split(" ")[0]}`;
    await using client = new Client(await productProgram(), {
      MLFLOW_TRACKING_URI: base,
      WANDB_API_KEY: "k".repeat(40),
      WANDB_BASE_URL: `${base}/wandb`,
      WF_TRACE_SERVER_URL: base,
      MAX_RESPONSE_TOKENS: Deno.env.get("MAX_RESPONSE_TOKENS") ?? "30000",
    });
    say(await measured(name, scenario, client));
  }
  Deno.exit();
}

async function measured(name: string, scenario: Scenario, client: Client): Promise<string> {
  await client.request("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "hostile", version: "0" },
  });
  await client.request("tools/list", {});
  await pause(1000);
  const before = memoryOf(client.pid);
  let silence = 0;
  let answer = "";
  const started = performance.now();
  for (let time = 0; time < (scenario.times ?? 1); time++) {
    let open = true;
    const call = client.request("tools/call", { name: scenario.tool, arguments: scenario.args })
      .then((line) => {
        open = false;
        return line;
      });
    while (open) {
      const asked = performance.now();
      await client.request("ping", {});
      silence = Math.max(silence, performance.now() - asked);
      await pause(50);
    }
    answer = (await call).result?.content?.[0]?.text ?? "no text";
  }
  const seconds = (performance.now() - started) / 1000;
  const peak = memoryOf(client.pid, "VmHWM");
  await pause(3000);
  const after = memoryOf(client.pid);
  return [
    name,
    `${seconds.toFixed(1)} s`,
    `${(silence / 1000).toFixed(2)} s`,
    `${before.toFixed(0)}, ${peak.toFixed(0)}, ${after.toFixed(0)} MB (${
      (after / before).toFixed(2)
    } ×)`,
    `${answer.length} characters: ${answer.slice(0, 160)}`,
  ].join(" | ");
}

/** The product, with requests over standard input and output, several at a time. */
class Client implements AsyncDisposable {
  #id = 0;
  readonly #waiting = new Map<number, (line: z.output<typeof Line>) => void>();
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;

  constructor({ program, args, env }: Program, settings: Record<string, string>) {
    this.#child = new Deno.Command(program, {
      args: [...args, "stdio"],
      env: { ...env, ...settings },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async request(method: string, params: unknown): Promise<z.output<typeof Line>> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<z.output<typeof Line>>();
    this.#waiting.set(id, resolve);
    const line = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    return await promise;
  }

  async #read(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const text of lines) {
      const line = Line.parse(JSON.parse(text));
      if (line.id !== undefined) this.#waiting.get(line.id)?.(line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#child.status;
    await this.#reading;
  }
}

/** Cuts text into lines. */
class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let parts: string[] = [];
    super({
      transform: (chunk, controller) => {
        const [first = "", ...rest] = chunk.split("\n");
        parts.push(first);
        for (const part of rest) {
          controller.enqueue(parts.join(""));
          parts = [part];
        }
      },
    });
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

await main(Deno.args);
