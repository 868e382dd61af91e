/** Where this machine remembers which pack was verified when: `~/.cache/forge/checks/<repository>`. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CHECK_RECORD_BYTES_MAX, CheckRecord, isForgeError, messageOf } from "../engine/node.ts";
import { cacheFolder } from "./xdg-folders.ts";

type RepositoryId = ConstructorParameters<typeof CheckRecord>[0];

export function checkRecordFile(
  repository: RepositoryId,
  variables: Readonly<Record<string, string | undefined>>,
): string {
  return path.join(cacheFolder(variables), "checks", repository);
}

/** What is remembered; nothing, when there is no such file or it cannot be used. */
export function loadCheckRecord(
  file: string,
  repository: RepositoryId,
  warn: (message: string) => void,
): CheckRecord {
  try {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return new CheckRecord(repository);
    const { size } = statSync(file);
    if (size > CHECK_RECORD_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    return CheckRecord.decode(new Uint8Array(readFileSync(file)), repository);
  } catch (error) {
    if (isForgeError(error, "aborted")) throw error;
    warn(`${file} is not used, what was verified before is not known: ${messageOf(error)}`);
    return new CheckRecord(repository);
  }
}

/** Replaces the file as a whole. One that cannot be written costs only the memory. */
export function saveCheckRecord(
  file: string,
  record: CheckRecord,
  warn: (message: string) => void,
): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, record.encode(), { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    warn(`What was verified cannot be remembered: ${messageOf(error)}`);
  }
}
