/** The resources of a project, and the documents that list them. */
import * as z from "zod";
import { PAGE_INFO, PROJECT_FIELDS } from "../shapes.ts";

/** Runs, with only the fields that are asked for. */
export const LIST_RUNS = `query ListRuns($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String, $config: Boolean!, $ck: [String!], $summary: Boolean!,
  $sk: [String!], $keys: Boolean!, $more: Boolean!, $pin: Boolean!) {
  project(entityName: $e, name: $p) {
    newest: runs(first: 1, order: "-created_at") @include(if: $pin) {
      edges { node { createdAt } }
    }
    list: runs(filters: $f, order: $o, first: $n, after: $c) {
      totalCount
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state createdAt tags group
        jobType @include(if: $more)
        heartbeatAt @include(if: $more)
        updatedAt @include(if: $more) # optional
        host @include(if: $more)
        commit @include(if: $more)
        notes @include(if: $more)
        sweepName @include(if: $more) # optional
        wandbConfig(keys: ["branch_point"]) @include(if: $more) # optional
        user @include(if: $more) { username }
        computeSeconds @include(if: $more) # optional
        runInfo @include(if: $more) { program os python gpu gpuCount cpuCount } # optional
        systemMetrics @include(if: $more) # optional
        historyKeys @include(if: $keys)
        config(keys: $ck) @include(if: $config)
        summaryMetrics(keys: $sk) @include(if: $summary)
      } }
    }
  }
}`;

export const LIST_SWEEPS = `query ListSweeps($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: sweeps(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        name displayName state method bestLoss runCount createdAt
        runCountExpected # optional
        config
      } }
    }
  }
}`;

/** Saved reports. */
export const LIST_REPORTS = `query ListReports($e: String!, $p: String!, $n: Int!, $c: String,
  $spec: Boolean!) {
  project(entityName: $e, name: $p) {
    list: allViews(viewType: "runs", first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        id displayName description createdAt updatedAt user { username }
        spec @include(if: $spec)
      } }
    }
  }
}`;

/** Artifact collections of every type. */
export const LIST_ARTIFACTS = `query ListArtifacts($e: String!, $p: String!, $n: Int!, $c: String,
  $f: JSONString, $o: String) {
  project(entityName: $e, name: $p) {
    list: artifactCollections(filters: $f, order: $o, first: $n, after: $c) {
      totalCount # optional
      pageInfo { endCursor hasNextPage }
      edges { cursor node {
        __typename name description createdAt updatedAt
        defaultArtifactType { name }
        aliases(first: 100) { edges { node { alias } } pageInfo { hasNextPage } }
        tags { edges { node { name } } pageInfo { hasNextPage } }
      } }
    }
  }
}`;

export const SHOW_PROJECT = `query ShowProject($e: String!, $p: String!) {
  project(entityName: $e, name: $p) {
    ${PROJECT_FIELDS}
    runCount
    totalSweeps # optional
    lastActive # optional
  }
}`;

export const LIST_FILES = `query ListFiles($e: String!, $p: String!, $r: String!, $n: Int!,
  $c: String) {
  project(entityName: $e, name: $p) {
    run(name: $r) {
      list: files(first: $n, after: $c) {
        pageInfo { endCursor hasNextPage }
        edges { cursor node { name sizeBytes mimetype updatedAt md5 } }
      }
    }
  }
}`;

/** The resources of the structured form. */
export const RESOURCES = ["runs", "sweeps", "reports", "artifacts", "files", "project"] as const;

export type Resource = (typeof RESOURCES)[number];

/** The resources of which a project has many. */
export type Listed = Exclude<Resource, "project">;

export const LIST_DOCUMENTS: Readonly<Record<Listed, string>> = {
  runs: LIST_RUNS,
  sweeps: LIST_SWEEPS,
  reports: LIST_REPORTS,
  artifacts: LIST_ARTIFACTS,
  files: LIST_FILES,
};

const TEXT = z.string().nullish();
const PAGE = z.looseObject({
  totalCount: z.number().nullish(),
  pageInfo: PAGE_INFO,
  edges: z.array(z.looseObject({ cursor: TEXT, node: z.looseObject({}).nullish() }).nullable())
    .nullish(),
});

export type ListPage = z.output<typeof PAGE>;

/** The reply to the listing documents; only files are inside `run`. */
export const LIST_SHAPE: z.ZodType<{
  readonly project?:
    | {
      readonly list?: ListPage | null | undefined;
      readonly newest?: ListPage | null | undefined;
      readonly run?: { readonly list?: ListPage | null | undefined } | null | undefined;
    }
    | null
    | undefined;
}> = z.looseObject({
  project: z.looseObject({
    list: PAGE.nullish(),
    newest: PAGE.nullish(),
    run: z.looseObject({ list: PAGE.nullish() }).nullish(),
  }).nullish(),
});
