import { ENTITIES } from "./tools/list_entities.ts";

/** Every GraphQL document of ours by name; tests validate each against the schema. */
export const DOCUMENTS: Readonly<Record<string, string>> = {
  ENTITIES,
};
