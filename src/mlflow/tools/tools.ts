import type { Tool } from "../../mcp/tool.ts";
import type { ReadServices, WriteServices } from "../services.ts";
import { deleteAssessment, getAssessment, updateAssessment } from "./assessments.ts";
import { deleteTraces } from "./delete_traces.ts";
import { getTrace } from "./get_trace.ts";
import { logExpectation, logFeedback } from "./log_assessment.ts";
import { plotTraces } from "./plot_traces.ts";
import { searchTraces } from "./search_traces.ts";
import { deleteTraceTag, setTraceTag } from "./tags.ts";

/** The tools of a read-only store, in listing order. */
export const READING: readonly Tool<ReadServices>[] = [
  searchTraces,
  getTrace,
  getAssessment,
  plotTraces,
];

/** The tools that other stores have in addition. */
export const WRITING: readonly Tool<WriteServices>[] = [
  logFeedback,
  logExpectation,
  updateAssessment,
  setTraceTag,
  deleteTraceTag,
  deleteAssessment,
  deleteTraces,
];
