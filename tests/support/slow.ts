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
