/** The kinds of object stores. */
export type StoreScheme = "s3" | "azure" | "gs";

/** The kind of store that an address names; undefined for others. */
export function schemeOfStore(location: string): StoreScheme | undefined {
  if (/^s3:\/\/[^/]/.test(location)) return "s3";
  if (/^gs:\/\/[^/]/.test(location)) return "gs";
  return /^(wasbs?|abfss?):\/\/[^@/]+@[^./]+\.[^/]/.test(location) ? "azure" : undefined;
}
