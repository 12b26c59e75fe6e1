import type { UpstreamCall } from "../../mcp/tool.ts";
import type { Suggest } from "../../mcp/workflow.ts";
import { type Defaults, resolveProject } from "../project.ts";
import type { WeaveSession } from "./client.ts";
import { findEvaluations, listNames } from "./evaluations/find.ts";

/** Evaluations that are suggested by id. */
const EVALUATIONS = 50;

/** Look-ups for `evaluation` (names) and `evaluation_id`. */
export function weaveLookUps(
  defaults: Defaults,
  open: (call: UpstreamCall) => WeaveSession,
): Readonly<Record<"evaluation" | "evaluation_id", Suggest>> {
  const at = (given: Readonly<Record<string, string>>) =>
    resolveProject({
      ...(given.entity ? { entity_name: given.entity } : {}),
      ...(given.project ? { project_name: given.project } : {}),
    }, defaults);
  return {
    evaluation: async (_typed, given, call) =>
      (await listNames(open(call), at(given))).map((name) => ({ value: name })),
    evaluation_id: async (_typed, given, call) => {
      const wanted = { ids: [], name: undefined, limit: EVALUATIONS };
      const { evaluations } = await findEvaluations(open(call), at(given), wanted);
      return evaluations.map(({ call, name }) => ({ value: call.id, label: name }));
    },
  };
}
