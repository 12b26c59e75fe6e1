import type { Setting } from "../setting.ts";

/** AWS: signed requests to a tracking server, and traces kept in S3. */
export const AWS_SETTINGS = {
  signRequests: {
    env: ["MLFLOW_TRACKING_AWS_SIGV4"],
    type: "boolean",
    default: false,
    group: "AWS",
    help: "Sign requests to the tracking server with AWS credentials (service execute-api).",
  },
  awsAccessKeyId: {
    env: ["AWS_ACCESS_KEY_ID"],
    type: "string",
    group: "AWS",
    help: "Access key; used only with MLFLOW_TRACKING_AWS_SIGV4 or --artifact-stores.",
  },
  awsSecretAccessKey: {
    env: ["AWS_SECRET_ACCESS_KEY"],
    type: "string",
    secret: true,
    group: "AWS",
    help: "Secret of that access key.",
  },
  awsSessionToken: {
    env: ["AWS_SESSION_TOKEN"],
    type: "string",
    secret: true,
    group: "AWS",
    help: "Session token of temporary keys.",
  },
  awsRegion: {
    env: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    type: "string",
    group: "AWS",
    help: "Region that requests are signed for.",
  },
  awsProfile: {
    env: ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"],
    type: "string",
    group: "AWS",
    help: "Profile in AWS's files, used if the environment has no keys.",
  },
  awsCredentialsFile: {
    env: ["AWS_SHARED_CREDENTIALS_FILE"],
    type: "string",
    group: "AWS",
    help: "AWS's credentials file, if it is not ~/.aws/credentials.",
  },
  awsConfigFile: {
    env: ["AWS_CONFIG_FILE"],
    type: "string",
    group: "AWS",
    help: "AWS's configuration file, if it is not ~/.aws/config.",
  },
  awsRoleArn: {
    env: ["AWS_ROLE_ARN"],
    type: "string",
    group: "AWS",
    help: "Role to assume with a web identity token.",
  },
  awsIdentityTokenFile: {
    env: ["AWS_WEB_IDENTITY_TOKEN_FILE"],
    type: "string",
    group: "AWS",
    help: "File with that token, read again for each session.",
  },
  awsSessionName: {
    env: ["AWS_ROLE_SESSION_NAME"],
    type: "string",
    default: "wandflow",
    group: "AWS",
    help: "Name of the session, for AWS's own logs.",
  },
  awsStsEndpoint: {
    env: ["AWS_ENDPOINT_URL_STS"],
    type: "string",
    group: "AWS",
    help: "Where roles are assumed, if not at https://sts.REGION.amazonaws.com.",
  },
  s3Endpoint: {
    env: ["MLFLOW_S3_ENDPOINT_URL"],
    type: "string",
    group: "AWS",
    help: "S3-compatible store in place of AWS's, such as https://minio.example.com.",
  },
} as const satisfies Record<string, Setting>;

/** Azure Blob Storage and Data Lake Storage, where traces may be kept. */
export const AZURE_SETTINGS = {
  azureConnectionString: {
    env: ["AZURE_STORAGE_CONNECTION_STRING"],
    type: "string",
    secret: true,
    group: "Azure storage",
    help:
      "Connection string of a storage account; used only with --artifact-stores, like all of these.",
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

/** Google Cloud Storage, where traces may be kept. */
export const GOOGLE_SETTINGS = {
  googleCredentialsFile: {
    env: ["GOOGLE_APPLICATION_CREDENTIALS"],
    type: "string",
    group: "Google Cloud Storage",
    help: "Key file of a service account; used only with --artifact-stores.",
  },
  gcsEndpoint: {
    env: ["STORAGE_EMULATOR_HOST"],
    type: "string",
    group: "Google Cloud Storage",
    help:
      "Emulator in place of Google's, such as http://localhost:4443; asked without credentials " +
      "where no key file is set.",
  },
} as const satisfies Record<string, Setting>;
