import type { Config } from "../config/config.ts";
import { isWandbConfigured, wandbAppUrl, wandbBaseUrl } from "../config/wandb.ts";
import type { Log } from "../log.ts";
import { createWandb, type Wandb } from "./client.ts";
import {
  apiKeyCredentials,
  type Credentials,
  identityCredentials,
} from "../upstream/wandb_credentials.ts";

/** The client for a configuration; undefined without credentials. */
export function wandbOf(config: Config, log: Log): Wandb | undefined {
  const { settings } = config;
  const baseUrl = wandbBaseUrl(settings);
  const credentials = credentialsOf(config);
  if (!isWandbConfigured(settings) || baseUrl === undefined || credentials === undefined) {
    return undefined;
  }
  return createWandb({
    baseUrl,
    appUrl: wandbAppUrl(settings, baseUrl),
    credentials,
    entity: settings.wandbEntity,
    project: settings.wandbProject,
    timeoutMs: settings.wandbTimeout * 1000,
    log,
  });
}

/** The API key wins over an identity token; the launcher has put a netrc file's key there. */
export function credentialsOf(config: Config): Credentials | undefined {
  const { wandbApiKey, wandbIdentityTokenFile } = config.settings;
  if (wandbApiKey !== undefined) return apiKeyCredentials(wandbApiKey);
  if (wandbIdentityTokenFile !== undefined) return identityCredentials(wandbIdentityTokenFile);
  return undefined;
}
