/** Addresses of Weave's web pages. */
export interface WeaveLinks {
  /** The traces of a project. */
  traces(entity: string, project: string): string;
  /** One call. */
  call(entity: string, project: string, id: string): string;
  /** The evaluations of a project. */
  evaluations(entity: string, project: string): string;
}

/** Makes links below the web application's address; every part is one encoded segment. */
export function createLinks(appUrl: URL): WeaveLinks {
  const root = appUrl.href.replace(/\/+$/, "");
  const join = (entity: string, project: string, ...parts: readonly string[]) =>
    [root, entity, project, "weave", ...parts].map((part, index) =>
      index === 0 ? part : encodeURIComponent(part)
    ).join("/");
  return {
    traces: (entity, project) => join(entity, project, "traces"),
    call: (entity, project, id) => join(entity, project, "calls", id),
    evaluations: (entity, project) => join(entity, project, "evaluations"),
  };
}
