/**
 * OpenFiles: descriptors kept open between reads, least recently used closed first. Objects never
 * change, so an open one stays right, and a random read costs one system call in place of three.
 */
import { close, fstat, open } from "node:fs";
import { promisify } from "node:util";

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify<number, { readonly size: number }>(fstat);

interface OpenFile {
  readonly fd: number;
  readonly sizeBytes: number;
}

interface Slot {
  readonly opening: Promise<OpenFile>;
  /** Reads running now; the descriptor is closed when the last one ends. */
  users: number;
  evicted: boolean;
}

export class OpenFiles {
  readonly #filesMax: number;
  /** In order of use, the oldest first. */
  readonly #slots = new Map<string, Slot>();

  /** @param filesMax Descriptors kept; more are open only while they are being read. */
  constructor(filesMax: number) {
    this.#filesMax = filesMax;
  }

  /** Calls `use` with the open file. @throws what open(2) and `use` throw. */
  async with<Result>(path: string, use: (file: OpenFile) => Promise<Result>): Promise<Result> {
    const slot = this.#take(path);
    slot.users++;
    try {
      return await use(await slot.opening);
    } finally {
      slot.users--;
      if (slot.evicted && slot.users === 0) await closeSlot(slot);
    }
  }

  /** Closes what was opened for `path`; running reads end first. */
  async drop(path: string): Promise<void> {
    const slot = this.#slots.get(path);
    if (slot !== undefined) await this.#evict(path, slot);
  }

  async close(): Promise<void> {
    for (const [path, slot] of [...this.#slots]) await this.#evict(path, slot);
  }

  #take(path: string): Slot {
    const known = this.#slots.get(path);
    if (known !== undefined) {
      this.#slots.delete(path);
      this.#slots.set(path, known);
      return known;
    }
    const slot: Slot = { opening: openWithSize(path), users: 0, evicted: false };
    this.#slots.set(path, slot);
    slot.opening.catch(() => {
      if (this.#slots.get(path) === slot) this.#slots.delete(path);
    });
    if (this.#slots.size > this.#filesMax) {
      for (const [oldestPath, oldest] of this.#slots) {
        void this.#evict(oldestPath, oldest);
        break;
      }
    }
    return slot;
  }

  async #evict(path: string, slot: Slot): Promise<void> {
    this.#slots.delete(path);
    slot.evicted = true;
    if (slot.users === 0) await closeSlot(slot);
  }
}

async function openWithSize(path: string): Promise<OpenFile> {
  const fd = await openFile(path, "r");
  try {
    return { fd, sizeBytes: (await statFile(fd)).size };
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

/** Never fails: a descriptor that was only read from has nothing to lose. */
async function closeSlot(slot: Slot): Promise<void> {
  const file = await slot.opening.catch(() => undefined);
  if (file !== undefined) await closeFile(file.fd).catch(() => undefined);
}
