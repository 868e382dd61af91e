/** Session: an opened repository with everything a command needs to look into it. */
import { lstat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  type Backend,
  ForgeError,
  type IndexedRepository,
  LocalBackend,
  type NodeReadSide,
  type OpenedRepository,
  type ReadonlyFs,
  type Snapshot,
  listSnapshots,
  loadIndex,
  openReadSide,
  openRepository,
  openSnapshotFs,
} from "../../engine/node.ts";
import { isUrl } from "../config/decode-settings.ts";
import type { RepositorySettings } from "../config/settings.ts";
import type { CommandContext } from "./command.ts";
import { chooseRepository, settingsOf } from "./repository-choice.ts";
import { StorageTrust } from "./storage-trust.ts";
import { keyFileOf, passphraseOf } from "./unlock.ts";

export interface Session {
  readonly settings: RepositorySettings;
  readonly repository: IndexedRepository<Backend>;
  readonly readSide: NodeReadSide;
  /** Oldest first. Those that cannot be read were warned of. */
  readonly snapshots: readonly Snapshot[];
  /** What this machine knows of the storage. Whoever lists snapshots anew shows it the list. */
  readonly trust: StorageTrust;
  openFs(snapshot: Snapshot): Promise<ReadonlyFs>;
}

export interface SessionOptions {
  /** Verified chunks kept in memory. */
  readonly cacheBytes?: number | undefined;
  /** Decoding threads of the read side; one a processor when absent. */
  readonly threads?: number | undefined;
  /** Leave the list of snapshots empty: the command has its own way to it. */
  readonly withoutSnapshots?: boolean | undefined;
  /** Something will be written: not under keys that are older than some that were seen. */
  readonly writes?: boolean | undefined;
  /** Of `forge trust`: leave the comparison with what was seen to the command, or accept anything. */
  readonly trust?: "examine" | "accept" | undefined;
}

/** Runs `work` on the one repository the command line and the configuration mean. */
export async function withRepository<Result>(
  context: CommandContext,
  work: (session: Session) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const settings = chooseRepository(context, await settingsOf(context));
  return withSession(context, settings, work, options);
}

/** Opens `settings`' repository, runs `work`, and stops what was started on every way out. */
export async function withSession<Result>(
  context: CommandContext,
  settings: RepositorySettings,
  work: (session: Session) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const { output, signal } = context;
  return withUnlocked(context, settings, options, async (repository, trust) => {
    const onProblem = (error: ForgeError): void => output.warn(error.message);
    const [indexed, snapshots] = await Promise.all([
      loadIndex(repository, { onProblem }),
      options.withoutSnapshots === true ? [] : listSnapshots(repository, { onProblem, signal }),
    ]);
    if (options.withoutSnapshots !== true && options.trust === undefined) {
      await trust.observe(repository, snapshots, { writes: options.writes ?? false });
    }
    const readSide = openReadSide(indexed, {
      chunkCacheBytes: options.cacheBytes,
      threads: options.threads,
    });
    try {
      return await work({
        settings,
        repository: indexed,
        readSide,
        snapshots,
        trust,
        openFs: (snapshot) => openSnapshotFs(readSide, snapshot, signal),
      });
    } finally {
      await readSide.close();
    }
  });
}

/** `withSession` for commands that look into the repository in their own way: nothing is loaded. */
export async function withUnlocked<Result>(
  context: CommandContext,
  settings: RepositorySettings,
  options: Pick<SessionOptions, "trust">,
  work: (repository: OpenedRepository<Backend>, trust: StorageTrust) => Promise<Result>,
): Promise<Result> {
  const backend = await openBackend(settings);
  const trust = new StorageTrust(context, settings);
  try {
    const repository = await openRepository({
      backend,
      onIdentity: (identity) => {
        if (options.trust !== "accept") trust.checkIdentity(identity);
      },
      credentials: {
        passphrase: passphraseOf(context, settings),
        keyFile: await keyFileOf(context, settings),
      },
      signal: context.signal,
    });
    trust.remember(repository);
    return await work(repository, trust);
  } finally {
    await backend.close();
  }
}

/**
 * The storage a repository's location names.
 * @throws ForgeError "no-repository" at once when a path does not exist; "not-supported" for a URL of
 *   a kind this forge has no storage for.
 */
export async function openBackend(
  settings: RepositorySettings,
  { mustExist = true }: { readonly mustExist?: boolean } = {},
): Promise<Backend> {
  const path = localPathOf(settings);
  if (path === undefined) {
    const scheme = settings.location.slice(0, settings.location.indexOf(":"));
    throw new ForgeError(
      "not-supported",
      `Cannot open a repository by a URL of the kind ${scheme}://; use a path or file://`,
    );
  }
  if (mustExist && (await lstat(path).catch(() => undefined)) === undefined) {
    throw new ForgeError(
      "no-repository",
      `Cannot open the repository at ${path}: there is no such folder; check the path, or create one with: forge init`,
    );
  }
  return new LocalBackend(path);
}

/** The folder of a repository on this machine's disks. */
export function localPathOf({ location }: RepositorySettings): string | undefined {
  if (!isUrl(location)) return location;
  return location.startsWith("file://") ? fileURLToPath(location) : undefined;
}
