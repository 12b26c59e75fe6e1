/** Addresses of W&B's and Weave's web pages. */
export interface Links {
  project(entity: string, project: string): string;
  run(entity: string, project: string, run: string): string;
  sweep(entity: string, project: string, sweep: string): string;
  artifact(
    entity: string,
    project: string,
    type: string,
    collection: string,
    version: string,
  ): string;
  report(entity: string, project: string, title: string, id: string): string;
  traces(entity: string, project: string): string;
  call(entity: string, project: string, id: string): string;
  evaluations(entity: string, project: string): string;
}

/** Makes links below the web application's address; every part is one encoded segment. */
export function createLinks(appUrl: URL): Links {
  const root = appUrl.href.replace(/\/+$/, "");
  const join = (...parts: readonly string[]) =>
    [root, ...parts.map((part) => encodeURIComponent(part.toWellFormed()))].join("/");
  return {
    project: (entity, project) => join(entity, project),
    run: (entity, project, run) => join(entity, project, "runs", run),
    sweep: (entity, project, sweep) => join(entity, project, "sweeps", sweep),
    artifact: (entity, project, type, collection, version) =>
      join(entity, project, "artifacts", type, collection, version),
    report: (entity, project, title, id) => {
      const slug = title.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(
        0,
        100,
      );
      return join(entity, project, "reports", `${slug}--${id.replaceAll("=", "")}`);
    },
    traces: (entity, project) => join(entity, project, "weave", "traces"),
    call: (entity, project, id) => join(entity, project, "weave", "calls", id),
    evaluations: (entity, project) => join(entity, project, "weave", "evaluations"),
  };
}
