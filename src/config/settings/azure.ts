import type { Setting } from "../setting.ts";

/** Azure Blob Storage and Data Lake Storage, where traces may be kept. */
export const AZURE_SETTINGS = {
  azureConnectionString: {
    env: ["AZURE_STORAGE_CONNECTION_STRING"],
    type: "string",
    secret: true,
    group: "Azure storage",
    help:
      "Connection string of a storage account; used only with --artifact-stores, as all of these.",
  },
  azureAccessKey: {
    env: ["AZURE_STORAGE_ACCESS_KEY"],
    type: "string",
    secret: true,
    group: "Azure storage",
    help: "Key of the storage account that --artifact-stores names.",
  },
  azureSasToken: {
    env: ["AZURE_STORAGE_SAS_TOKEN"],
    type: "string",
    secret: true,
    group: "Azure storage",
    help: "Shared access signature for it.",
  },
  azureTenantId: {
    env: ["AZURE_TENANT_ID"],
    type: "string",
    group: "Azure storage",
    help: "Entra tenant of a service principal that may read it.",
  },
  azureClientId: {
    env: ["AZURE_CLIENT_ID"],
    type: "string",
    group: "Azure storage",
    help: "That service principal's application id.",
  },
  azureClientSecret: {
    env: ["AZURE_CLIENT_SECRET"],
    type: "string",
    secret: true,
    group: "Azure storage",
    help: "Its secret.",
  },
} as const satisfies Record<string, Setting>;
