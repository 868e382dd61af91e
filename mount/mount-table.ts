/** What is mounted where, from `/proc/self/mountinfo`: reading it never touches a dead mount. */
import { readFile } from "node:fs/promises";
import { readFileSync } from "node:fs";

export interface MountTableEntry {
  /** "0:57": names the mount under /sys/class/bdi; the minor also under /sys/fs/fuse/connections. */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
}

const MOUNT_TABLE = "/proc/self/mountinfo";

/** The topmost mount exactly at `path` (absolute, without symlinks); none where there is no /proc. */
export async function findMount(path: string): Promise<MountTableEntry | undefined> {
  try {
    return find(await readFile(MOUNT_TABLE, "latin1"), path);
  } catch {
    return undefined;
  }
}

/** As `findMount`, for the way out, where nothing can wait any more. */
export function findMountSync(path: string): MountTableEntry | undefined {
  try {
    return find(readFileSync(MOUNT_TABLE, "latin1"), path);
  } catch {
    return undefined;
  }
}

/** Later lines lie over earlier ones. */
function find(table: string, path: string): MountTableEntry | undefined {
  return decodeMountTable(table).findLast((entry) => entry.mountPoint === path);
}

/**
 * Lines of `id parent major:minor root mount-point options … - type source options`.
 * @param table One character per byte (latin1); spaces and the like inside a path are `\040`.
 * @see proc_pid_mountinfo(5)
 */
export function decodeMountTable(table: string): readonly MountTableEntry[] {
  return table.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const device = fields[2];
    const mountPoint = fields[4];
    const type = fields[fields.indexOf("-", 6) + 1];
    if (device === undefined || mountPoint === undefined || type === undefined) return [];
    return [{ device, mountPoint: unescapePath(mountPoint), type }];
  });
}

function unescapePath(text: string): string {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
