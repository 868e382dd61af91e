/** The table of the process's open descriptors. */
import { closeSync } from "node:fs";
import { fcntl } from "./fcntl.ts";

// linux/fcntl.h
const F_DUPFD_CLOEXEC = 1030;

/**
 * Makes room for descriptors up to `count − 1` at once, where the system allows so many. For that
 * standard input is opened a second time, far up, and closed again.
 */
export function reserveDescriptors(count: number): void {
  const fd = fcntl(0, F_DUPFD_CLOEXEC, count - 1);
  if (fd >= 0) closeSync(fd);
}
