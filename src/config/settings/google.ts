import type { Setting } from "../setting.ts";

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
