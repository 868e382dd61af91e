/**
 * A worker thread of the file pool: open, read, chunk, hash, compress, seal, pack — all synchronous,
 * which measured fastest. It tells the main thread about finished packs and batches, and waits on a
 * shared counter while too many of its packs are not stored yet.
 */
import { workerData } from "node:worker_threads";

import { messageOf } from "../../base/errors.ts";
import { BlobWriter } from "../blob-writer.ts";
import { FingerprintTable } from "../../index/fingerprint-table.ts";
import { nativeSyncPlatform } from "../../platform/node/native.ts";
import { hearMessages } from "../../platform/node/serve-thread.ts";
import { encodePackDirectory } from "../../packs/pack-format.ts";
import { SessionTable } from "../session-table.ts";
import { buffersOf, decodeJobs, encodeResult } from "./batch-columns.ts";
import { BatchSaver } from "./batch-saver.ts";
import {
  BrokenExchangeError,
  ChunkOffers,
  type ExchangeMemory,
  createExchange,
} from "./chunk-exchange.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-messages.ts";

/** Packs a worker may have under way: one being written, one ready. */
const PACKS_IN_FLIGHT_MAX = 2;
/** One chunk that a helper seals, and one that waits for it. */
const SLOTS_PER_HELPER = 2;

const setup = workerData as WorkerSetup;
const packsInFlight = new Int32Array(setup.packsInFlight);

const blobs = new BlobWriter({
  platform: nativeSyncPlatform,
  keys: setup.keys,
  compression: setup.compression,
  packBytes: setup.packBytes,
  onPack: (pack) => {
    Atomics.add(packsInFlight, 0, 1);
    const directory = encodePackDirectory(pack.entries);
    say({ type: "pack", id: pack.id, bytes: pack.bytes, directory }, [
      pack.bytes.buffer,
      directory.buffer,
    ]);
    for (;;) {
      const inFlight = Atomics.load(packsInFlight, 0);
      if (inFlight < PACKS_IN_FLIGHT_MAX) break;
      Atomics.wait(packsInFlight, 0, inFlight);
    }
  },
});
let exchange: ExchangeMemory | undefined;
const saver = new BatchSaver({
  platform: nativeSyncPlatform,
  blobs,
  chunker: setup.chunker,
  gearTable: setup.keys.gearTable,
  session: new SessionTable(setup.session),
  fingerprints: FingerprintTable.fromShared(setup.fingerprints),
  openOffers:
    setup.helpersMax === 0
      ? undefined
      : (bytesLeft) => {
          const slots = SLOTS_PER_HELPER * setup.helpersMax;
          exchange ??= createExchange(slots, setup.chunker.maxBytes);
          const offers = new ChunkOffers(exchange);
          offers.open();
          say({ type: "large", exchange, bytesLeft });
          return offers;
        },
});

/** Messages are taken one after another, although a large file lets the event loop turn. */
let turn: Promise<void> = Promise.resolve();
const port = hearMessages((message: ToWorker) => {
  // Now, for the file under work; the others wait for its end.
  if (message.type === "stored") {
    blobs.reuse(message.bytes);
    return;
  }
  turn = turn
    .then(() => handle(message))
    .catch((error: unknown) => {
      // Whoever broke it has said why.
      if (error instanceof BrokenExchangeError) return;
      say({ type: "failed", message: messageOf(error) });
    });
});

async function handle(message: Exclude<ToWorker, { type: "stored" }>): Promise<void> {
  switch (message.type) {
    case "save": {
      const result = encodeResult(await saver.save(decodeJobs(message.jobs)));
      say({ type: "saved", number: message.number, result }, buffersOf(result));
      return;
    }
    case "flush":
      blobs.flush();
      say({ type: "flushed" });
      return;
    case "help":
      await saver.help(message.exchange, new Int32Array(message.leave));
      say({ type: "helped" });
      return;
    default:
      message satisfies never;
  }
}

function say(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
