/** A call of each tool that is listed. */
import assert from "node:assert/strict";
import { z } from "zod";
import { ASSESSMENT, TRACE } from "../../e2e/fake_mlflow.ts";

/** A value for every argument that some tool must have. */
const ARGUMENTS: Readonly<Record<string, unknown>> = {
  trace_id: TRACE,
  assessment_id: ASSESSMENT,
  name: "tone",
  value: "good",
  key: "team",
  query: "How do I log a metric?",
  run_id: "run1",
  run_ids: ["run1", "run2"],
  trace_ids: [TRACE],
  artifact_name: "team/project/cars:v0",
  artifact_name_a: "team/project/cars:v0",
  artifact_name_b: "team/project/cars:v1",
  collection_name: "cars",
  registry_name: "model",
  analysis_name: "analysis",
  data: [{ a: 1 }],
  confirm: true,
};
const Listing = z.looseObject({
  tools: z.array(z.looseObject({
    name: z.string(),
    inputSchema: z.looseObject({
      required: z.array(z.string()).default([]),
      properties: z.looseObject({}),
    }),
  })),
});

/** A call of each tool, and of a trace in each store. */
export function callsOf(listing: unknown): (readonly [string, Record<string, unknown>])[] {
  const calls = Listing.parse(listing).tools.map(({ name, inputSchema }) => {
    const { required, properties } = inputSchema;
    const names = Object.keys(ARGUMENTS).filter((one) => one in properties);
    for (const one of required) assert.ok(names.includes(one), `${name} needs ${one}`);
    return [name, Object.fromEntries(names.map((one) => [one, ARGUMENTS[one]]))] as const;
  });
  const other = TRACE.replace(/1$/, "2");
  return calls.some(([name]) => name === "get_trace")
    ? [...calls, ["get_trace", { trace_id: other }]]
    : calls;
}
