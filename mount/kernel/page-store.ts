/**
 * PageStore: puts content of files into the kernel's page cache before anybody asks for it
 * (NOTIFY_STORE), so that the programs that come for it do not have to ask at all.
 *
 * The kernel takes the lock of a page to store it, and whoever waits for an answer to a READ holds the
 * lock: the thread that answers must therefore never store. A thread of its own does, and takes what it
 * stores from two slots of shared memory, without a message: a batch costs the answering thread one copy.
 */
import type { Worker } from "node:worker_threads";
import type { Bytes } from "../../engine/base/bytes.ts";
import { startThread, threadModule } from "../../engine/platform/node/worker-thread.ts";
import { STORE_HEADER_BYTES, writeStoreHeader } from "./protocol.ts";

/** A batch: some dozens of small files. */
const SLOT_BYTES = 256 * 1024;
const SLOTS = 2;

/** What a slot is: free to be filled, full to be stored, or the last of all. */
export const SLOT_STATE = { free: 0, full: 1, end: 2 } as const;

/** What both threads share. */
export interface SharedSlots {
  readonly fd: number;
  /** A state for each slot, then the bytes used of each. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Messages one after another; the first four bytes of each are its length. */
  readonly slots: readonly Uint8Array<SharedArrayBuffer>[];
}

export class PageStore {
  readonly #shared: SharedSlots;
  readonly #views: readonly DataView[];
  #thread: Worker | undefined;
  /** The slot that is being filled. */
  #slot = 0;
  #usedBytes = 0;
  #isClosed = false;

  /** @param fd The mount's descriptor; it stays open until `close` has ended. */
  constructor(fd: number) {
    const slots = Array.from({ length: SLOTS }, () => {
      return new Uint8Array(new SharedArrayBuffer(SLOT_BYTES));
    });
    const control = new Int32Array(new SharedArrayBuffer(4 * 2 * SLOTS));
    this.#shared = { fd, control, slots };
    this.#views = slots.map(({ buffer }) => new DataView(buffer));
  }

  /** Whether `add` may be called: false while the thread has not yet stored what it was given. */
  get isFree(): boolean {
    return !this.#isClosed && Atomics.load(this.#shared.control, this.#slot) === SLOT_STATE.free;
  }

  /** Bytes that wait for `flush`. */
  get waitingBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Adds the whole content of a file.
   * @param nodeId Of a file that the kernel may have forgotten meanwhile: then nothing is stored.
   * @returns false when it does not fit any more: flush first.
   */
  add(nodeId: number, content: Bytes): boolean {
    const slot = this.#shared.slots[this.#slot];
    const view = this.#views[this.#slot];
    if (slot === undefined || view === undefined) return false;
    const at = this.#usedBytes;
    if (at + STORE_HEADER_BYTES + content.length > SLOT_BYTES) return false;
    writeStoreHeader(view, at, { nodeId, contentBytes: content.length });
    slot.set(content, at + STORE_HEADER_BYTES);
    this.#usedBytes = at + STORE_HEADER_BYTES + content.length;
    return true;
  }

  /** Hands over what was added. */
  flush(): void {
    if (this.#usedBytes === 0 || this.#isClosed) return;
    this.#thread ??= this.#start();
    const { control } = this.#shared;
    control[SLOTS + this.#slot] = this.#usedBytes;
    Atomics.store(control, this.#slot, SLOT_STATE.full);
    Atomics.notify(control, this.#slot);
    this.#slot = (this.#slot + 1) % SLOTS;
    this.#usedBytes = 0;
  }

  /** Waits until the thread is gone, and with it every use of the descriptor. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const thread = this.#thread;
    if (thread === undefined) return;
    // An idle thread does not keep the process alive, and without it nobody would see the end.
    thread.ref();
    const gone = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
    const { control } = this.#shared;
    for (let slot = 0; slot < SLOTS; slot++) {
      Atomics.store(control, slot, SLOT_STATE.end);
      Atomics.notify(control, slot);
    }
    await gone;
  }

  #start(): Worker {
    const thread = startThread(threadModule("./page-store-worker", import.meta.url), {
      name: "forge-store",
      data: this.#shared,
      youngGenerationMb: 1,
    });
    thread.unref();
    // Without the thread nothing is stored any more, and every program asks for what it wants.
    thread.on("error", () => (this.#isClosed = true));
    return thread;
  }
}
