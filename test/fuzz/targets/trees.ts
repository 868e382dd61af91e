/** Decoders of what is inside blobs: directory pages, lists, compressed bytes, names. */
import { type Bytes, equalBytes } from "../../../engine/base/bytes.ts";
import { isForgeError } from "../../../engine/base/errors.ts";
import { nativeSyncPlatform } from "../../../engine/platform/node/native.ts";
import { decodeLz4Block } from "../../../engine/platform/lz4-block.ts";
import { decodeChunkList, encodeChunkList } from "../../../engine/snapshots/chunk-list.ts";
import { nameFault } from "../../../engine/snapshots/entry-name.ts";
import { decodeHoleList, encodeHoleList } from "../../../engine/snapshots/hole-list.ts";
import type { LeafPage } from "../../../engine/snapshots/leaf-page.ts";
import {
  decodeChunkListLevel,
  decodeDeviceNumber,
  decodeHoleLists,
  decodeHoles,
  decodeLinkTarget,
  decodeTime,
  decodeXattrs,
} from "../../../engine/snapshots/tree-extras.ts";
import { decodeRootPage, decodeTreePage } from "../../../engine/snapshots/tree-page.ts";
import { type FuzzTarget, Broken, expectThat } from "../fuzz-target.ts";

/** What an input may ask to be decompressed to: more would measure how fast memory is cleared. */
const PLAIN_BYTES_MAX = 256 * 1024;
/** What all but a few inputs may: memory for it comes and goes with every run. */
const USUAL_PLAIN_BYTES_MAX = 16 * 1024;

export const TREE_TARGETS: readonly FuzzTarget[] = [
  {
    name: "leaf-page",
    run(input, seed) {
      const page = seed % 8 === 0 ? decodeRootPage(input) : decodeTreePage(input);
      if (page.kind === "leaf") lookAtAll(page, seed % 8 === 0);
    },
  },
  {
    name: "reference-page",
    run(input) {
      const page = decodeTreePage(input);
      if (page.kind === "leaf") return;
      const found = accepted(() => {
        for (let i = 0; i < page.count; i++) {
          page.child(i);
          const first = page.firstEntry(i);
          if (page.findChild(page.firstName(i)) !== i) return "a first name in another child";
          if (page.findChildOfEntry(first) !== i) return "a first entry in another child";
        }
        page.findChildOfEntry(page.totalEntries);
        return undefined;
      });
      expectThat(found === undefined, found ?? "");
    },
  },
  {
    name: "chunk-list",
    run(input) {
      const { level, count, ends, idAt } = decodeChunkList(input);
      const entries = Array.from({ length: count }, (_, i) => ({
        id: idAt(i),
        plainBytes: (ends[i] ?? 0) - (ends[i - 1] ?? 0),
      }));
      expectThat(equalBytes(encodeChunkList(level, entries), input), "another list when encoded");
    },
  },
  {
    name: "hole-list",
    run(input) {
      const { count, offsets, lengths } = decodeHoleList(input);
      const holes = Array.from({ length: count }, (_, i) => ({
        offset: offsets[i] ?? -1,
        length: lengths[i] ?? 0,
      }));
      let end = -1;
      for (const { offset, length } of holes) {
        expectThat(offset > end && length > 0, "holes that touch or are empty");
        end = offset + length;
      }
      expectThat(equalBytes(encodeHoleList(holes), input), "another list when encoded");
    },
  },
  {
    name: "extras",
    /** Which one u8, size of the file u32, value. */
    run(input) {
      if (input.length < 5) return;
      const value = input.subarray(5);
      const decode = EXTRA_DECODERS[(input[0] ?? 0) % EXTRA_DECODERS.length];
      decode?.(value, new DataView(input.buffer).getUint32(1, true));
    },
  },
  {
    name: "lz4",
    /** Plain length u32, block. Both decoders must agree. */
    run(input, seed) {
      if (input.length < 4) return;
      const plainBytes = plainBytesOf(input, seed);
      const packed = input.slice(4);
      const ours = outcome(() => decodeLz4Block(packed, plainBytes));
      const native = outcome(() => nativeSyncPlatform.decompress("lz4", packed, plainBytes));
      if (ours !== undefined) expectThat(ours.length === plainBytes, "another length");
      if (ours === undefined || native === undefined) return;
      expectThat(equalBytes(ours, native), "two decoders, two results");
    },
  },
  {
    name: "zstd",
    /** Plain length u32, frame. */
    run(input, seed) {
      if (input.length < 4) return;
      const plainBytes = plainBytesOf(input, seed);
      const plain = nativeSyncPlatform.decompress("zstd", input.slice(4), plainBytes);
      expectThat(plain.length === plainBytes, "another length");
    },
  },
  {
    name: "entry-name",
    run(input) {
      if (nameFault(input, 0, input.length) !== undefined) return;
      const text = Buffer.from(input.buffer, input.byteOffset, input.length).toString("latin1");
      expectThat(!/[\0/]/.test(text) && text !== "." && text !== "..", "a name that is a path");
      expectThat(input.length > 0 && input.length < 256, "a name of impossible length");
    },
  },
];

const EXTRA_DECODERS: readonly ((value: Uint8Array<ArrayBuffer>, size: number) => unknown)[] = [
  decodeLinkTarget,
  decodeXattrs,
  decodeHoles,
  decodeDeviceNumber,
  decodeTime,
  decodeChunkListLevel,
  decodeHoleLists,
];

function plainBytesOf(input: Bytes, seed: number): number {
  const largest = seed % 32 === 0 ? PLAIN_BYTES_MAX : USUAL_PLAIN_BYTES_MAX;
  return new DataView(input.buffer).getUint32(0, true) % (largest + 1);
}

function outcome(decode: () => Uint8Array): Uint8Array | undefined {
  try {
    return decode();
  } catch (error) {
    if (!isForgeError(error)) throw error;
    return undefined;
  }
}

/** A page was checked when it was decoded: nothing may go wrong with it afterwards. */
function accepted<Value>(look: () => Value): Value {
  try {
    return look();
  } catch (error) {
    throw new Broken(`a page was accepted, and then: ${String(error)}`);
  }
}

function lookAtAll(page: LeafPage, isRoot: boolean): void {
  accepted(() => {
    for (let i = 0; i < page.count; i++) {
      const name = page.name(i);
      const fault = isRoot ? undefined : nameFault(name, 0, name.length);
      if (fault !== undefined) throw new Error(fault);
      if (page.find(name) !== i) throw new Error(`entry ${i} is not found by its name`);
      page.node(i);
      page.deviceNumber(i);
      page.hasXattrs(i);
      page.refBytes(i);
    }
  });
}
