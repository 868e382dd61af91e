/**
 * Writes the examples in `corpus/` that are not there yet: from the golden repositories, the vectors,
 * and words. Those that are there stay, so that a seed goes on meaning what it meant.
 *
 *     node test/fuzz/make-corpus.ts
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { type Bytes, concatBytes, utf8 } from "../../engine/base/bytes.ts";
import {
  type BlobId,
  type IndexId,
  type PackId,
  type RepositoryId,
  idOf,
} from "../../engine/base/ids.ts";
import { openBlobSync } from "../../engine/crypto/blob-id.ts";
import { openSync, sealSync } from "../../engine/crypto/envelope.ts";
import { encodeKeyMaterial } from "../../engine/crypto/key-slot-format.ts";
import { encodeRecoveryLines } from "../../engine/crypto/recovery-lines.ts";
import { openStandalone } from "../../engine/crypto/standalone-object.ts";
import { encodeIndexSegment } from "../../engine/index/index-segment.ts";
import { CheckRecord } from "../../engine/maintenance/check-record.ts";
import { PackBuilder } from "../../engine/packs/pack-builder.ts";
import {
  decodePackTrailer,
  openPackDirectorySync,
  trailerOf,
} from "../../engine/packs/pack-format.ts";
import { nativePlatform, nativeSyncPlatform } from "../../engine/platform/node/native.ts";
import { DEFAULT_CHUNKER, encodeConfig } from "../../engine/repository/config.ts";
import { openRepository } from "../../engine/repository/repository.ts";
import { encodeChunkList } from "../../engine/snapshots/chunk-list.ts";
import { encodeHoleList } from "../../engine/snapshots/hole-list.ts";
import { encodeReferencePage } from "../../engine/snapshots/reference-page.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import { STARTER_CONFIGURATION } from "../../src/config/starter.ts";
import { encodePlacePin, encodeRepositoryPin } from "../../src/pins/pin-codec.ts";
import { seededBytes } from "../helpers/vectors.ts";
import { OBJECT_ID, keys, sealedStandalone } from "./fuzz-world.ts";
import { EXAMPLES } from "./targets/web.ts";

/** Small ones are mutated sooner, and more of their bytes matter. */
const EXAMPLE_BYTES_MAX = 2 * 1024;
const EXAMPLES_MAX = 6;
const TEST = new URL("..", import.meta.url);

const examples = new Map<string, Bytes[]>();

function add(decoder: string, bytes: Uint8Array): void {
  const known = examples.get(decoder) ?? [];
  examples.set(decoder, known);
  if (bytes.length > EXAMPLE_BYTES_MAX || known.length >= EXAMPLES_MAX) return;
  known.push(new Uint8Array(bytes));
}

function u32(number: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

function hexIn(file: string): Uint8Array[] {
  const text = readFileSync(new URL(`vectors/${file}.json`, TEST), "utf8");
  return [...text.matchAll(/"(?:hex|bytes)": "([0-9a-f]+)"/g)].map(([, hex = ""]) =>
    Buffer.from(hex, "hex"),
  );
}

async function addGolden(name: string): Promise<void> {
  const place = new URL(`golden/v1/${name}/`, TEST);
  const { passphrase } = JSON.parse(readFileSync(new URL("expected.json", place), "utf8")) as {
    readonly passphrase: string;
  };
  const backend = new LocalBackend(new URL("repository", place).pathname);
  const repository = await openRepository({
    backend,
    platform: nativePlatform,
    credentials: { passphrase: () => Promise.resolve(passphrase) },
  });
  for (const { name: pack } of await backend.list("packs")) {
    const bytes = await backend.read({ kind: "packs", name: pack });
    const entries = openPackDirectorySync(nativeSyncPlatform, repository.keys, bytes);
    const { trailer, directoryOffset } = decodePackTrailer(trailerOf(bytes), bytes.length);
    add("pack-trailer", concatBytes([u32(bytes.length), trailerOf(bytes)]));
    const sealed = bytes.subarray(directoryOffset, directoryOffset + trailer.sealedBytes);
    const request = { ...trailer, kind: "pack-directory", plainBytes: trailer.plainBytes } as const;
    const plain = openSync(nativeSyncPlatform, repository.keys, request, sealed);
    add("pack-directory", concatBytes([u32(directoryOffset), plain]));
    for (const entry of entries) {
      if (entry.kind === "data") continue;
      const blob = openBlobSync(
        nativeSyncPlatform,
        repository.keys,
        { ...entry, objectId: entry.id },
        bytes.subarray(entry.offset, entry.offset + entry.sealedBytes),
      );
      if (entry.kind === "tree") add(blob[0] === 1 ? "leaf-page" : "reference-page", blob);
      else add(blob[0] === 3 ? "chunk-list" : "hole-list", blob);
    }
  }
  for (const { name: id } of await backend.list("snapshots")) {
    const bytes = await backend.read({ kind: "snapshots", name: id });
    const request = { kind: "snapshot", objectId: Buffer.from(id, "hex"), bytes } as const;
    const plain = await openStandalone(nativePlatform, repository.keys, {
      ...request,
      objectId: new Uint8Array(request.objectId),
    });
    add("snapshot", plain);
    add("standalone", sealedStandalone("snapshot", plain));
  }
  for (const { name: id } of await backend.list("keys")) {
    add("key-slot", await backend.read({ kind: "keys", name: id }));
  }
  await backend.close();
}

/** Objects under the keys of the fuzzer. */
async function addOwn(): Promise<void> {
  for (const cipher of ["none", "aes-256-gcm"] as const) {
    const config = {
      id: idOf<RepositoryId>(keys.repositoryId),
      cipher,
      chunker: DEFAULT_CHUNKER,
      dataPackBytes: 16 << 20,
      treePackBytes: 4 << 20,
      createdMs: 1_700_000_000_000,
    };
    add("config", await encodeConfig(nativePlatform, keys, config));
  }
  add("key-material", encodeKeyMaterial({ masterKey: OBJECT_ID, epochKeys: [OBJECT_ID] }));
  add(
    "key-material",
    encodeKeyMaterial({ masterKey: OBJECT_ID, epochKeys: [OBJECT_ID, OBJECT_ID, OBJECT_ID] }),
  );
  const text = utf8("all work and no play makes jack a dull boy\n".repeat(6));
  const builder = new PackBuilder({ targetBytes: 1 << 20 });
  for (const codec of ["none", "zstd", "lz4"] as const) {
    for (const plain of [text, seededBytes(200, 7), utf8("x")]) {
      const packed = nativeSyncPlatform.compress(codec, 3, plain);
      add("envelope", concatBytes([envelopeHead(codec, plain.length), sealedRaw(packed)]));
      if (codec !== "none") add(codec, concatBytes([u32(plain.length), packed]));
      const objectId = nativeSyncPlatform.keyedHash(keys.blobIdKeys.data, plain);
      const compression = { codec, level: 1 };
      const sealed = sealSync(nativeSyncPlatform, keys, {
        ...{ kind: "data", objectId, plain, compression },
      });
      builder.add({ id: objectId, kind: "data", ...sealed });
    }
  }
  const pack = builder.finish(nativeSyncPlatform, keys);
  add("pack", pack.bytes);
  for (const superseded of [[], [idOf<IndexId>(new Uint8Array(32).fill(1))]]) {
    add(
      "index-segment",
      await encodeIndexSegment(nativePlatform, keys, {
        id: idOf<IndexId>(OBJECT_ID),
        packs: [
          { packId: pack.id, packBytes: pack.bytes.length, entries: pack.entries.slice(0, 5) },
          { packId: idOf<PackId>(OBJECT_ID), packBytes: 1 << 20, entries: pack.entries },
        ],
        superseded,
      }),
    );
  }
  const ids = Array.from({ length: 20 }, (_, i) => nativeSyncPlatform.hash(u32(i)));
  const chunks = ids.map((id, i) => ({ id: idOf<BlobId>(id), plainBytes: 1000 + i }));
  add("chunk-list", encodeChunkList(0, chunks));
  add("chunk-list", encodeChunkList(2, chunks.slice(0, 3)));
  const holes = ids.map((_, i) => ({ offset: i * 10_000, length: 1 + i * 100 }));
  add("hole-list", encodeHoleList(holes));
  const children = ids.map((id, i) => ({
    id: idOf<BlobId>(id),
    firstName: utf8(`name-${String(i).padStart(3, "0")}`),
    entries: 64 + i,
  }));
  add("reference-page", encodeReferencePage(1, children));
  add("reference-page", encodeReferencePage(3, children.slice(0, 2)));
  await addLocal(ids);
  addJson(ids);
}

function envelopeHead(codec: "none" | "zstd" | "lz4", plainBytes: number): Bytes {
  const number = { none: 0, zstd: 1, lz4: 2 }[codec];
  return concatBytes([Uint8Array.of(number, 0, 1, 0), u32(plainBytes)]);
}

function sealedRaw(packed: Bytes): Bytes {
  return concatBytes([new Uint8Array(12), packed, new Uint8Array(16)]);
}

function addJson(ids: readonly Bytes[]): void {
  const id = idOf<PackId>(OBJECT_ID);
  const json = (value: unknown): Bytes => utf8(JSON.stringify(value));
  const who = { version: 1, hostname: "host", pid: 7 };
  add("lease", json({ ...who, purpose: "backup", started: "1700000000000000000", plans: [id] }));
  add("lease", json({ ...who, purpose: "collection", started: "0" }));
  add("plan", json({ ...who, grace: 86_400_000, packs: ids.map((one) => idOf<PackId>(one)) }));
  add("plan", json({ ...who, grace: 0, packs: [] }));
  const deleted = { version: 1, deleted: "1700000000000000000", hostname: "h", username: "u" };
  const chain = { writer: "0".repeat(32), seq: 3, time: "1" };
  add("tombstone", json({ ...deleted, reason: "retention", ...chain }));
  add("tombstone", json({ ...deleted, reason: "" }));
  for (const [tag, value] of [
    [0, utf8("../target")],
    [1, Buffer.from("0600757365722e6103000000010203", "hex")],
    [2, Buffer.from("00000000000000000a00000000000000640000000000000005000000000000", "hex")],
    [3, Buffer.from("0800000001000000", "hex")],
    [4, Buffer.from("ffffffffffffffff00ca9a3b", "hex")],
    [5, Uint8Array.of(1)],
    [6, concatBytes(ids.slice(0, 3))],
  ] as const) {
    add("extras", concatBytes([Uint8Array.of(tag), u32(100_000), new Uint8Array(value)]));
  }
  for (const name of ["a", "..", "Grüße-€-😀", "x".repeat(255), "a b\\c"]) {
    add("entry-name", utf8(name));
  }
}

async function addLocal(ids: readonly Bytes[]): Promise<void> {
  const repositoryId = idOf<RepositoryId>(keys.repositoryId);
  const record = new CheckRecord(repositoryId);
  add("check-record", record.encode());
  record.runStartedMs = 1_700_000_000_000;
  for (const id of ids) record.note(idOf<PackId>(id), 1_700_000_000_000);
  add("check-record", record.encode());
  for (const part of ["A", "B"] as const) {
    for (const length of [45, 200]) {
      const lines = await encodeRecoveryLines(nativePlatform, part, seededBytes(length, length));
      add("recovery-lines", utf8(`${lines.join("\n")}\n`));
    }
  }
  const [a, b] = ids.map((id) => idOf<PackId>(id));
  add(
    "place-pin",
    utf8(
      encodePlacePin({ location: "/srv/repo", repositories: [{ id: repositoryId, sinceMs: 1 }] }),
    ),
  );
  const head = {
    ...{ id: a, seq: 7, timeNs: 1_700_000_000_000_000_000n, hostname: "host", seenMs: 1 },
  } as never;
  add(
    "repository-pin",
    utf8(
      encodeRepositoryPin({
        repositoryId,
        fingerprint: b ?? "",
        firstSeenMs: 1,
        seen: {
          epochs: 2,
          heads: new Map([["0".repeat(32), head]]),
          settled: new Map([["1".repeat(32), [{ from: 1, to: 5 }]]]),
          accepted: new Set([a ?? ""]),
        },
      }),
    ),
  );
  add(
    "settings-yaml",
    utf8(
      STARTER_CONFIGURATION.replaceAll(/^# {0,2}(?=[a-z-]+:)/gm, "").replaceAll(
        /^#.*\n|^\n| +#.*/gm,
        "",
      ),
    ),
  );
  add("settings-yaml", utf8("repositories: [{label: a, path: /r}]\nsources: [{path: ~/d}]\n"));
  add("settings-yaml", utf8("retention: {keep-daily: 7, keep-within: 3d}\nexclude: ['*.o']\n"));
  add("settings-toml", utf8('compression = "lz4"\n[[repositories]]\nlabel = "a"\npath = "/r"\n'));
  add(
    "settings-toml",
    utf8('exclude = ["*.o"]\n[retention]\nkeep-daily = 7\nkeep-within = "3d"\n'),
  );
}

for (const name of ["leaf-page", "reference-page", "chunk-list", "hole-list"]) {
  for (const bytes of hexIn(name)) add(name, bytes);
}
for (const bytes of hexIn("key-slots")) if (bytes.length > 100) add("key-slot", bytes);
for (const [decoder, texts] of Object.entries(EXAMPLES)) {
  for (const text of texts) add(decoder, utf8(text));
}
await addOwn();
await addGolden("aes");
await addGolden("chacha");

let written = 0;
for (const [decoder, all] of examples) {
  const folder = new URL(`corpus/${decoder}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const [i, bytes] of all.entries()) {
    const file = new URL(`${i}.bin`, folder);
    if (existsSync(file)) continue;
    writeFileSync(file, bytes);
    written++;
  }
}
console.log(`${written} examples written for ${examples.size} decoders`);
