/** fcntl(2) with a number. */
import { libraryFunction } from "./library.ts";

/** @returns what the system does, −1 for a failure. */
export function fcntl(fd: number, command: number, value: number): number {
  return fcntlOf()(fd, command, value);
}

// Variadic in C; Linux on x86-64 and arm64 passes those arguments like named ones.
const fcntlOf = libraryFunction<(fd: number, command: number, value: number) => number>(
  "int fcntl(int fd, int command, int value)",
);
