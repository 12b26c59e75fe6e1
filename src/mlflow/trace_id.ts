/**
 * What to do about an id that no trace has. Spans carry their trace's id without the `tr-`, and ids
 * are lower case: both are likely slips.
 */
export function traceIdHint(traceId: string): string {
  const hex = /^\s*["']?(?:tr-)?([0-9a-f]{32})["']?\s*$/i.exec(traceId)?.[1];
  const meant = `tr-${hex?.toLowerCase()}`;
  return hex !== undefined && meant !== traceId
    ? `Did you mean ${meant}?`
    : "search_traces finds the ids of traces.";
}
