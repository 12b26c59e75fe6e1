/** Addresses of W&B's web pages. */
export interface WandbLinks {
  /** An entity's page. */
  entity(entity: string): string;
  /** A project's page. */
  project(entity: string, project: string): string;
  /** A run's page. */
  run(entity: string, project: string, run: string): string;
  /** A sweep's page. */
  sweep(entity: string, project: string, sweep: string): string;
  /** The page of an artifact version. */
  artifact(
    entity: string,
    project: string,
    type: string,
    collection: string,
    version: string,
  ): string;
  /** A report's page, by its title and view id. */
  report(entity: string, project: string, title: string, id: string): string;
}

/** Makes links below the web application's address; every part is one encoded segment. */
export function createLinks(appUrl: URL): WandbLinks {
  const root = appUrl.href.replace(/\/+$/, "");
  const join = (...parts: readonly string[]) =>
    [root, ...parts.map((part) => encodeURIComponent(part.toWellFormed()))].join("/");
  return {
    entity: (entity) => join(entity),
    project: (entity, project) => join(entity, project),
    run: (entity, project, run) => join(entity, project, "runs", run),
    sweep: (entity, project, sweep) => join(entity, project, "sweeps", sweep),
    artifact: (entity, project, type, collection, version) =>
      join(entity, project, "artifacts", type, collection, version),
    report: (entity, project, title, id) => {
      const slug = title.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "");
      return join(entity, project, "reports", `${slug}--${id.replaceAll("=", "")}`);
    },
  };
}
