/** What one service has to be reached by, as far as the configuration uses it. */
export interface Needs {
  /** Addresses, and the setting that each follows from. */
  readonly hosts?: readonly (readonly [url: URL, why: string])[];
  /** Files, likewise. */
  readonly files?: readonly (readonly [path: string, why: string])[];
  /** What is missing or cannot be understood. */
  readonly errors?: readonly string[];
}

export function notUrl(setting: string, value: string | undefined): string {
  return `${setting}: "${withoutUser(value ?? "")}" is not an http or https URL, such as ` +
    "https://host.example.com.";
}

/** An address that is no URL, as far as it may be shown: what precedes an @ may be a password. */
export function withoutUser(text: string): string {
  return text.replace(/(^|\/\/).*@/s, "$1***@");
}
