import * as z from "zod";
import { type LookUps, type Suggestion, type Workflow, workflow } from "../mcp/workflow.ts";
import type { UpstreamCall } from "../mcp/tool.ts";
import type { WandbSession } from "./client.ts";
import { type Defaults, readProjectArgs } from "./project.ts";
import { connectionShape } from "./shapes.ts";

/** Two of the chains that W&B's documentation recommends: explore, and diagnose a run. */
export function wandbWorkflows(defaults: Defaults): readonly Workflow[] {
  return [EXPLORE, diagnose(defaults)];
}

const EXPLORE = workflow({
  name: "explore_project",
  title: "Explore an unfamiliar project",
  description: "Find a W&B project and learn what has been logged to it: runs, traces, metrics.",
  brief: "Unfamiliar project",
  needs: [["probe_project_tool", "infer_trace_schema_tool"]],
  arguments: {
    entity: { description: "Team or user, if known.", optional: true },
    project: { description: "Project, if known.", optional: true },
    question: {
      description: "What to find out.",
      fallback: "what the project is for, what it holds, and what its best results are",
    },
  },
  write: ({ question }) => ({
    goal: `Get to know a Weights & Biases project and find out: ${question}.`,
    steps: [
      ["list_entities_tool", "unless the entity is given."],
      [
        "query_wandb_entity_projects",
        "unless the project is given; choose by name, description and last change, and say " +
        "which one you chose.",
      ],
      ["probe_project_tool", "which metrics, config keys and tags its runs have."],
      [
        "infer_trace_schema_tool",
        "if it holds Weave traces: their ops, fields and common values.",
        "or",
      ],
      [
        "query_wandb_tool",
        "one precise query for runs with the keys that were found, sorted by the metric that " +
        "matters.",
      ],
      [
        "query_weave_traces_tool",
        'the same for traces: filters and columns that were found, detail_level="schema" to ' +
        'browse and "summary" to read.',
        "or",
      ],
    ],
    answer: `${question}; with the metrics, keys or ops that further questions can use.`,
  }),
});

const diagnose = (defaults: Defaults) =>
  workflow({
    name: "diagnose_training_run",
    title: "Diagnose a bad training run",
    description: "Check a W&B training run's curves and health, and compare it with a good one.",
    brief: "Bad training run",
    needs: [["diagnose_run_tool"]],
    arguments: {
      entity: { description: "Team or user.", fallback: defaults.entity },
      project: { description: "Project.", fallback: defaults.project },
      run_id: { description: "The run's short id." },
      baseline_run_id: {
        description: "A run known to be good.",
        optional: true,
        lookUp: "run_id",
      },
    },
    write: ({ entity, project, run_id }) => {
      const run = `entity_name="${entity}", project_name="${project}", run_id="${run_id}"`;
      return {
        goal: `Find out what is wrong with the training run ${run_id} in ${entity}/${project}.`,
        steps: [
          ["get_run_history_tool", `${run}, samples=50: the loss and validation curves.`],
          [
            "diagnose_run_tool",
            `${run}: convergence, overfitting, NaN, spikes, stalls. Look closer at the steps that ` +
            "a finding names.",
          ],
          [
            "compare_runs_tool",
            `with the baseline_run_id as run_id_a and ${run_id} as run_id_b, and ` +
            "include_history_overlap=true. Without a baseline, ask for one or take a finished run " +
            "of the same group with the best validation loss.",
          ],
          [
            "create_wandb_report_tool",
            "if the user wants to share the diagnosis: a report with line plots of the curves and " +
            "the findings.",
          ],
        ],
        answer: "what is wrong, from which step on, the evidence, which differences to the good " +
          "run explain it, and what to change.",
      };
    },
  });

/** Look-ups that complete arguments while somebody types: entities, projects, runs. */

/** The entities that the key reaches. */
export const SUGGEST_ENTITIES = `query SuggestEntities {
  viewer { username entity teams(first: 200) { edges { node { name } } } }
}`;

/** An entity's projects. */
export const SUGGEST_PROJECTS = `query SuggestProjects($e: String!) {
  models(entityName: $e, first: 200) { edges { node { name } } }
}`;

/** A project's newest runs. */
export const SUGGEST_RUNS = `query SuggestRuns($e: String!, $p: String!) {
  project(entityName: $e, name: $p) {
    runs(first: 100, order: "-created_at") { edges { node { name displayName } } }
  }
}`;

const NAMED = connectionShape(z.looseObject({ name: z.string() }));
const ENTITIES = z.looseObject({
  viewer: z.looseObject({
    username: z.string().nullish(),
    entity: z.string().nullish(),
    teams: NAMED,
  }).nullish(),
});
const PROJECTS = z.looseObject({ models: NAMED });
const RUN = z.looseObject({ name: z.string(), displayName: z.string().nullish() });
const RUNS = z.looseObject({ project: z.looseObject({ runs: connectionShape(RUN) }).nullish() });

/** Look-ups for `entity`, `project` and `run_id`; what is left out is taken from the defaults. */
export function wandbLookUps(
  defaults: Defaults,
  open: (call: UpstreamCall) => WandbSession,
): LookUps {
  const viewer = async (call: UpstreamCall) =>
    (await open(call).ask(SUGGEST_ENTITIES, {}, ENTITIES)).data.viewer;
  const whereOf = ({ entity, project }: Readonly<Record<string, string>>) =>
    readProjectArgs(
      { entity_name: entity || undefined, project_name: project || undefined },
      defaults,
    );
  const entityOf = async (given: Readonly<Record<string, string>>, call: UpstreamCall) => {
    const { entity: known } = whereOf(given);
    if (known !== undefined) return known;
    const own = await viewer(call);
    return own?.entity ?? own?.username ?? undefined;
  };
  return {
    entity: async (_typed, _given, call) => {
      const own = await viewer(call);
      const teams = own?.teams.nodes.map(({ name }) => name) ?? [];
      return [own?.username, own?.entity, ...teams].flatMap((name) =>
        name ? [{ value: name }] : []
      );
    },
    project: async (_typed, given, call) => {
      const entity = await entityOf(given, call);
      if (entity === undefined) return [];
      const { data } = await open(call).ask(SUGGEST_PROJECTS, { e: entity }, PROJECTS);
      return data.models.nodes.map(({ name }) => ({ value: name }));
    },
    run_id: async (_typed, given, call) => {
      const entity = await entityOf(given, call);
      const { project } = whereOf(given);
      if (entity === undefined || project === undefined) return [];
      const variables = { e: entity, p: project };
      const { data } = await open(call).ask(SUGGEST_RUNS, variables, RUNS);
      return data.project?.runs.nodes.map(({ name, displayName }): Suggestion => ({
        value: name,
        ...(displayName ? { label: displayName } : {}),
      })) ?? [];
    },
  };
}
