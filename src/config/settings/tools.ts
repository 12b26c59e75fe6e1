import type { Setting } from "../setting.ts";

/** The tools: which are listed, and their limits. */
export const TOOLS_SETTINGS = {
  toolsets: {
    env: ["WANDFLOW_TOOLSETS"],
    flag: "toolsets",
    type: "list",
    narrows: true,
    group: "Tools",
    help:
      "List only these toolsets: whole names or parts of them, such as mlflow (comma separated).",
  },
  tools: {
    env: ["WANDFLOW_TOOLS"],
    flag: "tools",
    type: "list",
    narrows: true,
    group: "Tools",
    help: "List only these tools (comma separated).",
  },
  excludeTools: {
    env: ["WANDFLOW_EXCLUDE_TOOLS"],
    flag: "exclude-tools",
    type: "list",
    narrows: true,
    group: "Tools",
    help: "Leave out these tools or toolsets, such as pictures (comma separated).",
  },
  readOnly: {
    env: ["WANDFLOW_READ_ONLY"],
    flag: "read-only",
    type: "boolean",
    narrows: true,
    default: false,
    group: "Tools",
    help: "Leave out every tool that writes or deletes.",
  },
  hideFixed: {
    env: ["WANDFLOW_HIDE_FIXED"],
    flag: "hide-fixed",
    type: "boolean",
    default: false,
    group: "Tools",
    help: "Do not list arguments that the configuration sets: experiment, entity, project. Calls " +
      "may still pass others.",
  },
  trustConfirm: {
    env: ["WANDFLOW_TRUST_CONFIRM"],
    flag: "trust-confirm",
    type: "boolean",
    default: false,
    group: "Tools",
    help: "Accept `confirm: true` as consent even if the client could ask its user.",
  },
  maxResponseTokens: {
    env: ["MAX_RESPONSE_TOKENS"],
    flag: "max-response-tokens",
    type: "integer",
    min: 1,
    group: "Tools",
    help: "Most tokens in one answer. Default: the client's limit if it passes one on, else 10000.",
  },
} as const satisfies Record<string, Setting>;
