/** A bill of materials, CycloneDX 1.6, from the lock file. */
import { createHash } from "node:crypto";
import { type Part, readParts } from "./licences.ts";
import { DENO, LICENCE, NAME, SUMMARY, VERSION } from "./release.ts";

function reference({ name, version }: Pick<Part, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** Everything in the bundle, and the runtime that it runs in. */
export async function buildSbom(): Promise<string> {
  const parts = await readParts();
  const own = reference({ name: NAME, version: VERSION });
  const runtime = `pkg:generic/deno@${DENO.from}`;
  const components = parts.map((part) => ({
    type: "library",
    "bom-ref": reference(part),
    name: part.name,
    version: part.version,
    purl: reference(part),
    hashes: [{ alg: "SHA-512", content: part.sha512 }],
    licenses: /[ ()]/.test(part.licence)
      ? [{ expression: part.licence }]
      : [{ license: { id: part.licence } }],
  }));
  const needed = new Set(parts.flatMap(({ needs }) => needs));
  const byName = (name: string) => parts.filter((part) => part.name === name).map(reference);
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": own,
        name: NAME,
        version: VERSION,
        description: SUMMARY,
        licenses: [{ license: { id: LICENCE } }],
        purl: own,
      },
    },
    components: [...components, {
      type: "platform",
      "bom-ref": runtime,
      name: "deno",
      version: DENO.from,
      description: "In executables the base runtime; in packages what is installed beside them.",
      licenses: [{ license: { id: "MIT" } }],
    }],
    dependencies: [
      {
        ref: own,
        dependsOn: [
          ...parts.filter(({ name }) => !needed.has(name)).map(reference),
          runtime,
        ],
      },
      ...parts.map((part) => ({ ref: reference(part), dependsOn: part.needs.flatMap(byName) })),
      { ref: runtime, dependsOn: [] },
    ],
  };
  const digest = createHash("sha256").update(JSON.stringify(bom)).digest("hex");
  const { $schema, bomFormat, specVersion, ...rest } = bom;
  const serialNumber = `urn:uuid:${uuid(digest)}`;
  return `${JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...rest }, null, 2)}\n`;
}

/** A UUID (version 8: custom) from a digest, so that the same bill gets the same UUID. */
function uuid(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
