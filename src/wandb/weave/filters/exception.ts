/**
 * Texts that the stored form of an exception holds when what is shown of it (`ValueError: bad`) is
 * this text, or holds it. Besides plain text, clients store JSON: Python's
 * `{"type": "ValueError", "message": "bad", …}` in ASCII, JavaScript's without blanks.
 */
export function storedExceptions(text: string, whole: boolean): string[] {
  const python = asciiOnly(inQuotes(text));
  const parts = whole ? [] : [python, inQuotes(text)].filter((one) => one !== text);
  const at = text.indexOf(": ");
  if (at < 0) return [...new Set(parts)];
  const [type, message] = [text.slice(0, at), text.slice(at + 2)].map(inQuotes);
  const forms = [[", ", ": "], [",", ":"]].map(([comma, colon]) => {
    const body = `${type}"${comma}"message"${colon}"${message}`;
    return whole ? `"type"${colon}"${body}"` : body;
  });
  return [...new Set([...parts, ...forms, ...forms.map(asciiOnly)])];
}

/** A text as it stands within the quotes of JSON. */
function inQuotes(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function asciiOnly(json: string): string {
  return json.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
