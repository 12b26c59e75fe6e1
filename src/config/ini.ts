/** A section of an INI file; the library takes dots in names for levels. */
export function findSection(sections: unknown, name: string): unknown {
  const whole = membersOf(sections).get(name);
  if (whole !== undefined) return whole;
  return name.split(".").reduce<unknown>((node, part) => membersOf(node).get(part), sections);
}

/** The members of a section, or of whatever else was read. */
export function membersOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}
