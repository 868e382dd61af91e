/** Mounting and unmounting. @see mount(2), umount2(2) */
import type { Bytes } from "../../../base/bytes.ts";
import { cString, freshCString } from "./c-string.ts";
import { checked, libraryFunction } from "./library.ts";

// linux/mount.h
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
// linux/fs.h (umount2)
export const MNT_FORCE = 1;
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** mount(2). @param data options as text, for fuse `fd=…,rootmode=…,user_id=…,group_id=…`. */
export function mount(options: {
  readonly source: Bytes;
  readonly target: Bytes;
  readonly type: Bytes;
  readonly flags: number;
  readonly data: Bytes;
}): void {
  const [source, target] = [freshCString(options.source), freshCString(options.target)];
  const [type, data] = [freshCString(options.type), freshCString(options.data)];
  checked("mount", mountOf()(source, target, type, options.flags, data));
}

export function umount2(path: Bytes, flags: number): void {
  checked("umount2", umount2Of()(cString(path), flags));
}

type C = Uint8Array;
const mountOf = libraryFunction<(source: C, target: C, type: C, flags: number, data: C) => number>(
  "int mount(const void *source, const void *target, const void *type, uint64_t flags, const void *data)",
);
const umount2Of = libraryFunction<(path: C, flags: number) => number>(
  "int umount2(const void *path, int flags)",
);
