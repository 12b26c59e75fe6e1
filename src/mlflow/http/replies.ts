/**
 * What the server answers. A reply of another form is told as such by every tool: see backend.ts.
 *
 * @module
 */
import * as z from "zod";
import type { Json } from "../../core/json.ts";

/** Any JSON value, unexamined. */
export const AnyJson: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);

/** `POST traces/search`. */
export const SearchReply = z.looseObject({
  traces: z.array(AnyJson).optional(),
  next_page_token: z.string().nullish(),
});

/** `GET traces/{id}`. */
export const InfoReply = z.looseObject({
  trace: z.looseObject({ trace_info: AnyJson }),
});

/** `GET traces/batchGet`. */
export const BatchReply = z.looseObject({
  traces: z.array(z.looseObject({
    trace_info: z.looseObject({ trace_id: z.string() }),
    spans: z.array(AnyJson).nullish(),
  })).optional(),
});

/** `POST traces/delete-traces`. */
export const DeleteReply = z.looseObject({ traces_deleted: z.coerce.number().optional() });

/** One assessment, created, read or changed. */
export const AssessmentReply = z.looseObject({ assessment: AnyJson });

/** `POST traces/calculate-filter-correlation`. */
export const CountsReply = z.looseObject({
  filter1_count: z.coerce.number(),
  total_count: z.coerce.number(),
});

const ExperimentBody = z.looseObject({ experiment_id: z.coerce.string(), name: z.string() });

/** `GET experiments/get` and `get-by-name`. */
export const ExperimentReply = z.looseObject({ experiment: ExperimentBody });

/** `POST experiments/search`. */
export const ExperimentsReply = z.looseObject({ experiments: z.array(ExperimentBody).optional() });

/** `GET runs/get`. */
export const RunReply = z.looseObject({
  run: z.looseObject({ info: z.looseObject({ experiment_id: z.coerce.string() }) }),
});

/** The parts of a trace info that decide where its spans are. */
export const SpanPlace = z.looseObject({
  trace_id: z.string(),
  tags: z.record(z.string(), AnyJson).nullish(),
  trace_metadata: z.record(z.string(), AnyJson).nullish(),
});
