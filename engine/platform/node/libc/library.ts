/**
 * The C library of the system, glibc or musl: loaded at the first call, each function looked up at
 * its first use, and what failed told by errno. Each thread loads its own.
 */
import type * as Koffi from "koffi";
import { ForgeError, messageOf } from "../../../base/errors.ts";
import { ErrnoError } from "../errno-error.ts";
import { loadKoffi } from "../koffi.ts";

/**
 * A function that is looked up at its first use. The type argument states in TypeScript what the
 * definition states in C; nothing can check that the two agree but the tests.
 */
export function libraryFunction<Call>(definition: string): () => Call {
  let call: Call | undefined;
  return () => (call ??= find(definition) as Call);
}

function find(definition: string): unknown {
  const { library } = loaded();
  try {
    return library.func(definition);
  } catch (cause) {
    const message = `Cannot find a function in the system's C library: ${definition}`;
    throw new ForgeError("not-supported", message, { cause });
  }
}

/** `result` when it is not an error. Reads errno at once: nothing may come in between. */
export function checked(syscall: string, result: number): number {
  if (result >= 0) return result;
  throw new ErrnoError(lastErrno(), syscall);
}

/** errno of the last call of this thread, valid until the next. */
export function lastErrno(): number {
  return loaded().koffi.errno();
}

/** Where `memory` is, for a pointer inside a structure; valid as long as `memory` is held. */
export function addressOf(memory: ArrayBuffer): bigint {
  return loaded().koffi.address(memory);
}

interface Loaded {
  readonly koffi: typeof Koffi;
  readonly library: Koffi.LibraryHandle;
}

let loadedOnce: Loaded | undefined;

function loaded(): Loaded {
  return (loadedOnce ??= load());
}

function load(): Loaded {
  if (process.platform !== "linux") {
    throw new ForgeError(
      "not-supported",
      `Cannot use the system's C library on ${process.platform}: only Linux is supported`,
    );
  }
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names = ["libc.so.6", `libc.musl-${machine}.so.1`];
  const causes: string[] = [];
  for (const name of names) {
    try {
      const koffi = loadKoffi();
      return { koffi, library: koffi.load(name) };
    } catch (error) {
      causes.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new ForgeError(
    "not-supported",
    `Cannot load the system's C library (${causes.join("; ")}); forge needs glibc or musl and the npm package koffi`,
  );
}
