/** The bundle that every release holds: its size, and that two of them are the same. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "../../scripts/bundle.ts";
import { reachableChunks, readChunks, scriptsBelow } from "../../scripts/chunks.ts";
import { bundledMain, productAt, run } from "../support/product.ts";

/** Most bytes of the bundle but for what draws charts, and the page that shows them. */
const MOST = 1_500_000;

/** Most bytes that the server runs before its first answer, both back ends configured. */
const MOST_AT_START = 600_000;

Deno.test("the bundle without the chart part is small", async () => {
  const main = await bundledMain();
  const chunks = await readChunks(dirname(main));
  const starts = ["main.js", "/worker.js", "/store_worker.js", "/painter.js"];
  const entries = chunks.map(({ url }) => url)
    .filter((url) => starts.some((name) => url.endsWith(name)));
  assert.equal(entries.length, 4);
  const chart = (url: string) => /\/(painter|app-\w+)\.js$/.test(url);
  const all = reachableChunks(entries, chunks, () => true);
  const plain = reachableChunks(
    entries.filter((url) => !chart(url)),
    chunks,
    ({ from }) => !chart(from),
  );
  assert.equal([...all].filter(chart).length, 2);
  assert.deepEqual([...all].sort(), chunks.map(({ url }) => url).sort(), "unused scripts");
  const bytes = chunks.filter(({ url }) => plain.has(url)).reduce((sum, { size }) => sum + size, 0);
  assert.ok(bytes < MOST, `${bytes} bytes`);
  assert.ok(pathToFileURL(main).href === entries.find((url) => url.endsWith("/main.js")));
});

Deno.test("a start reads nothing of the chart part, late imports included", async () => {
  const chunks = await readChunks(dirname(await bundledMain()));
  const starts = chunks.map(({ url }) => url).filter((url) => /\/(main|worker)\.js$/.test(url));
  assert.equal(starts.length, 2);
  // The runtime reads what is imported by a literal address before anything runs.
  const read = reachableChunks(starts, chunks, () => true);
  const sizes = chunks.filter(({ url }) => read.has(url)).map(({ size }) => size);
  assert.ok(Math.max(...sizes) < 500_000, `${Math.max(...sizes)} bytes in one script`);
});

Deno.test("a start reads few scripts before it runs", async () => {
  const chunks = await readChunks(dirname(await bundledMain()));
  const starts = chunks.map(({ url }) => url).filter((url) => /\/(main|worker)\.js$/.test(url));
  assert.equal(starts.length, 2);
  const read = reachableChunks(starts, chunks, ({ late }) => !late);
  assert.ok(read.size <= 12, [...read].join("\n"));
});

Deno.test("a start loads no Node modules, which are slow to load", async () => {
  const chunks = await readChunks(dirname(await bundledMain()));
  const starts = chunks.map(({ url }) => url)
    .filter((url) => /\/(main|worker|stdio-[^/]*)\.js$/.test(url));
  assert.equal(starts.length, 3);
  const loaded = reachableChunks(starts, chunks, ({ late }) => !late);
  const ofNode = chunks.filter(({ url }) => loaded.has(url))
    .flatMap(({ url, takes }) =>
      takes.filter(({ from, late }) => from.startsWith("node:") && !late)
        .map(({ from }) => `${url.replace(/.*\//, "")}: ${from}`)
    );
  assert.deepEqual(ofNode, []);
});

Deno.test("a start loads the protocol and the tools' listing, and no back-end client", async () => {
  const chunks = await readChunks(dirname(await bundledMain()));
  const starts = chunks.map(({ url }) => url)
    .filter((url) => /\/(worker|stdio-[^/]*|backend-[^/]*)\.js$/.test(url));
  assert.equal(starts.length, 4);
  const loaded = reachableChunks(starts, chunks, ({ late }) => !late);
  const bytes = chunks.filter(({ url }) => loaded.has(url)).reduce(
    (sum, { size }) => sum + size,
    0,
  );
  assert.ok(bytes < MOST_AT_START, `${bytes} bytes`);
});

Deno.test("two bundles are identical, file times included; the commit is reported", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wandflow bundle " });
  try {
    const [one, other] = [join(folder, "one"), join(folder, "the other")];
    const main = await bundle(one, "0123456789ab");
    await bundle(other, "0123456789ab");
    const read = async (where: string) =>
      await Promise.all((await scriptsBelow(where)).map(async (file) => [
        file.slice(where.length),
        await Deno.readTextFile(file),
        (await Deno.stat(file)).mtime?.toISOString(),
      ]));
    assert.deepEqual(await read(one), await read(other));
    const { stdout } = await run(["--version"], {}, "", await productAt(main, "bundle"));
    assert.match(stdout, /^wandflow \S+ \(0123456789ab\)\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
