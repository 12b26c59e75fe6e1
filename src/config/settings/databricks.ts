import type { Setting } from "../setting.ts";

/** MLflow on Databricks: which workspace, and how to log in. */
export const DATABRICKS_SETTINGS = {
  databricksHost: {
    env: ["DATABRICKS_HOST"],
    flag: "databricks-host",
    type: "string",
    group: "Databricks",
    help:
      "Workspace of MLFLOW_TRACKING_URI=databricks, such as https://dbc-1.cloud.databricks.com.",
  },
  databricksToken: {
    env: ["DATABRICKS_TOKEN"],
    type: "string",
    secret: true,
    group: "Databricks",
    help: "Access token for the workspace.",
  },
  databricksClientId: {
    env: ["DATABRICKS_CLIENT_ID"],
    type: "string",
    group: "Databricks",
    help: "Service principal that logs in with OAuth, instead of a token.",
  },
  databricksClientSecret: {
    env: ["DATABRICKS_CLIENT_SECRET"],
    type: "string",
    secret: true,
    group: "Databricks",
    help: "OAuth secret of that service principal.",
  },
  databricksProfile: {
    env: ["DATABRICKS_CONFIG_PROFILE"],
    flag: "databricks-profile",
    type: "string",
    group: "Databricks",
    help: "Profile of the configuration file to take; databricks://NAME as tracking URI wins.",
  },
  databricksConfigFile: {
    env: ["DATABRICKS_CONFIG_FILE"],
    type: "string",
    group: "Databricks",
    help: "Configuration file with profiles, if it is not ~/.databrickscfg.",
  },
  databricksAuthType: {
    env: ["DATABRICKS_AUTH_TYPE"],
    type: "string",
    group: "Databricks",
    help: "Which credentials to use if there are several: pat, oauth-m2m or " +
      "azure-client-secret.",
  },
  databricksWorkspaceId: {
    env: ["DATABRICKS_WORKSPACE_ID"],
    type: "string",
    group: "Databricks",
    help: "Workspace id (the o= in its address) if one host serves several workspaces.",
  },
  sqlWarehouseId: {
    env: ["MLFLOW_TRACING_SQL_WAREHOUSE_ID"],
    flag: "sql-warehouse-id",
    type: "string",
    group: "Databricks",
    help: "SQL warehouse that reads traces kept in Unity Catalog.",
  },
  armTenantId: {
    env: ["ARM_TENANT_ID"],
    type: "string",
    group: "Databricks",
    help: "Tenant of a Microsoft Entra service principal, for Azure Databricks.",
  },
  armClientId: {
    env: ["ARM_CLIENT_ID"],
    type: "string",
    group: "Databricks",
    help: "That service principal's application id.",
  },
  armClientSecret: {
    env: ["ARM_CLIENT_SECRET"],
    type: "string",
    secret: true,
    group: "Databricks",
    help: "That service principal's secret.",
  },
  armEnvironment: {
    env: ["ARM_ENVIRONMENT"],
    type: "string",
    group: "Databricks",
    help: "Azure cloud: public, usgovernment or china.",
  },
  azureAuthorityHost: {
    env: ["AZURE_AUTHORITY_HOST"],
    type: "string",
    group: "Databricks",
    help: "Where Entra issues tokens, if not at that cloud's usual address.",
  },
  azureResourceId: {
    env: ["DATABRICKS_AZURE_RESOURCE_ID"],
    type: "string",
    group: "Databricks",
    help: "Azure resource id of the workspace, for a service principal that is not its user.",
  },
} as const satisfies Record<string, Setting>;
