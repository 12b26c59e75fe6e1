/**
 * Control from another process, under /__sim/: GET health, requests, accounts, defects; POST faults,
 * clear, behaviour, curve, snapshot. These requests are neither logged nor delayed.
 */
import { z } from "zod";
import type { Sim } from "./context.ts";
import { Fault } from "./faults.ts";
import { curve, CurveRequest } from "./generated.ts";
import type { WandbSim } from "./mod.ts";

const BehaviourChange = z.object({
  nonFinite: z.enum(["string", "bare"]).optional(),
  introspection: z.boolean().optional(),
  crashAfterSeconds: z.number().optional(),
  features: z.array(z.string()).optional(),
  randomSampling: z.boolean().optional(),
  dottedConfigKeys: z.boolean().optional(),
  numericTimes: z.enum(["error", "nothing"]).optional(),
  zonedTimes: z.boolean().optional(),
  includesMaxStep: z.boolean().optional(),
  missingFields: z.enum(["last", "first"]).optional(),
  refusesUnknownFields: z.boolean().optional(),
  delayMs: z.number().optional(),
});

/** Answers a control request; undefined for any other. */
export async function answerControl(
  running: WandbSim,
  sim: Sim,
  request: Request,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/__sim/")) return undefined;
  const action = `${request.method} ${pathname.slice("/__sim/".length)}`;
  switch (action) {
    case "GET health":
      return Response.json({});
    case "POST snapshot": {
      // A copy of the database, for a simulator of a test's own.
      const { path } = z.object({ path: z.string() }).parse(await request.json());
      running.db.sqlite.prepare("VACUUM INTO ?").run(path);
      return Response.json({});
    }
    case "GET requests":
      return Response.json(running.requests);
    case "GET accounts":
      return Response.json({ storeUrl: running.storeUrl, accounts: running.accounts });
    case "GET defects":
      return Response.json(running.defects);
    case "POST faults":
      running.faults.add(Fault.parse(await request.json()));
      return Response.json({});
    case "POST clear":
      running.faults.clear();
      running.requests.length = 0;
      return Response.json({});
    case "POST behaviour": {
      const change = BehaviourChange.parse(await request.json());
      Object.assign(sim.behaviour, change);
      return Response.json(sim.behaviour);
    }
    case "POST curve": {
      const { steps, validateEvery, ...where } = CurveRequest.parse(await request.json());
      running.insertGeneratedRun({ ...where, history: curve(steps, validateEvery) });
      return Response.json({});
    }
    default:
      return Response.json({ error: `no such control: ${action}` }, { status: 404 });
  }
}
