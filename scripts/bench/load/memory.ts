import { progress } from "../../../tests/support/python/command.ts";
import { memoryOf } from "../../../tests/support/memory.ts";
import type { Row } from "../row.ts";
import { ask } from "./callers.ts";

const FEW = 5_000;
const MANY = 50_000;
const CLIENTS = 8;
/** Calls may leave so many times the memory of few. */
const FLAT = 1.2;

/** Memory of a server over HTTP after few calls and after many, of several kinds in turns. */
export async function memoryAfterCalls(
  { url, process }: { readonly url: string; readonly process: { readonly pid: number } },
  bodies: readonly string[],
): Promise<Row[]> {
  let made = 0;
  const callUntil = async (total: number) => {
    progress(`Memory after ${total} calls`);
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (made < total) {
        const body = bodies[made++ % bodies.length] ?? "";
        await ask({ url, body });
      }
    }));
    // Time to give back what it wants to.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return memoryOf(process.pid);
  };
  const few = await callUntil(FEW);
  const many = await callUntil(MANY);
  return [
    {
      what: `memory after ${FEW} calls of these kinds, ${CLIENTS} clients`,
      unit: "MB",
      wandflow: few,
    },
    {
      ...{ what: `memory after ${MANY} of them`, unit: "MB", wandflow: many },
      goals: [{ against: "limit", factor: few * FLAT }],
    },
  ];
}
