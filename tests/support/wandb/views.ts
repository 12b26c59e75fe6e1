/** Views: reports and workspaces. */
import { z } from "zod";
import { userNode } from "./accounts.ts";
import { mustWrite, needProject, type Sim } from "./context.ts";
import { SimError } from "./errors.ts";
import type { Project, User, View } from "./model.ts";
import { connection } from "./paging.ts";
import { projectNode } from "./projects.ts";

const Input = z.looseObject({
  id: z.string().nullish(),
  entityName: z.string().nullish(),
  projectName: z.string().nullish(),
  type: z.string().nullish(),
  name: z.string().nullish(),
  displayName: z.string().nullish(),
  description: z.string().nullish(),
  spec: z.string().nullish(),
  createdUsing: z.string().nullish(),
  locked: z.boolean().nullish(),
  previewUrl: z.string().nullish(),
  coverUrl: z.string().nullish(),
  clientMutationId: z.string().nullish(),
});

/** The view fields of the query root. */
export function viewQueries(sim: Sim, caller: User): Record<string, unknown> {
  const visible = (id: string) => {
    const view = sim.db.views.get(id);
    const project = view && sim.db.projects.get(view.project);
    return view && project ? viewNode(sim, caller, project, view) : null;
  };
  return {
    view: (raw: unknown) => visible(z.looseObject({ id: z.string() }).parse(raw).id),
    views: (raw: unknown) => {
      const { ids } = z.looseObject({ ids: z.array(z.string()) }).parse(raw);
      return connection(ids.filter((id) => sim.db.views.get(id)), raw, visible);
    },
  };
}

/** A project's views as a connection, the last changed first. */
export function projectViews(sim: Sim, caller: User, project: Project, raw: unknown): unknown {
  const { viewType, viewName } = z.looseObject({
    viewType: z.string().nullish(),
    viewName: z.string().nullish(),
  }).parse(raw);
  const views = sim.db.views.find({ project: project.id })
    .filter((view) =>
      (!viewType || view.type === viewType) &&
      (!viewName || view.name === viewName || view.displayName === viewName)
    )
    .reverse();
  return connection(views, raw, (view) => viewNode(sim, caller, project, view));
}

function viewNode(sim: Sim, caller: User, project: Project, view: View): unknown {
  const user = () => {
    const found = sim.db.users.first({ username: view.username });
    return found ? userNode(sim, caller, found) : null;
  };
  return {
    __typename: "View",
    ...view,
    entityName: project.entity,
    projectName: project.name,
    project: () => projectNode(sim, caller, project),
    user,
    updatedBy: user,
    viewCount: 0,
    starCount: 0,
    children: () => connection([], {}, () => null),
  };
}

/** The view fields of the mutation root. */
export function viewMutations(sim: Sim, caller: User): Record<string, unknown> {
  return {
    upsertView: (raw: unknown) => {
      const { input } = z.looseObject({ input: Input }).parse(raw);
      const known = input.id ? sim.db.views.get(input.id) : undefined;
      if (input.id && !known) throw new SimError(404, "view not found");
      const project = known
        ? sim.db.projects.get(known.project)
        : needProject(sim, caller, input.entityName, input.projectName);
      if (!project) throw new SimError(404, "project not found");
      mustWrite(sim, caller, project.entity);
      checkSpec(input.spec);
      const now = sim.now();
      const view: View = {
        id: known?.id ?? sim.db.newId("View"),
        project: project.id,
        name: input.name ?? known?.name ?? crypto.randomUUID().slice(0, 11),
        displayName: input.displayName ?? known?.displayName ?? null,
        description: input.description ?? known?.description ?? null,
        type: input.type ?? known?.type ?? "runs",
        spec: input.spec ?? known?.spec ?? "{}",
        username: known?.username ?? caller.username,
        createdAt: known?.createdAt ?? now,
        updatedAt: now,
        createdUsing: input.createdUsing ?? known?.createdUsing ?? "WANDB_UI",
        locked: input.locked ?? known?.locked ?? false,
        previewUrl: input.previewUrl ?? known?.previewUrl ?? null,
        coverUrl: input.coverUrl ?? known?.coverUrl ?? null,
      };
      sim.db.views.put(view);
      return {
        view: viewNode(sim, caller, project, view),
        inserted: known === undefined,
        clientMutationId: input.clientMutationId ?? null,
      };
    },
    deleteView: (raw: unknown) => {
      const { input } = z.looseObject({ input: Input }).parse(raw);
      const known = input.id ? sim.db.views.get(input.id) : undefined;
      if (!known) throw new SimError(404, "view not found");
      mustWrite(sim, caller, sim.db.projects.get(known.project)?.entity ?? "");
      sim.db.views.delete(known.id);
      return {
        success: true,
        pendingDrafts: false,
        clientMutationId: input.clientMutationId ?? null,
      };
    },
  };
}

function checkSpec(spec: string | null | undefined): void {
  if (spec === null || spec === undefined) return;
  try {
    JSON.parse(spec);
  } catch {
    throw new SimError(400, "invalid view spec");
  }
}
