/** Whether a JSON value has more levels of arrays and objects than `limit`; itself not recursive. */
export function isDeeper(value: unknown, limit: number): boolean {
  let level = [value].filter(isNode);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((node): unknown[] => Object.values(node)).filter(isNode);
  }
  return false;
}

function isNode(value: unknown): value is object {
  return value !== null && typeof value === "object";
}
