/** Every form of a time means the same in every tool that takes times, as the services see it. */
import assert from "node:assert/strict";
import { toolsWith } from "./mlflow/harness.ts";

const DAY = 86_400_000;
const midnight = (now: number) => Math.floor(now / DAY) * DAY;

/** Forms, with what they mean of the time of a call. */
const FORMS: readonly (readonly [string, (now: number) => number])[] = [
  ["2026-11-06", () => Date.UTC(2026, 10, 6)],
  ["2026-11-06T10:15:30Z", () => Date.UTC(2026, 10, 6, 10, 15, 30)],
  ["2026-11-06 12:15:30+02:00", () => Date.UTC(2026, 10, 6, 10, 15, 30)],
  ["7d", (now) => now - 7 * DAY],
  ["-7d", (now) => now - 7 * DAY],
  ["last 7 days", (now) => now - 7 * DAY],
  ["the past week", (now) => now - 7 * DAY],
  ["2 weeks ago", (now) => now - 14 * DAY],
  ["now() - 7d", (now) => now - 7 * DAY],
  ["now - 1d + 12h", (now) => now - DAY / 2],
  ["today", midnight],
  ["yesterday", (now) => midnight(now) - DAY],
  ["1790000000", () => 1_790_000_000_000],
  ["1790000000000", () => 1_790_000_000_000],
  ["1790000000000000", () => 1_790_000_000_000],
];

const NO_TIMES = ["2026-02-31", "2026-13-01", "soon", "7x"];

/** A tool that takes times: how it is called with one, and where the service finds it. */
interface Taker {
  readonly tool: string;
  readonly args: (time: string) => Record<string, unknown>;
  readonly seen: (bodies: string) => string | undefined;
  /** Only of the forms that are numbers. */
  readonly numbers?: boolean;
}

const place = { entity_name: "e", project_name: "p" };
const TAKERS: readonly Taker[] = [
  {
    tool: "search_traces",
    args: (time) => ({ experiment_id: "1", filter_string: `timestamp_ms >= '${time}'` }),
    seen: (bodies) => /timestamp_ms >= (\d+)/.exec(bodies)?.[1],
  },
  {
    tool: "delete_traces",
    args: (time) => ({ experiment_id: "1", older_than: time, dry_run: true }),
    seen: (bodies) => /timestamp_ms <= (\d+)/.exec(bodies)?.[1],
  },
  {
    tool: "delete_traces",
    args: (time) => ({ experiment_id: "1", max_timestamp_millis: Number(time), dry_run: true }),
    seen: (bodies) => /timestamp_ms <= (\d+)/.exec(bodies)?.[1],
    numbers: true,
  },
  {
    tool: "count_weave_traces_tool",
    args: (time) => ({ ...place, filters: { time_range: { start: time } } }),
    seen: (bodies) => /"\$literal":\s*(\d+(?:\.\d+)?)/.exec(bodies)?.[1],
  },
  {
    tool: "query_weave_traces_tool",
    args: (time) => ({ ...place, filters: { started_at: { $gte: time } } }),
    seen: (bodies) => /"\$literal":\s*(\d+(?:\.\d+)?)/.exec(bodies)?.[1],
  },
  {
    tool: "query_wandb_tool",
    args: (time) => ({ entity: "e", project: "p", filters: { createdAt: { $gte: time } } }),
    seen: (bodies) => /createdAt[\\"]+:\{[\\"]+\$gte[\\"]+:[\\"]+([^\\"]+)/.exec(bodies)?.[1],
  },
];

/** A time as a service has it, in milliseconds: its digits of whatever unit, or text in UTC. */
function millis(seen: string): number {
  if (!/^\d+(\.\d+)?$/.test(seen)) return Date.parse(/Z$/.test(seen) ? seen : `${seen}Z`);
  return Number(seen) < 1e11 ? Number(seen) * 1000 : Number(seen);
}

/** Keeps what it is asked. */
function startRecorder() {
  const bodies: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      bodies.push(await request.text());
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/experiments/get")) {
        return Response.json({ experiment: { experiment_id: "1", name: "agents" } });
      }
      return Response.json({});
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const tools = toolsWith({
    MLFLOW_TRACKING_URI: url,
    WANDB_BASE_URL: url,
    WF_TRACE_SERVER_URL: url,
    WANDB_API_KEY: "0123456789abcdef0123456789abcdef01234567",
  });
  return { bodies, tools, [Symbol.asyncDispose]: () => server.shutdown() };
}

for (const { tool, args, seen, numbers = false } of TAKERS) {
  const argument = Object.keys(args("1")).find((name) => !/experiment|entity|project/.test(name));
  Deno.test(`${tool} ${argument}: accepts every form of a time`, async () => {
    await using recorder = startRecorder();
    for (const [form, meant] of FORMS) {
      if (numbers && !/^\d+$/.test(form)) continue;
      recorder.bodies.length = 0;
      const earliest = meant(Date.now());
      const { failure } = await recorder.tools.call(tool, args(form));
      const latest = meant(Date.now());
      const sent = seen(recorder.bodies.join("\n"));
      assert.ok(sent !== undefined, `${form}: ${failure?.message} ${recorder.bodies}`);
      // Some services take whole seconds.
      assert.ok(millis(sent) > earliest - 1000, `${form} was sent as ${sent}, before ${earliest}`);
      assert.ok(millis(sent) < latest + 1000, `${form} was sent as ${sent}, after ${latest}`);
    }
  });

  if (numbers) continue;
  Deno.test(`${tool} ${argument}: refuses an invalid time with the valid forms`, async () => {
    await using recorder = startRecorder();
    for (const form of NO_TIMES) {
      const failure = await recorder.tools.fails(tool, args(form));
      assert.equal(failure.error, "invalid_arguments", form);
      assert.match(`${failure.message} ${failure.hint}`, /Write a time as 2026-11-06/, form);
      assert.equal(seen(recorder.bodies.join("\n")), undefined);
    }
  });
}
