/**
 * The `extract_fields` language: parse paths, select them from traces, know what they need.
 *
 * @module
 */
export type { Json } from "../../core/json.ts";
export { FieldPathError, parsePaths } from "./parse.ts";
export { type FieldPath, printPath, printPaths, type Segment } from "./path.ts";
export {
  type ManySelection,
  select,
  type Selection,
  selectMany,
  type Unmatched,
} from "./select.ts";
export {
  needsAttribute,
  needsField,
  needsInfo,
  needsSpans,
  spanFieldsNeeded,
  type SpanNeeds,
} from "./needs.ts";
export { type SpanReducer, spanReducer } from "./reduce.ts";
export { isField } from "./vocabulary.ts";
