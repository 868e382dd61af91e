/**
 * A source of one file whose content comes from a pipe: standard input, or the output of a command.
 * It stands in the snapshot under the path it is given.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";

import { type Bytes, EMPTY_BYTES, lossyUtf8 } from "../../base/bytes.ts";
import { ForgeError } from "../../base/errors.ts";
import { groupNameOf, pipe, userNameOf } from "../../platform/node/libc.ts";
import type { NodeType } from "../../snapshots/tree-node.ts";
import type { Source, SourceDescription, SourceEntry, SourceStat } from "../source.ts";
import { metadataOf } from "../source-metadata.ts";

export interface StreamSourceOptions {
  /** Components of the file's path in the snapshot, at least one. */
  readonly path: readonly Bytes[];
  /** Read to its end, then closed. */
  readonly fd: number;
  /** Settles with what cut the stream short, if anything did: then there is no snapshot. */
  readonly ended?: Promise<ForgeError | undefined> | undefined;
}

export function openStreamSource(options: StreamSourceOptions): Source {
  return new StreamSource(options.path, options.fd, options.ended);
}

/**
 * Runs a command and backs up its standard output. There is no snapshot unless it exits with 0.
 * @throws ForgeError "not-found" when it cannot be started is told by `confirm`.
 */
export function openCommandSource(options: {
  readonly path: readonly Bytes[];
  readonly command: readonly [string, ...string[]];
  /** Ends the command, and with it the stream that is read. */
  readonly signal?: AbortSignal | undefined;
}): Source {
  const [program, ...args] = options.command;
  const [readFd, writeFd] = pipe();
  const child = spawn(program, args, {
    stdio: ["ignore", writeFd, "inherit"],
    signal: options.signal,
  });
  closeSync(writeFd);
  return new StreamSource(options.path, readFd, ended(child, options.command.join(" ")));
}

/** Settles with the command's success. */
function ended(child: ChildProcess, command: string): Promise<ForgeError | undefined> {
  return new Promise((resolve) => {
    child.on("error", (error) => {
      resolve(
        new ForgeError("not-found", `Cannot run "${command}": ${error.message}; nothing was saved`),
      );
    });
    child.on("close", (code, signal) => {
      if (code === 0) resolve(undefined);
      const how = code === null ? `was ended by ${signal ?? "a signal"}` : `exited with ${code}`;
      resolve(
        new ForgeError("io", `The command "${command}" ${how}; its output was not made a snapshot`),
      );
    });
  });
}

class StreamSource implements Source {
  readonly root: SourceEntry;
  readonly #path: readonly Bytes[];
  readonly #fd: number;
  readonly #failure: Promise<ForgeError | undefined> | undefined;
  readonly #depths = new Map<SourceEntry, number>();
  readonly #timeNs: bigint = BigInt(Date.now()) * 1_000_000n;

  constructor(
    path: readonly Bytes[],
    fd: number,
    failure: Promise<ForgeError | undefined> | undefined,
  ) {
    this.#path = path;
    this.#fd = fd;
    this.#failure = failure;
    this.root = this.#entry(EMPTY_BYTES, 0, "directory");
  }

  list(directory: SourceEntry): ReturnType<Source["list"]> {
    const depth = this.#depths.get(directory) ?? 0;
    const name = this.#path[depth];
    const isFile = depth + 1 === this.#path.length;
    const entries =
      name === undefined ? [] : [this.#entry(name, depth + 1, isFile ? "file" : "directory")];
    return { entries, problems: [], close: () => undefined };
  }

  describe(entry: SourceEntry): SourceDescription {
    return { metadata: metadataOf(entry.stat, this, []), linkTarget: undefined };
  }

  userName(uid: number): string {
    return userNameOf(uid);
  }

  groupName(gid: number): string {
    return groupNameOf(gid);
  }

  displayPath(): string {
    return `/${this.#path.map(lossyUtf8).join("/")}`;
  }

  async confirm(): Promise<void> {
    const failure = await this.#failure;
    if (failure !== undefined) throw failure;
  }

  close(): void {
    // The descriptor was closed by who read it.
  }

  #entry(name: Bytes, depth: number, type: NodeType): SourceEntry {
    const stat: SourceStat = {
      type,
      mode: type === "file" ? 0o600 : 0o700,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      sizeBytes: 0,
      mtimeNs: this.#timeNs,
      ctimeNs: this.#timeNs,
      atimeNs: this.#timeNs,
      device: 0n,
      inode: BigInt(depth),
      linkCount: 1,
      deviceMajor: 0,
      deviceMinor: 0,
    };
    const fd = type === "file" ? this.#fd : undefined;
    const entry: SourceEntry = { name, stat, openPath: EMPTY_BYTES, fd };
    this.#depths.set(entry, depth);
    return entry;
  }
}
