/** The recovery sheet as a person keeps it: text, or a page that prints well. */
import type { RecoverySheet } from "../../engine/node.ts";

export interface SheetFacts {
  /** The sheet's key, shortened. */
  readonly keyId: string;
  readonly repositoryId: string;
  readonly location: string;
  readonly made: string;
}

export function recoveryText(sheet: RecoverySheet, facts: SheetFacts): string {
  return [
    "RECOVERY SHEET OF A FORGE REPOSITORY",
    "",
    ...factLines(facts),
    "",
    ...SECRET_NOTES,
    "",
    "Part A: the secret",
    "",
    ...sheet.partA.map((line) => `  ${line}`),
    "",
    ...COPY_NOTES,
    "",
    "Part B: a copy of the config and of this sheet's key, both encrypted or public",
    "",
    ...sheet.partB.map((line) => `  ${line}`),
    "",
  ].join("\n");
}

function factLines({ keyId, repositoryId, location, made }: SheetFacts): string[] {
  return [
    `Repository  ${repositoryId.slice(0, 16)}`,
    `Place       ${location}`,
    `Key         ${keyId}`,
    `Made        ${made}`,
  ];
}

const SECRET_NOTES = [
  "Whoever has part A and can read the repository can read every backup in it, without any passphrase.",
  "Keep it where you keep what must not be lost and not be found: not beside the backups.",
  "To use it: forge key import, then type lines A1 to A3. Upper or lower case, dashes and spaces do not",
  "matter; the last three characters of each line find mistakes. A forge key rotate makes it void.",
];

const COPY_NOTES = [
  'Part B is needed only when the repository\'s file "config" or its folder "keys" was lost or damaged.',
];

/** One page without anything from elsewhere; it can be opened and printed without a network. */
export function recoveryHtml(sheet: RecoverySheet, facts: SheetFacts): string {
  const block = (lines: readonly string[]): string => escapeHtml(lines.join("\n"));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Recovery sheet ${escapeHtml(facts.repositoryId.slice(0, 8))}</title>
<style>
  @page { margin: 18mm }
  body { font: 11pt/1.4 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
  pre { font: 11pt/1.6 ui-monospace, monospace; break-inside: avoid }
  pre.secret { font-size: 14pt; border: 1px solid; padding: .8em }
  pre.copy { font-size: 9pt; break-inside: auto }
</style>
<h1>Recovery sheet of a forge repository</h1>
<pre>${block(factLines(facts))}</pre>
<p>${block(SECRET_NOTES)}</p>
<h2>Part A: the secret</h2>
<pre class="secret">
${block(sheet.partA)}
</pre>
<h2>Part B: a copy of the config and of this sheet's key</h2>
<p>${block(COPY_NOTES)}</p>
<pre class="copy">
${block(sheet.partB)}
</pre>
</html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
