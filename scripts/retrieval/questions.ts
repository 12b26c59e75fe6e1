/**
 * Questions as people ask them, each with the tool that answers it; where two do, either is right.
 * They say what is wanted and are no paraphrase of the tools' descriptions.
 */

export interface Question {
  readonly asked: string;
  readonly right: readonly string[];
}

/** What the documentation of the two original servers gives as examples. */
const DOCUMENTED: readonly (readonly [asked: string, ...right: string[]])[] = [
  ["Find all failed traces in experiment 1 from the last hour", "search_traces"],
  [
    "Show me the slowest traces in experiment 2 with execution times over 5 seconds",
    "search_traces",
  ],
  [
    "Log a relevance score of 0.85 for trace tr-abc123 with rationale about accuracy",
    "log_feedback",
  ],
  ["Delete traces older than 30 days from experiment 1", "delete_traces"],
  ["Search and filter traces in experiments", "search_traces"],
  ["Get detailed trace information", "get_trace"],
  ["Delete traces by ID or timestamp", "delete_traces"],
  ["Add custom tags to traces", "set_trace_tag"],
  ["Remove tags from traces", "delete_trace_tag"],
  ["Log evaluation scores or judgments", "log_feedback"],
  ["Log ground truth labels", "log_expectation"],
  ["Retrieve assessment details", "get_assessment"],
  ["Modify existing assessments", "update_assessment"],
  ["Remove assessments", "delete_assessment"],
  ["Show me the top 5 runs by eval/accuracy in your-team/your-project.", "query_wandb_tool"],
  [
    "How did the latency of my hiring agent's predict traces evolve over the last month?",
    "query_weave_traces_tool",
    "plot_traces",
  ],
  [
    "Generate a W&B report comparing decisions made by the hiring agent last week.",
    "create_wandb_report_tool",
  ],
  [
    "What versions of the production-model artifact exist, and what changed between v2 and v3?",
    "list_artifact_versions_tool",
    "compare_artifact_versions_tool",
  ],
  ["How do I create a leaderboard in Weave?", "search_wandb_docs_tool"],
  ["List my W&B entities", "list_entities_tool"],
  ["What W&B teams do I have access to?", "list_entities_tool"],
  ["List all projects under your-team.", "query_wandb_entity_projects"],
  ["Probe your-team/your-project and tell me what metrics are logged.", "probe_project_tool"],
  [
    "What fields are on the Weave traces in your-team/your-project?",
    "infer_trace_schema_tool",
  ],
  ["Which eval had the highest F1 score?", "summarize_evaluation_tool"],
  ["What is my best evaluation?", "summarize_evaluation_tool"],
  ["What are my best performing runs?", "query_wandb_tool"],
  ["Triage failing LLM calls", "query_weave_traces_tool"],
  ["Diagnose a bad training run", "diagnose_run_tool"],
  ["Pull the loss and validation curves", "get_run_history_tool", "plot_runs_tool"],
  ["Run convergence, overfitting and NaN checks", "diagnose_run_tool"],
  ["Compare a run against a known-good baseline run", "compare_runs_tool"],
  ["Map each failing trace to its root session", "resolve_trace_roots_tool"],
  [
    "Find which model version performed best on an evaluation",
    "summarize_evaluation_tool",
  ],
];

/** Three more for each tool. */
const OWN: Readonly<Record<string, readonly [string, string, string, ...string[]]>> = {
  search_traces: [
    "Which MLflow traces failed with an error today?",
    "Find the traces where a user asked about refunds",
    "List the ten most recent traces of the support agent experiment",
  ],
  get_trace: [
    "Open trace tr-42 and show its spans",
    "What did the model answer in trace tr-42?",
    "Show me the inputs and outputs of every span of this MLflow trace",
  ],
  get_assessment: [
    "Show the rationale of assessment a-17 on trace tr-42",
    "What did the reviewer say in this feedback?",
    "Read one assessment of a trace by its id",
  ],
  plot_traces: [
    "Plot the latency of my MLflow traces over time",
    "Draw a chart of failed and successful traces this week",
    "Show a picture of how slow the agent's traces have been",
  ],
  log_feedback: [
    "Give this trace a thumbs down",
    "Rate trace tr-42 with 4 stars because the answer was polite",
    "Record that a judge scored correctness 0.2 on this trace",
  ],
  log_expectation: [
    "Store the expected answer for trace tr-42",
    "The correct answer should have been Paris: save that as ground truth of the trace",
    "Add a reference label to this trace",
  ],
  update_assessment: [
    "Change the score of assessment a-17 to 0.5",
    "Correct the rationale of the feedback I gave",
    "Edit the expected value that was logged on the trace",
  ],
  delete_assessment: [
    "Delete the feedback with id a-17",
    "Remove the wrong thumbs up from trace tr-42",
    "Take back the expectation that I logged",
  ],
  set_trace_tag: [
    "Label a trace with team=search",
    "Tag trace tr-42 as reviewed",
    "Mark this trace with priority high",
  ],
  delete_trace_tag: [
    "Remove the tag reviewed from trace tr-42",
    "Untag this trace",
    "Drop the label team of the trace",
  ],
  delete_traces: [
    "Purge all traces of the test experiment from before January",
    "Clean up old traces",
    "How many traces would go if I deleted everything older than 90 days?",
  ],
  list_entities_tool: [
    "Which accounts and teams can my key reach?",
    "Who am I logged in as on W&B?",
    "What is my default entity?",
  ],
  query_wandb_entity_projects: [
    "Which projects does my team have?",
    "What projects exist in acme's account?",
    "Find the project about image classification",
  ],
  probe_project_tool: [
    "What config keys and tags do the runs of this project have?",
    "Which metrics can I ask for in an unfamiliar project?",
    "Give me an overview of what is in acme/vision",
  ],
  query_wandb_tool: [
    "How many runs crashed this week?",
    "List the sweeps of acme/vision",
    "Which finished runs have a learning rate below 0.01 and accuracy above 0.9?",
  ],
  get_run_history_tool: [
    "Show the loss of run abc123 step by step",
    "What was the validation accuracy at step 5000?",
    "How did GPU memory develop during the run?",
  ],
  compare_runs_tool: [
    "What is different between run abc123 and run def456?",
    "Which hyperparameters changed between these two runs?",
    "Compare the config of my last three runs",
  ],
  diagnose_run_tool: [
    "Is this run overfitting?",
    "Why did my training diverge?",
    "Check the health of run abc123",
  ],
  plot_runs_tool: [
    "Plot the training loss of three runs in one chart",
    "Draw the accuracy curves of these runs",
    "Show me a graph of val_loss over steps",
  ],
  plot_evaluation_tool: [
    "Plot the scores of my Weave evaluations",
    "Draw a chart that compares the models' eval scores",
    "Show a picture of evaluation latency and cost by model",
  ],
  list_registries_tool: [
    "Which model registries does our organization have?",
    "List the registries at W&B",
    "Is there a dataset registry in the org?",
  ],
  list_registry_collections_tool: [
    "What collections are in the model registry?",
    "Which models are in the registry wandb-registry-model?",
    "List what is registered in our dataset registry",
  ],
  list_artifact_versions_tool: [
    "How many versions of the dataset cars are there?",
    "Which version of the model has the alias production?",
    "List the newest versions of artifact training-data",
  ],
  get_artifact_details_tool: [
    "Which run produced the artifact cars:v3?",
    "What files are in model artifact resnet:latest?",
    "Show metadata and lineage of an artifact",
  ],
  compare_artifact_versions_tool: [
    "What changed between version 3 and version 4 of the dataset?",
    "Which files were added from cars:v1 to cars:v2?",
    "Diff two versions of a model artifact",
  ],
  log_analysis_to_wandb: [
    "Save this table as a run in W&B",
    "Log my analysis results to wandb",
    "Store the computed statistics with a bar chart in the project",
  ],
  create_wandb_report_tool: [
    "Write a report about the experiment with line plots",
    "Add a section to the report",
    "Make a shareable summary document of these runs in W&B",
  ],
  search_wandb_docs_tool: [
    "How do I log images with wandb?",
    "What does the Weave documentation say about scorers?",
    "How can I set up sweeps according to the docs?",
  ],
  query_weave_traces_tool: [
    "Which Weave calls raised an exception yesterday?",
    "Show the slowest LLM calls in Weave",
    "Find Weave traces of the op predict that cost more than a dollar",
  ],
  count_weave_traces_tool: [
    "How many Weave traces are there in acme/agents?",
    "Count the failing calls of last week",
    "What number of Weave traces does the project have since Monday?",
  ],
  infer_trace_schema_tool: [
    "What ops does this Weave project have?",
    "Which columns and fields can I filter Weave calls by?",
    "What attributes do the traces of an unfamiliar Weave project carry?",
  ],
  resolve_trace_roots_tool: [
    "Which sessions do these failing calls belong to?",
    "Find the root call of each of these trace ids",
    "What user request started this child trace?",
  ],
  summarize_evaluation_tool: [
    "What is the pass rate of the latest evaluation?",
    "How did the two models score in the Weave evaluation?",
    "Which examples failed in the eval?",
  ],
};

/** Names of the tools with questions of their own. */
export const ASKED_FOR: readonly string[] = Object.keys(OWN);

/**
 * Asked once, after the descriptions were written, in words that nobody had in mind: what the figures
 * are worth. No description is to be written for these.
 */
const UNSEEN_ANSWERS: Readonly<Record<string, string>> = {
  "Did any request of the chatbot crash during the night?": "search_traces",
  "What happened inside trace tr-9?": "get_trace",
  "Who gave assessment a-12 and why?": "get_assessment",
  "I want to see the response times of my agent as an image": "plot_traces",
  "Note that a human found the answer of tr-9 unhelpful": "log_feedback",
  "Put down what the right output for tr-9 would be": "log_expectation",
  "My rating of tr-9 should be 3 instead of 4": "update_assessment",
  "Flag trace tr-9 for follow-up": "set_trace_tag",
  "Clear the tag follow-up on tr-9": "delete_trace_tag",
  "Delete my rating of tr-9": "delete_assessment",
  "Free some space by deleting last year's traces": "delete_traces",
  "What W&B username do I have?": "list_entities_tool",
  "Show me the projects of our research team": "query_wandb_entity_projects",
  "What kind of things does this wandb project track?": "probe_project_tool",
  "Find the run with the highest accuracy": "query_wandb_tool",
  "Get the metric values of run 3fk2 between steps 100 and 200": "get_run_history_tool",
  "Why is run a better than run b?": "compare_runs_tool",
  "Did my training go wrong somewhere?": "diagnose_run_tool",
  "Show val_loss of both runs in a plot": "plot_runs_tool",
  "What registries exist in W&B?": "list_registries_tool",
  "Which model collections does the registry have?": "list_registry_collections_tool",
  "Is there a newer version of the artifact?": "list_artifact_versions_tool",
  "Where does the artifact come from and what is in it?": "get_artifact_details_tool",
  "Show differences between artifact versions": "compare_artifact_versions_tool",
  "Write my evaluation numbers into a new W&B run": "log_analysis_to_wandb",
  "Document these findings in a W&B report": "create_wandb_report_tool",
  "Does W&B support resuming runs? Check the docs": "search_wandb_docs_tool",
  "Look for Weave calls with long latency": "query_weave_traces_tool",
  "What is the total number of calls in my Weave project?": "count_weave_traces_tool",
  "What does a typical Weave trace look like, which fields are there?": "infer_trace_schema_tool",
  "To which parent traces do these calls go back?": "resolve_trace_roots_tool",
  "How well does my model do in evaluations?": "summarize_evaluation_tool",
};

export const UNSEEN: readonly Question[] = Object.entries(UNSEEN_ANSWERS).map(([asked, tool]) => ({
  asked,
  right: [tool],
}));

export const QUESTIONS: readonly Question[] = [
  ...DOCUMENTED.map(([asked, ...right]) => ({ asked, right })),
  ...Object.entries(OWN).flatMap(([tool, list]) => list.map((asked) => ({ asked, right: [tool] }))),
];
