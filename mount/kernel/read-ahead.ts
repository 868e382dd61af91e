/**
 * The kernel's read-ahead for the mount, 128 KiB by default: with 10 ms behind every read it is what
 * keeps a sequential reader at 25 MB/s instead of 500. Only root may raise it.
 */
import { writeFile } from "node:fs/promises";

const READ_AHEAD_KIB = 4096;

/**
 * Best effort: a mount with little read-ahead is slow, not wrong. Others rely on `prefetch.ts`.
 * @param device "major:minor" of the mount.
 */
export async function raiseReadAhead(device: string): Promise<void> {
  const path = `/sys/class/bdi/${device}/read_ahead_kb`;
  await writeFile(path, String(READ_AHEAD_KIB)).catch(() => undefined);
}
