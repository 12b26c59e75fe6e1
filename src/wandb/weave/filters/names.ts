/** Filters that take ids or names: the list in `filter`, and the field it is about. */
export const LISTS: Readonly<Record<string, readonly [list: string, field: string]>> = {
  ...{ id: ["call_ids", "id"], call_id: ["call_ids", "id"], call_ids: ["call_ids", "id"] },
  ...{ trace_id: ["trace_ids", "trace_id"], trace_ids: ["trace_ids", "trace_id"] },
  ...{ parent_id: ["parent_ids", "parent_id"], parent_ids: ["parent_ids", "parent_id"] },
  ...{ thread_id: ["thread_ids", "thread_id"], thread_ids: ["thread_ids", "thread_id"] },
  ...{ turn_id: ["turn_ids", "turn_id"], turn_ids: ["turn_ids", "turn_id"] },
  ...{ wb_run_id: ["wb_run_ids", "wb_run_id"], wb_run_ids: ["wb_run_ids", "wb_run_id"] },
  ...{ wb_user_id: ["wb_user_ids", "wb_user_id"], wb_user_ids: ["wb_user_ids", "wb_user_id"] },
  ...{ input_refs: ["input_refs", ""], output_refs: ["output_refs", ""] },
};
/** These are translated by the service in its lists, and nowhere else. */
export const LISTS_ONLY: readonly string[] = [
  "wb_run_ids",
  "wb_user_ids",
  "input_refs",
  "output_refs",
];
/** Values that one list takes. */
export const MOST = 1000;

/** The documented filters, for messages. */
export const FILTERS: readonly string[] = [
  ...["op_name", "op_name_contains", "display_name", "display_name_contains", "status"],
  ...["time_range", "started_at", "ended_at", "latency", "attributes", "inputs", "output"],
  ...["summary", "has_exception", "exception", "trace_roots_only", "trace_id", "call_ids"],
  ...["parent_ids", "thread_id", "turn_id", "wb_run_id", "wb_user_id", "input_refs"],
  ...["output_refs", "$and", "$or", "$not", "$in"],
];
