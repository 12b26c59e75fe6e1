import { combineUsage, type UsageCall } from "../../analysis/usage.ts";
import { isUsed } from "../../analysis/usage_totals.ts";
import type { ProjectRef } from "../project.ts";
import { type Call, readDerived, toUsageCall } from "./call.ts";
import type { WeaveSession } from "./client.ts";
import { chunkCalls } from "./rows/expand.ts";

/** Maximum number of calls to read for the traces of one group of roots. */
const CALLS = 10_000;

/**
 * Gives OpenTelemetry roots the usage and costs of their whole traces. Weave's clients roll these
 * up into the root themselves; a span only has its own.
 */
export class TraceUsage {
  readonly #filled = new Set<string>();
  readonly #unknown = new Set<string>();
  readonly #doubtful = new Set<string>();

  constructor(private readonly own: WeaveSession, private readonly place: ProjectRef) {}

  /** The session, with trace usage added to the roots that it reads. */
  get session(): WeaveSession {
    return {
      ...this.own,
      calls: (place, query) => this.#fillAll(this.own.calls(place, query), query.include_costs),
    };
  }

  /** Whether a call was given the usage of its whole trace. */
  isFilled(id: string): boolean {
    return this.#filled.has(id);
  }

  /** A note about the roots that were given their traces' usage, or could not be. */
  get note(): string | undefined {
    const [filled, unknown] = [this.#filled.size, this.#unknown.size];
    const parts = [
      ...(filled === 0 ? [] : [
        `OpenTelemetry roots with the usage and costs of their traces, summed up here: ${filled}.`,
      ]),
      ...(this.#doubtful.size === 0 ? [] : [
        "Traces with spans that used more than all spans below them, which were taken as " +
        `included and may have to be added: ${this.#doubtful.size}.`,
      ]),
      ...(unknown === 0 ? [] : [
        `Roots whose usage is unknown, since their traces have more than ${CALLS} calls: ${unknown}.`,
      ]),
    ];
    return parts.length === 0 ? undefined : parts.join(" ");
  }

  async *#fillAll(calls: AsyncIterable<Call>, costs = false): AsyncGenerator<Call> {
    for await (const chunk of chunkCalls(calls)) {
      const traces = new Set(chunk.filter(isSpanRoot).map(({ trace_id: trace }) => trace));
      const below = await this.#read([...traces], costs);
      for (const call of chunk) yield isSpanRoot(call) ? this.#fill(call, below) : call;
    }
  }

  #fill(call: Call, below: ReadonlyMap<string, readonly UsageCall[]>): Call {
    const { usage, costs, counted, doubtful } = combineUsage(below.get(call.trace_id) ?? []);
    if (doubtful > 0) this.#doubtful.add(call.id);
    if (counted.every(({ id }) => id === call.id)) return call;
    this.#filled.add(call.id);
    const weave = { ...readDerived(call), ...(Object.keys(costs).length === 0 ? {} : { costs }) };
    return { ...call, summary: { ...call.summary, usage, weave } };
  }

  /** The calls of traces, by trace; splits a group that has too many. */
  async #read(traces: readonly string[], costs: boolean): Promise<Map<string, UsageCall[]>> {
    if (traces.length === 0) return new Map();
    const found = new Map<string, UsageCall[]>();
    let number = 0;
    const query = {
      filter: { trace_ids: traces },
      columns: ["id", "trace_id", "parent_id", "summary"],
      ...(costs ? { include_costs: true } : {}),
      limit: CALLS + 1,
    };
    for await (const call of this.own.calls(this.place, query)) {
      number++;
      const list = found.get(call.trace_id) ?? [];
      found.set(call.trace_id, list);
      list.push(toUsageCall(call));
    }
    if (number <= CALLS) return found;
    const middle = traces.length >> 1;
    if (middle === 0) {
      for (const trace of traces) this.#unknown.add(trace);
      return new Map();
    }
    const first = await this.#read(traces.slice(0, middle), costs);
    return new Map([...first, ...await this.#read(traces.slice(middle), costs)]);
  }
}

/** Whether a call is a root that only has its own usage, as a span does. */
function isSpanRoot(call: Call): boolean {
  const { parent_id: parent = null, usage = {}, rolled_up = false } = toUsageCall(call);
  const records = Object.values(usage);
  if (parent !== null || rolled_up || records.length === 0) return false;
  return SPAN_ID.test(call.id) || !records.some(isUsed);
}

/** The form of an OpenTelemetry span id; Weave's clients use UUIDs. */
const SPAN_ID = /^[0-9a-f]{16}$/;
