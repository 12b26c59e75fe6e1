import type { Config } from "../config/config.ts";
import { isWandbConfigured, wandbAppUrl, wandbBaseUrl } from "../config/wandb.ts";
import type { Log } from "../core/log.ts";
import { credentialsFor } from "../http/wandb_credentials.ts";
import { createWandb, type Wandb } from "./client.ts";

/** The client for a configuration; undefined without credentials. */
export function wandbOf(config: Config, log: Log): Wandb | undefined {
  const { settings } = config;
  const baseUrl = wandbBaseUrl(settings);
  const credentials = credentialsFor(settings.wandbApiKey, settings.wandbIdentityTokenFile);
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
