/** Flags of open descriptors. @see linux/fcntl.h, asm-generic/fcntl.h */
import { constants } from "node:fs";

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
export const O_DIRECTORY: number = constants.O_DIRECTORY;
export const O_NOFOLLOW: number = constants.O_NOFOLLOW;
export const O_NONBLOCK: number = constants.O_NONBLOCK;
