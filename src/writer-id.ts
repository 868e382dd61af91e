/**
 * The writer id: what tells this client's snapshots from others' in a repository's chains. Random,
 * kept in the state directory for each repository. Losing it only begins a new chain.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { stateFolder } from "./xdg-folders.ts";

const WRITER_ID = /^[0-9a-f]{32}$/;

/** @param repositoryId 64 hex digits. @returns 32 hex digits. */
export function loadWriterId(
  repositoryId: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const file = path.join(stateFolder(environment), "writers", repositoryId);
  const known = readWriterId(file);
  if (known !== undefined) return known;
  const fresh = randomBytes(16).toString("hex");
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    // Exclusive: of two first backups at once, one's id stands for both.
    fs.writeFileSync(file, `${fresh}\n`, { flag: "wx", mode: 0o600 });
    return fresh;
  } catch {
    // Another was faster, or there is nowhere to keep it.
    return readWriterId(file) ?? fresh;
  }
}

function readWriterId(file: string): string | undefined {
  try {
    const text = fs.readFileSync(file, "utf8").trim();
    return WRITER_ID.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
