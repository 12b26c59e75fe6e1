import { dirname } from "node:path";

/**
 * Runs `work` while holding `<path>.lock`, so that of several processes (or test workers) one does
 * it and the others wait. The operating system lets go of the lock when a process dies.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(`${path}.lock`, { create: true, write: true });
  try {
    await file.lock(true);
    return await work();
  } finally {
    file.close();
  }
}
