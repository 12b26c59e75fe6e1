import { settingKeys } from "../config/resolve.ts";
import type { Setting } from "../config/setting.ts";
import { SETTINGS, type Settings } from "../config/settings.ts";
import { isWandbConfigured } from "../config/wandb.ts";
import { defined } from "../core/values.ts";
import type { Health, HealthCheck } from "../mcp/backend.ts";
import { toFailureReport } from "../mcp/result.ts";
import { print } from "./output.ts";
import type { Program } from "./program.ts";
import { findRemedy } from "./troubles.ts";

/** Time limit for checking all servers, in milliseconds. */
const PATIENCE = 30_000;
/** Clock difference, in seconds, above which there is a warning. */
const CLOCK_LIMIT = 60;

/** Something that is or may be wrong. */
interface Finding {
  readonly level: "error" | "warning";
  readonly problem: string;
  readonly fix?: string;
}

/** The result of checking one server. */
interface Visit extends Omit<Health, "skew"> {
  readonly name: string;
  readonly address: string;
  readonly ok: boolean;
  readonly milliseconds: number;
  /** How far its clock is ahead of this machine's, in seconds. */
  readonly clock_ahead?: number;
}

/** `wandflow doctor`. Exit code 0 if nothing is wrong, else 1. */
export async function doctorCommand(program: Program): Promise<number> {
  const { config, catalog, log } = program;
  const { origin, proxies } = config;
  const signal = AbortSignal.timeout(PATIENCE);
  const visits = await Promise.all(catalog.checks.map((check) => visit(program, check, signal)));
  const findings = [...visits.flatMap(({ findings }) => findings), ...listFindings(program)];
  const report = {
    version: config.version,
    settings: settingRows(program),
    reaches: (origin?.access.net ?? []).map((host) => reason("host", host, program)),
    reads: (origin?.access.read ?? []).map((file) => reason("file", file, program)),
    back_ends: visits.map(({ visit }) => visit),
    tools: {
      listed: catalog.tools.map(({ name }) => name),
      not_listed: catalog.absences,
    },
    proxies: defined({ http: proxies?.http, https: proxies?.https, except: proxies?.except }),
    certificates: Object.fromEntries(
      Object.entries(origin?.runtime ?? {}).filter(([name]) => /_CERT|_CA_/.test(name)),
    ),
    findings,
  };
  const text = config.options.json === true ? JSON.stringify(report, null, 2) : render(report);
  print(log.redact(text));
  return findings.some(({ level }) => level === "error") ? 1 : 0;
}

function reason(key: "host" | "file", entry: string, { config }: Program) {
  return { [key]: entry, why: config.origin?.access.why[entry] ?? "" };
}

/** Every setting that is set with its source, and every secret with whether it is set. */
function settingRows({ config }: Program) {
  return settingKeys().flatMap((key) => {
    const setting: Setting = SETTINGS[key];
    const [name = key] = setting.env;
    const value: unknown = config.settings[key];
    const source = config.origin?.sources[key];
    if (setting.secret === true) {
      const present = value !== undefined;
      const from = source ?? (present ? "the netrc file" : undefined);
      return [{ name, value: present ? "present" : "absent", ...defined({ from }) }];
    }
    if (value === undefined || (source === undefined && key !== "trackingUri")) return [];
    return [{ name, value: [value].flat().join(","), from: source ?? "the working folder" }];
  });
}

async function visit(
  { log }: Program,
  check: HealthCheck,
  signal: AbortSignal,
): Promise<{ visit: Visit; findings: Finding[] }> {
  const { name, address, optional } = check;
  const began = performance.now();
  const about = () => ({ name, address, milliseconds: Math.round(performance.now() - began) });
  try {
    const { skew, ...health } = await check.run(signal);
    const ahead = skew === undefined ? undefined : Math.round(skew / 1000);
    const off = ahead === undefined ? 0 : Math.abs(ahead);
    return {
      visit: { ...about(), ok: true, ...health, ...defined({ clock_ahead: ahead }) },
      findings: [
        ...(off <= CLOCK_LIMIT ? [] : [
          finding(
            "warning",
            `The clock of ${name} is ${off} seconds ${
              (ahead ?? 0) > 0 ? "ahead of" : "behind"
            } this machine's.`,
          ),
        ]),
        ...await findWrongDefaults(check, log, signal),
      ],
    };
  } catch (error) {
    const { message, hint } = toFailureReport(error, log);
    return {
      visit: { ...about(), ok: false },
      findings: [finding(optional ? "warning" : "error", message, hint)],
    };
  }
}

/** Names in the settings that every call which relies on them would fail with. */
async function findWrongDefaults(
  check: HealthCheck,
  log: Program["log"],
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    await check.defaults?.(signal);
    return [];
  } catch (error) {
    const { message, hint } = toFailureReport(error, log);
    return [finding("error", message, hint)];
  }
}

/** What is wrong with the configuration itself. */
function listFindings({ config, catalog }: Program): Finding[] {
  const { origin, settings, notes } = config;
  const runtime = origin?.runtime ?? {};
  return [
    ...(catalog.tools.length === 0 ? [explainNoTools(config.settings, catalog.absences)] : []),
    ...notes.map(({ message }) => finding("warning", message)),
    ...(settings.insecureTls
      ? [finding("warning", "MLFLOW_TRACKING_INSECURE_TLS is set: no certificate is checked.")]
      : []),
    // Executables are built with telemetry switched off.
    ...["SSLKEYLOGFILE", ...(origin?.program === undefined ? ["OTEL_DENO"] : [])].flatMap((name) =>
      runtime[name] === undefined
        ? []
        : [finding("warning", `${name} is set; no permission limits what it does.`)]
    ),
  ];
}

/** The usual remedy, or why what is configured gives no tools. */
function explainNoTools(settings: Settings, absences: readonly string[]): Finding {
  const problem = "No tools are listed.";
  const configured = settings.trackingUri !== undefined || isWandbConfigured(settings);
  if (!configured) return finding("error", problem);
  const fix = absences.join(" ") ||
    "--toolsets, --tools or --exclude-tools leaves all of them out.";
  return { level: "error", problem, fix };
}

function finding(level: Finding["level"], problem: string, hint?: string): Finding {
  return { level, problem, ...defined({ fix: findRemedy(problem) ?? hint }) };
}

interface Report {
  readonly version: string;
  readonly settings: readonly { name: string; value: string; from?: string }[];
  readonly reaches: readonly Readonly<Record<string, string>>[];
  readonly reads: readonly Readonly<Record<string, string>>[];
  readonly back_ends: readonly Visit[];
  readonly tools: { readonly listed: readonly string[]; readonly not_listed: readonly string[] };
  readonly proxies: { readonly http?: string; readonly https?: string };
  readonly certificates: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

function render(report: Report): string {
  const { settings, reaches, reads, back_ends, tools, proxies, certificates, findings } = report;
  const parts: (readonly [string, readonly string[]])[] = [
    [
      "Settings",
      settings.map(({ name, value, from }) =>
        `${name}: ${value}${from === undefined || from === name ? "" : ` (from ${from})`}`
      ),
    ],
    ["May reach", reaches.map(({ host, why }) => `${host} (${why})`)],
    ["May read", reads.map(({ file, why }) => `${file} (${why})`)],
    [
      "Back ends",
      back_ends.map(({ name, address, ok, version, user, milliseconds }) =>
        [
          `${ok ? "ok    " : "FAILED"} ${name} at ${address}`,
          ...(version === undefined ? [] : [`version ${version}`]),
          ...(user === undefined ? [] : [`as ${user}`]),
          ...(ok ? [`${milliseconds} ms`] : []),
        ].join(", ")
      ),
    ],
    ["Tools", [
      `${tools.listed.length} listed${
        tools.listed.length === 0 ? "" : `: ${tools.listed.join(", ")}`
      }`,
      ...tools.not_listed,
    ]],
    [
      "Proxies",
      (["http", "https"] as const).flatMap((scheme) => {
        const proxy = proxies[scheme];
        return proxy === undefined ? [] : [`${scheme}: ${proxy}`];
      }),
    ],
    ["Certificates", Object.entries(certificates).map(([name, value]) => `${name}: ${value}`)],
    [
      "Findings",
      findings.map(({ level, problem, fix }) =>
        `${level}: ${problem}${fix === undefined ? "" : `\n         ${fix}`}`
      ),
    ],
  ];
  return [
    `wandflow ${report.version}`,
    ...parts.flatMap(([title, lines]) =>
      lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)]
    ),
    ...(findings.length === 0 ? ["", "Nothing is wrong."] : []),
  ].join("\n");
}
