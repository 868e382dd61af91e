/** The thread of the page store: writes what it finds in the slots to the kernel, until it finds the end. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { SLOT_STATE, type SharedSlots } from "./page-store.ts";

const { fd, control, slots } = workerData as SharedSlots;

for (let at = 0; ; at = (at + 1) % slots.length) {
  Atomics.wait(control, at, SLOT_STATE.free);
  if (Atomics.load(control, at) === SLOT_STATE.end) break;
  const slot = slots[at];
  if (slot === undefined) break;
  storeAll(slot, control[slots.length + at] ?? 0);
  // Not when the end was put in its place meanwhile.
  Atomics.compareExchange(control, at, SLOT_STATE.full, SLOT_STATE.free);
}

function storeAll(slot: Uint8Array<SharedArrayBuffer>, usedBytes: number): void {
  const view = new DataView(slot.buffer);
  for (let at = 0; at < usedBytes;) {
    const length = view.getUint32(at, true);
    try {
      writeSync(fd, slot, at, length);
    } catch {
      // ENOENT: the kernel forgot the file. ENODEV: the mount is gone. Either way nobody waits for it.
    }
    at += length;
  }
}
