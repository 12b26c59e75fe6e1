import { REGISTRY_COLLECTIONS } from "./artifacts/collections.ts";
import { VERSION_FILES } from "./artifacts/files.ts";
import { NEAR_REGISTRIES, NEAR_VERSIONS } from "./artifacts/missing.ts";
import { REGISTRIES } from "./artifacts/registries.ts";
import { TWO_VERSIONS, VERSION, VERSION_OF_OLD } from "./artifacts/version_query.ts";
import { PROJECT_VERSIONS, REGISTRY_VERSIONS, TYPED_VERSIONS } from "./artifacts/versions.ts";
import { RUN_HISTORY } from "./history/load.ts";
import { NEAR_PROJECTS, NEAR_RUNS } from "./missing.ts";
import { KNOWN_KEYS } from "./query/absent_keys.ts";
import {
  LIST_ARTIFACTS,
  LIST_FILES,
  LIST_REPORTS,
  LIST_RUNS,
  LIST_SWEEPS,
} from "./query/resources.ts";
import { TYPE_FIELDS } from "./query/unknown.ts";
import { RUNS_BY_ID } from "./runs.ts";
import { SUGGEST_ENTITIES, SUGGEST_PROJECTS, SUGGEST_RUNS } from "./suggest.ts";
import { ENTITIES } from "./tools/list_entities.ts";
import { PROBE } from "./tools/probe_project.ts";
import { ALL_PROJECTS, PROJECTS } from "./tools/query_projects.ts";

/** Every GraphQL document of ours by name; tests validate each against the schema. */
export const DOCUMENTS: Readonly<Record<string, string>> = {
  ENTITIES,
  PROJECTS,
  ALL_PROJECTS,
  NEAR_PROJECTS,
  NEAR_RUNS,
  PROBE,
  RUN_HISTORY,
  RUNS_BY_ID,
  LIST_RUNS,
  LIST_SWEEPS,
  LIST_REPORTS,
  LIST_ARTIFACTS,
  LIST_FILES,
  KNOWN_KEYS,
  TYPE_FIELDS,
  SUGGEST_ENTITIES,
  SUGGEST_PROJECTS,
  SUGGEST_RUNS,
  REGISTRIES,
  REGISTRY_COLLECTIONS,
  PROJECT_VERSIONS,
  TYPED_VERSIONS,
  REGISTRY_VERSIONS,
  VERSION,
  TWO_VERSIONS,
  VERSION_OF_OLD,
  VERSION_FILES,
  NEAR_REGISTRIES,
  NEAR_VERSIONS,
};
