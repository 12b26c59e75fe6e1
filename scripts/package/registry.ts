/** `server.json`, which describes a server to the MCP registry, and the registry's rules for it. */
import { z } from "zod";
import { askedSettings, NAME, registryName, SUMMARY, VERSION } from "./release.ts";

/** Where the rules below are published, as JSON schema. */
const SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

const Input = {
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  format: z.enum(["string", "number", "boolean", "filepath"]).optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  value: z.string().optional(),
  choices: z.array(z.string()).optional(),
};

const Argument = z.discriminatedUnion("type", [
  z.strictObject({ ...Input, type: z.literal("positional"), valueHint: z.string().optional() })
    .refine((one) => one.value !== undefined || one.valueHint !== undefined),
  z.strictObject({ ...Input, type: z.literal("named"), name: z.string() }),
]);

const Package = z.strictObject({
  registryType: z.enum(["npm", "pypi", "oci", "nuget", "mcpb"]),
  identifier: z.string().min(1),
  version: z.string().refine((text) => text !== "latest" && !/^[~^<>=*]|\.x|\s/.test(text))
    .optional(),
  fileSha256: z.string().regex(/^[a-f0-9]{64}$/).optional(),
  runtimeHint: z.string().optional(),
  transport: z.strictObject({ type: z.literal("stdio") }),
  packageArguments: z.array(Argument).optional(),
  environmentVariables: z.array(z.strictObject({ ...Input, name: z.string() })).optional(),
}).refine(
  (one) => one.registryType !== "mcpb" || /^https:\/\/.*mcp/.test(one.identifier),
  "an .mcpb file is named by an address with mcp in it",
).refine(
  (one) => one.registryType !== "mcpb" || one.fileSha256 !== undefined,
  "an .mcpb file needs its SHA-256",
);

/** What the registry accepts, for the parts used here. */
export const ServerDetail = z.strictObject({
  $schema: z.literal(SCHEMA),
  name: z.string().min(3).max(200).regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100).optional(),
  description: z.string().min(1).max(100),
  version: z.string().min(1).max(255),
  repository: z.strictObject({ url: z.url(), source: z.string() }).optional(),
  packages: z.array(Package),
});

/** Builds `server.json`: the packages of PyPI and npm, and the bundles at the release's page. */
export function buildServerJson(
  repository: string,
  bundles: readonly { readonly name: string; readonly sha256: string }[],
): string {
  const environmentVariables = askedSettings().map(({ variable, help, secret, isSwitch }) => ({
    name: variable,
    description: help,
    isRequired: false,
    isSecret: secret,
    format: isSwitch ? "boolean" : "string",
  }));
  const common = { transport: { type: "stdio" }, environmentVariables };
  const packageArguments = [{ type: "positional", value: "stdio" }];
  const ofRegistry = { identifier: NAME, version: VERSION, ...common, packageArguments };
  const detail = ServerDetail.parse({
    $schema: SCHEMA,
    name: registryName(repository),
    title: NAME,
    description: SUMMARY,
    version: VERSION,
    repository: { url: repository, source: "github" },
    packages: [
      { registryType: "pypi", runtimeHint: "uvx", ...ofRegistry },
      { registryType: "npm", runtimeHint: "npx", ...ofRegistry },
      ...bundles.map(({ name, sha256 }) => ({
        registryType: "mcpb",
        identifier: `${repository}/releases/download/v${VERSION}/${name}`,
        version: VERSION,
        fileSha256: sha256,
        ...common,
      })),
    ],
  });
  return `${JSON.stringify(detail, null, 2)}\n`;
}
