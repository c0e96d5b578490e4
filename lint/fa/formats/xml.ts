/**
 * Text in XML, whatever is in it: names of files and messages may hold quotes, angle brackets and characters that XML does not have.
 */

/** Escapes a text for an attribute or for between tags. Line ends and tabs survive in an attribute only as references. */
export function escapeXml(text: string): string {
  return text.toWellFormed()
    // XML 1.0 has no way to write these, not even as references.
    .replace(/(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu, "")
    .replace(/[&<>"'\t\n\r]/g, (char) => REFERENCES[char] ?? char);
}

const REFERENCES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** Returns the attributes of a tag, each with a blank before it. */
export function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values).map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`).join("");
}
