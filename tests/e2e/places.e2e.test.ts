/** The program in places where programs fail: foreign folders, bare environments, other users. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { bundledMain, productAt, productProgram, type Program } from "../support/product.ts";
import { checkDoor, EXAMPLE, listBelow } from "./door.ts";

/** A user without rights on anything; only the superuser can become another. */
const NOBODY = 65534;

Deno.test("the program does all of its work from its own folder", async () => {
  await checkDoor(await productProgram());
});

Deno.test({
  name: "the program runs from a path with spaces, read-only, without home, environment or rights",
  // Windows has neither its users nor its read-only folders.
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const top = await Deno.makeTempDir({ prefix: "wandflow places " });
    try {
      const place = join(top, "a place with späces");
      const [work, temporary] = [join(top, "work"), join(top, "temporary")];
      for (const folder of [place, work, temporary]) await Deno.mkdir(folder);
      await copy(dirname(await bundledMain()), join(place, "bundle"));
      const product = await productAt(join(place, "bundle", "main.js"));
      const store = join(place, "mlflow.db");
      await Deno.copyFile(EXAMPLE, store);
      const program = await asNobody({ ...product, cwd: work, env: { TMPDIR: temporary } }, place);
      await Deno.chmod(top, 0o755);
      await Deno.chmod(work, 0o555);
      // Everybody may write here: whatever the program leaves would be seen.
      await Deno.chmod(temporary, 0o777);
      const before = listBelow(top);
      await checkDoor(program, store);
      assert.deepEqual(listBelow(top), before);
    } finally {
      await Deno.remove(top, { recursive: true });
    }
  },
});

/** The same program as another user, where this one may become another. */
async function asNobody(program: Program, place: string): Promise<Program> {
  if (Deno.uid() !== 0) return program;
  if (program.program !== Deno.execPath()) return { ...program, uid: NOBODY };
  // The superuser's own copy of the runtime may be where nobody else may look.
  const runtime = join(place, "runtime");
  await Deno.copyFile(Deno.execPath(), runtime);
  await Deno.chmod(runtime, 0o755);
  return { ...program, program: runtime, uid: NOBODY };
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { mode: 0o755 });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(join(from, name), join(to, name));
    else {
      await Deno.copyFile(join(from, name), join(to, name));
      await Deno.chmod(join(to, name), 0o644);
    }
  }
}
