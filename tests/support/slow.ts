/**
 * For tests that take many seconds of a processor. `deno task ok` leaves out every file that
 * imports this; `deno task test` runs it.
 */
export function slowTest(
  name: string,
  test: (context: Deno.TestContext) => void | Promise<void>,
): void {
  Deno.test(name, test);
}

/**
 * A slow test of cases that mostly wait and share nothing: a few of them run at a time, each as a step.
 * Leaks are reported for all of them together.
 */
export function slowTests(
  name: string,
  atOnce: number,
  cases: Readonly<Record<string, () => Promise<void>>>,
): void {
  slowTest(name, async (context) => {
    const left = Object.entries(cases);
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [step, fn] = next;
        await context.step({
          name: step,
          fn,
          sanitizeOps: false,
          sanitizeResources: false,
          sanitizeExit: false,
        });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  });
}
