/**
 * StorageTrust: compares what a storage shows with what this machine saw there before, as ssh does
 * with host keys: another repository in the known place is refused, missing snapshots are told with
 * evidence. `forge trust --accept` takes the present state as right.
 */
import {
  ForgeError,
  type FreshnessFault,
  NOTHING_SEEN,
  type OpenedRepository,
  type Repository,
  type RepositoryIdentity,
  type SeenHead,
  type Snapshot,
  acceptState,
  examineFreshness,
} from "../../engine/node.ts";
import type { RepositorySettings } from "../config/settings.ts";
import { describeFault, formatMs } from "../pins/freshness-text.ts";
import { type PlacePin, type RepositoryPin, encodeRepositoryPin } from "../pins/pin-codec.ts";
import { PinStore } from "../pins/pin-store.ts";
import { stateFolder } from "../xdg-folders.ts";
import type { CommandContext } from "./command.ts";
import { plural, shortId } from "./format.ts";

/** Faults told one by one; the rest are counted. */
const TOLD_MAX = 5;
const HOW_TO_ACCEPT = "if you know why, take it as right with: forge trust --accept";

export class StorageTrust {
  readonly #context: CommandContext;
  readonly #location: string;
  readonly #pins: PinStore;
  readonly #told = new Set<string>();
  #pin: RepositoryPin | undefined;

  constructor(context: CommandContext, settings: Pick<RepositorySettings, "location">) {
    const { output, environment } = context;
    this.#context = context;
    this.#location = settings.location;
    this.#pins = new PinStore({
      folder: stateFolder(environment.variables),
      onUnreadable: (message) => output.warn(message),
      onUnwritable: (message) => output.detail(message),
    });
  }

  /** What is remembered of the repository. */
  get pin(): RepositoryPin | undefined {
    return this.#pin;
  }

  /**
   * Before the passphrase is asked for.
   * @throws ForgeError "untrusted-storage" when the place has another repository than the known one, or
   *   the known one with another config.
   */
  checkIdentity({ config, fingerprint }: RepositoryIdentity): void {
    const place = this.#pins.readPlace(this.#location);
    if (place !== undefined && !place.repositories.some(({ id }) => id === config.id)) {
      const known = place.repositories
        .map(({ id, sinceMs }) => `${shortId(id)}, known here since ${formatMs(sinceMs)}`)
        .join("; ");
      throw new ForgeError(
        "untrusted-storage",
        `Cannot trust the repository at ${this.#location}: it is ${shortId(config.id)}, made ${formatMs(config.createdMs)}, and this machine knows another one in this place (${known}); it was replaced, or another disk is there; ${HOW_TO_ACCEPT}`,
        { context: { repositoryId: config.id } },
      );
    }
    const pin = this.#pins.readRepository(config.id);
    if (pin === undefined || pin.fingerprint === fingerprint) return;
    throw new ForgeError(
      "untrusted-storage",
      `Cannot trust the repository at ${this.#location}: its config is not the one that this machine has known since ${formatMs(pin.firstSeenMs)}, though it names the same repository ${shortId(config.id)}; a config never changes, so someone replaced it; ${HOW_TO_ACCEPT}`,
      { context: { repositoryId: config.id } },
    );
  }

  /** After a key has proven the repository genuine: from now on it is known in this place. */
  remember(repository: Pick<OpenedRepository, "config" | "fingerprint">): void {
    this.#rememberRepository(repository);
    const known = this.#pins.readPlace(this.#location)?.repositories ?? [];
    if (!known.some(({ id }) => id === repository.config.id)) {
      this.#rememberPlace(known, repository);
    }
  }

  /** A new repository takes the place of whatever was there. */
  rememberNew(repository: Pick<OpenedRepository, "config" | "fingerprint">): void {
    this.#rememberRepository(repository);
    // In one write: a place that is known to have no repository would be one to be wary of.
    this.#rememberPlace([], repository);
  }

  #rememberRepository({
    config,
    fingerprint,
  }: Pick<OpenedRepository, "config" | "fingerprint">): void {
    this.#pin = this.#pins.readRepository(config.id);
    if (this.#pin?.fingerprint === fingerprint) return;
    const firstSeenMs = this.#pin?.firstSeenMs ?? Date.now();
    const seen = this.#pin?.seen ?? NOTHING_SEEN;
    this.#pin = { repositoryId: config.id, fingerprint, firstSeenMs, seen };
    this.#pins.writeRepository(this.#pin);
  }

  #rememberPlace(
    known: PlacePin["repositories"],
    { config }: Pick<OpenedRepository, "config">,
  ): void {
    this.#pins.writePlace({
      location: this.#location,
      repositories: [...known, { id: config.id, sinceMs: Date.now() }],
    });
  }

  /**
   * Compares a fresh list of snapshots with what was seen, tells what is wrong, and remembers the rest.
   * @param options.writes Whether something will be written: not under keys of before a rotation.
   * @throws ForgeError "untrusted-storage" with --strict-freshness, and for old keys when writing.
   */
  async observe(
    repository: Repository,
    snapshots: readonly Snapshot[],
    { writes = false }: { readonly writes?: boolean } = {},
  ): Promise<void> {
    const { output, signal } = this.#context;
    const faults = await this.examine(repository, snapshots);
    const oldKeys = faults.find(({ kind }) => kind === "old-keys");
    if (writes && oldKeys !== undefined) throw this.#refusal([oldKeys], "Cannot write to");
    if (faults.length === 0 || signal.aborted) return;
    if (this.#context.globals.strictFreshness) throw this.#refusal(faults, "Cannot trust");
    const fresh = faults.map(describeFault).filter((text) => !this.#told.has(text));
    for (const text of fresh) this.#told.add(text);
    for (const text of fresh.slice(0, TOLD_MAX)) output.warn(text);
    if (fresh.length > TOLD_MAX) output.warn(`and ${fresh.length - TOLD_MAX} more of the kind`);
    if (fresh.length > 0) {
      output.warn(
        `the storage of ${this.#location} was set back to an older copy, or hides something; ${HOW_TO_ACCEPT}`,
      );
    }
  }

  /** The faults alone; what is in order is remembered. */
  async examine(
    repository: Repository,
    snapshots: readonly Snapshot[],
  ): Promise<readonly FreshnessFault[]> {
    const { output, signal } = this.#context;
    // Another forge may have seen or accepted more since: a mount lives for weeks.
    const pin = this.#pins.readRepository(repository.config.id) ?? this.#pin;
    this.#pin = pin;
    const { faults, next } = await examineFreshness(repository, snapshots, {
      seen: pin?.seen ?? NOTHING_SEEN,
      nowMs: Date.now(),
      onProblem: (error) => output.warn(error.message),
      signal,
    });
    if (pin !== undefined) this.#keep({ ...pin, seen: next });
    return faults;
  }

  /** Takes what the storage shows now as right. */
  accept(repository: Repository, snapshots: readonly Snapshot[]): void {
    if (this.#pin === undefined) return;
    this.#keep({ ...this.#pin, seen: acceptState(repository, snapshots, Date.now()) });
  }

  /** The last snapshot of a writer that this machine has seen, also when the storage hides it. */
  headOf(writer: string): SeenHead | undefined {
    return this.#pin?.seen.heads.get(writer);
  }

  #keep(pin: RepositoryPin): void {
    const before = this.#pin;
    this.#pin = pin;
    if (before !== undefined && encodeRepositoryPin(before) === encodeRepositoryPin(pin)) return;
    this.#pins.writeRepository(pin);
  }

  #refusal(faults: readonly FreshnessFault[], attempt: string): ForgeError {
    const texts = faults.slice(0, TOLD_MAX).map(describeFault);
    if (faults.length > TOLD_MAX) texts.push(plural(faults.length - TOLD_MAX, "more fault"));
    return new ForgeError(
      "untrusted-storage",
      `${attempt} the repository at ${this.#location}: ${texts.join("; ")}; ${HOW_TO_ACCEPT}`,
    );
  }
}
