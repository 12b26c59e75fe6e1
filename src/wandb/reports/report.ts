/** Reads and writes W&B reports, and checks afterwards that a change was not overwritten. */
import { isDeepEqual } from "../../core/values.ts";
import * as z from "zod";
import { inTurn, pause } from "../../core/async.ts";
import { badArgument, Failure, isFailure } from "../../core/failure.ts";
import { isRecord } from "../../core/json.ts";
import { writeOnce } from "../../http/write.ts";
import type { Wandb, WandbSession } from "../client.ts";
import { noProject } from "../missing.ts";
import type { ProjectRef } from "../project.ts";
import { connectionShape } from "../shapes.ts";
import type { RunSource } from "./grid.ts";
import { type Block, EMPTY_PARAGRAPH } from "./markdown.ts";

const VIEW = z.looseObject({
  id: z.string(),
  type: z.string().nullish(),
  displayName: z.string().nullish(),
  description: z.string().nullish(),
  spec: z.string().nullish(),
  project: z.looseObject({ name: z.string(), entityName: z.string() }).nullish(),
});

export const REPORT_PROJECT = `query ReportProject($e: String!, $p: String!) {
  project(entityName: $e, name: $p) { id internalId }
}`;
const LOOKED = z.looseObject({
  project: z.looseObject({
    id: z.string(),
    internalId: z.union([z.string(), z.number()]).nullish(),
  }).nullish(),
});

export const REPORT_TO_CHANGE = `query ReportToChange($id: ID!) {
  view(id: $id) { id type displayName description spec project { name entityName } }
}`;
const READ_SHAPE = z.looseObject({ view: VIEW.nullish() });

export const REPORT_BY_NAME = `query ReportByName($e: String!, $p: String!, $n: String!) {
  project(entityName: $e, name: $p) {
    allViews(viewName: $n, first: 5) { edges { node { id name } } }
  }
}`;
const FOUND = z.looseObject({
  project: z.looseObject({
    allViews: connectionShape(z.looseObject({ id: z.string(), name: z.string().nullish() })),
  }).nullish(),
});

export const WRITE_REPORT =
  `mutation WriteReport($id: ID, $e: String, $p: String, $n: String, $t: String,
  $d: String, $k: String, $s: String!) {
  upsertView(input: { id: $id, entityName: $e, projectName: $p, type: $k, name: $n,
    displayName: $t, description: $d, createdUsing: WANDB_SDK, spec: $s }) {
    view { id displayName } inserted
  }
}`;
const WRITTEN = z.looseObject({
  upsertView: z.looseObject({ view: z.looseObject({ id: z.string() }) }),
});

const SPEC = z.looseObject({ blocks: z.array(z.looseObject({})) });

/** Eleven random digits and letters, like the ids that W&B's clients make. */
export function newId(): string {
  return BigInt(`0x${crypto.getRandomValues(new Uint8Array(8)).toHex()}`).toString(36).padStart(
    13,
    "0",
  ).slice(-11);
}

/** Reads a report, and fails if it is not in the project. */
export async function readReport(session: WandbSession, id: string, project: ProjectRef) {
  const { data: { view } } = await session.ask(REPORT_TO_CHANGE, { id }, READ_SHAPE);
  if (!view) {
    throw new Failure("not_found", "There is no report with this id, or the key cannot see it.", {
      hint: "query_wandb_tool with resource=reports lists a project's reports.",
    });
  }
  const { entityName: entity = project.entity, name = project.project } = view.project ?? {};
  if (entity !== project.entity || name !== project.project) {
    throw badArgument(
      `\`report_id\`: the report is in ${entity}/${name}, not in ${project.id}.`,
      "Give the report's address, or its entity_name and project_name.",
    );
  }
  const spec = SPEC.safeParse(JSON.parse(view.spec ?? "{}"));
  if (!spec.success) throw new Failure("unsupported", "The view with this id is not a report.");
  const { blocks } = spec.data;
  return {
    blocks,
    spec: spec.data,
    title: view.displayName ?? "",
    description: view.description,
    type: view.type,
  };
}

function withoutEnds(blocks: readonly Block[]): Block[] {
  const isEmpty = (block: Block | undefined) =>
    JSON.stringify(block) === JSON.stringify(EMPTY_PARAGRAPH);
  return blocks.slice(
    isEmpty(blocks[0]) ? 1 : 0,
    blocks.length > 1 && isEmpty(blocks.at(-1)) ? -1 : undefined,
  );
}

/** Finds the project, with the internal id that panels refer to. */
export async function findProject(session: WandbSession, project: ProjectRef): Promise<RunSource> {
  const place = { e: project.entity, p: project.project };
  const { data } = await session.ask(REPORT_PROJECT, place, LOOKED);
  if (!data.project) throw await noProject(session, project);
  return {
    entity: project.entity,
    project: project.project,
    internalId: data.project.internalId ?? data.project.id,
  };
}

/** The longest wait before checking a change, in milliseconds. */
const LONGEST_WAIT = 2_000;

type StoredReport = Awaited<ReturnType<typeof readReport>>;

/** A change to a report. Undefined parts of an existing report stay as they are. */
interface ReportChange {
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly draft: boolean | undefined;
  readonly blocks: readonly Block[];
  /** Whether to drop the existing blocks. */
  readonly replaces: boolean;
}

interface WrittenReport {
  readonly id: string;
  readonly title: string;
  readonly isDraft: boolean;
  readonly blocks: number;
  readonly notes: readonly string[];
}

/**
 * Writes a new report, or changes the one with this id. W&B only takes whole reports, so changes to
 * one report take turns, start from its current state, and check afterwards whether something else
 * has overwritten them.
 */
export async function writeReport(
  wandb: Wandb,
  project: ProjectRef,
  id: string | undefined,
  change: ReportChange,
  signal: AbortSignal,
): Promise<WrittenReport> {
  if (id === undefined) return await send(wandb, project, undefined, change, signal);
  return await inTurn(`report ${wandb.baseUrl}${id}`, signal, async () => {
    const begun = performance.now();
    const before = { id, ...await readReport(wandb.open(signal), id, project) };
    const written = await send(wandb, project, before, change, signal);
    // Another process may have read the report before our write and be about to overwrite it.
    // Give it time to do so before we check.
    await pause(Math.min(performance.now() - begun, LONGEST_WAIT), signal);
    const notes = await lookForChange(wandb, project, before, change, signal);
    return { ...written, notes: [...written.notes, ...notes] };
  });
}

/** Checks that a change is still there. Returns notes for the caller. */
async function lookForChange(
  wandb: Wandb,
  project: ProjectRef,
  before: StoredReport & { readonly id: string },
  { blocks, replaces }: ReportChange,
  signal: AbortSignal,
): Promise<string[]> {
  const now = await readReport(wandb.open(signal), before.id, project).catch((error) => {
    if (isFailure(error) && !signal.aborted) return undefined;
    throw error;
  });
  if (now === undefined) {
    return ["It could not be checked whether another write has overwritten the change."];
  }
  const isThere = (block: Block) => now.blocks.some((one) => holds(one, block));
  if (!blocks.every(isThere)) {
    throw new Failure(
      "conflict",
      "The report was changed, but the change is no longer there: another write at the same time " +
        "has overwritten it.",
      {
        hint: "Repeat the call: it starts from the report as it is now.",
        retryable: true,
        effect: "unknown",
      },
    );
  }
  const gone = replaces ? 0 : before.blocks.filter((block) => !isThere(block)).length;
  return gone === 0
    ? []
    : [`${gone} of the blocks before it are gone: another write may have removed them.`];
}

/** Whether the stored value contains all that was sent. The service may add members. */
function holds(stored: unknown, sent: unknown): boolean {
  if (Array.isArray(sent)) {
    return Array.isArray(stored) && stored.length === sent.length &&
      sent.every((item, index) => holds(stored[index], item));
  }
  if (!isRecord(sent)) return stored === sent;
  return isRecord(stored) &&
    Object.entries(sent).every(([key, value]) => value === undefined || holds(stored[key], value));
}

/**
 * Writes the report once. If the reply is lost, a new report is recognized by its random name,
 * and a changed one by its content.
 */
async function send(
  wandb: Wandb,
  project: ProjectRef,
  before: StoredReport & { readonly id: string } | undefined,
  change: ReportChange,
  signal: AbortSignal,
): Promise<WrittenReport> {
  const title = change.title ?? before?.title ?? "";
  const description = change.description ?? before?.description ?? "";
  const type = change.draft === undefined
    ? before?.type ?? "runs"
    : change.draft
    ? "runs/draft"
    : "runs";
  const kept = before === undefined || change.replaces ? [] : withoutEnds(before.blocks);
  const spec = {
    version: 5,
    panelSettings: {},
    width: "readable",
    authors: [],
    discussionThreads: [],
    ...before?.spec,
    blocks: [EMPTY_PARAGRAPH, ...kept, ...change.blocks, EMPTY_PARAGRAPH],
  };
  const place = { e: project.entity, p: project.project };
  const id = before?.id;
  const name = newId();
  const { result, notes = [] } = await writeOnce<string>({
    verb: id === undefined ? "stored" : "changed",
    send: async () => {
      const view = { n: name, t: title, d: description, k: type, s: JSON.stringify(spec) };
      const variables = { ...place, ...view, id: id ?? null };
      const { data } = await wandb.open(signal).ask(WRITE_REPORT, variables, WRITTEN);
      return data.upsertView.view.id;
    },
    look: async () => {
      const session = wandb.open(signal);
      if (id === undefined) {
        const { data } = await session.ask(REPORT_BY_NAME, { ...place, n: name }, FOUND);
        const found = data.project?.allViews.nodes.find((node) => node.name === name);
        return found === undefined ? "nothing yet" : { result: found.id };
      }
      const now = await readReport(session, id, project);
      const isWritten = isDeepEqual(
        [now.title, now.description ?? "", now.type, now.spec],
        [title, description, type, JSON.parse(JSON.stringify(spec))],
      );
      if (isWritten) return { result: id };
      return isDeepEqual({ id, ...now }, before) ? "nothing yet" : "unclear";
    },
  }, signal);
  const blocks = kept.length + change.blocks.length;
  return { id: result, title, isDraft: type === "runs/draft", blocks, notes };
}
