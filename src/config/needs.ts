/** What the configuration needs in order to reach one service. */
export interface Needs {
  /** Addresses, each with the setting that requires it. */
  readonly hosts?: readonly (readonly [url: URL, why: string])[];
  /** Files, each with the setting that requires it. */
  readonly files?: readonly (readonly [path: string, why: string])[];
  /** What is missing or invalid. */
  readonly errors?: readonly string[];
}

export function notUrl(setting: string, value: string | undefined): string {
  return `${setting}: "${withoutUser(value ?? "")}" is not an http or https URL, such as ` +
    "https://host.example.com.";
}

/** The part of an invalid URL that is safe to show: text before an @ may be a password. */
export function withoutUser(text: string): string {
  return text.replace(/(^|\/\/).*@/s, "$1***@");
}
