import * as z from "zod";
import { Failure } from "../../core/failure.ts";
import { path } from "../../http/path.ts";
import type { WeaveSession } from "./client.ts";
import type { ProjectRef } from "../project.ts";

const AGENTS = z.looseObject({
  agents: z.array(z.looseObject({ agent_name: z.string(), span_count: z.number().catch(0) })),
  total_count: z.number().catch(0),
});
const PLAIN = "There are no calls in this project; check the entity and project names.";

/**
 * What to say of a project without calls. Agents traced by the conversation API of newer clients
 * write none: their spans are kept apart, which newer services can tell.
 */
export async function emptyProjectNote(session: WeaveSession, place: ProjectRef): Promise<string> {
  try {
    const body = { project_id: place.id, limit: 10 };
    const { agents, total_count: total } = await session.post(path`/agents/query`, body, AGENTS);
    if (agents.length === 0) return PLAIN;
    const names = agents.map((one) => `"${one.agent_name}" (${one.span_count} spans)`).join(", ");
    return `There are no calls in this project, but ${Math.max(total, agents.length)} agents ` +
      `traced by Weave's conversation API: ${names}. Weave keeps their spans apart from calls, ` +
      "where these tools do not read; see the Agents page of the project.";
  } catch (error) {
    if (!(error instanceof Failure) || session.signal.aborted) throw error;
    return PLAIN;
  }
}
