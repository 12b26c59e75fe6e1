/** A project as results show it. */
import * as z from "zod";

/** What {@link projectRow} reads of a project. */
export const PROJECT_FIELDS = "name entityName description access createdAt updatedAt";

const TEXT = z.string().nullish();

/** The reply's form of {@link PROJECT_FIELDS}. */
export const PROJECT = z.looseObject({
  name: z.string(),
  entityName: TEXT,
  description: TEXT,
  access: TEXT,
  createdAt: TEXT,
  updatedAt: TEXT,
});

const VISIBILITY: Readonly<Record<string, string>> = {
  PRIVATE: "private",
  ENTITY_READ: "team",
  ENTITY_WRITE: "team",
  RESTRICTED: "restricted",
  USER_READ: "public",
  USER_WRITE: "open",
};

/** A project as a row. */
export function projectRow(project: z.output<typeof PROJECT>, entity: string) {
  const { access, description } = project;
  return {
    name: project.name,
    entity: project.entityName ?? entity,
    ...(description ? { description } : {}),
    ...(access ? { visibility: VISIBILITY[access] ?? access.toLowerCase() } : {}),
    ...(project.createdAt ? { created_at: project.createdAt } : {}),
    ...(project.updatedAt ? { updated_at: project.updatedAt } : {}),
  };
}
