/** Text in XML: one rule for names of any content, in elements and in attributes. */

/** What has to be escaped, and what XML 1.0 cannot hold at all, not even escaped. */
const SPECIAL = /[&<>"'\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g;
const IS_PLAIN = /^[\w ./~()[\]{}+=@$,;:!#%^-]*$/;

/** Escapes for XML and HTML. Characters that XML forbids become U+FFFD. */
export function escapeXml(text: string): string {
  return IS_PLAIN.test(text) ? text : text.replace(SPECIAL, escapeChar);
}

function escapeChar(char: string): string {
  switch (char) {
    case "&":
      return "&amp;";
    case "<":
      return "&lt;";
    case ">":
      return "&gt;";
    case '"':
      return "&quot;";
    case "'":
      return "&#39;";
    default: {
      const code = char.charCodeAt(0);
      // As they are, parsers would make spaces or line ends of them.
      if (code === 9 || code === 10 || code === 13) return `&#${code};`;
      return code >= 0x7f && code < 0xa0 ? `&#${code};` : "\ufffd";
    }
  }
}
