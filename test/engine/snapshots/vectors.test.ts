/** Known bytes, written from FORMAT.md by a program that is not forge. They never change. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Bytes, findHex, toHex, utf8 } from "../../../engine/base/bytes.ts";
import { type SnapshotId, parseId } from "../../../engine/base/ids.ts";
import { decodeChunkList, encodeChunkList } from "../../../engine/snapshots/chunk-list.ts";
import { decodeHoleList, encodeHoleList } from "../../../engine/snapshots/hole-list.ts";
import { encodeLeafPage } from "../../../engine/snapshots/leaf-page-encode.ts";
import { encodeReferencePage } from "../../../engine/snapshots/reference-page.ts";
import { decodeSnapshot, encodeSnapshot } from "../../../engine/snapshots/snapshot.ts";
import type { ChunkRef, Hole, TreeNode } from "../../../engine/snapshots/tree-node.ts";
import { decodeRootPage, decodeTreePage } from "../../../engine/snapshots/tree-page.ts";

function vector(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), "utf8"));
}

function fromHex(hex: string): Bytes {
  const bytes = findHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}

type Json<Type> = Type extends bigint | Uint8Array
  ? string
  : Type extends string | number | boolean | undefined
    ? Type
    : Type extends readonly (infer Item)[]
      ? readonly Json<Item>[]
      : { readonly [Key in keyof Type]: Json<Type[Key]> };

function nodeOf(json: Json<TreeNode>): TreeNode {
  return {
    ...json,
    name: fromHex(json.name),
    mtimeNs: BigInt(json.mtimeNs),
    ctimeNs: BigInt(json.ctimeNs),
    atimeNs: json.atimeNs === undefined ? undefined : BigInt(json.atimeNs),
    device: BigInt(json.device),
    inode: BigInt(json.inode),
    xattrs: json.xattrs.map(({ name, value }) => ({ name: fromHex(name), value: fromHex(value) })),
    linkTarget: json.linkTarget === undefined ? undefined : fromHex(json.linkTarget),
  };
}

describe("known bytes", () => {
  const leafPages = vector("leaf-page.json") as {
    pages: { name: string; root?: true; nodes: Json<TreeNode>[]; hex: string }[];
  };
  test.each(leafPages.pages)("of a leaf page: $name", ({ root, nodes: json, hex }) => {
    const nodes = json.map(nodeOf);
    expect(toHex(encodeLeafPage(nodes))).toBe(hex);
    const page = root === true ? decodeRootPage(fromHex(hex)) : decodeTreePage(fromHex(hex));
    if (page.kind !== "leaf") throw new Error("not a leaf page");
    expect(Array.from({ length: page.count }, (_, i) => page.node(i))).toEqual(nodes);
  });

  test("of a page of references", () => {
    const { level, children, hex } = vector("reference-page.json") as {
      level: number;
      children: { id: ChunkRef["id"]; firstName: string; entries: number }[];
      hex: string;
    };
    const refs = children.map((child) => ({ ...child, firstName: fromHex(child.firstName) }));
    expect(toHex(encodeReferencePage(level, refs))).toBe(hex);
    const page = decodeTreePage(fromHex(hex));
    if (page.kind !== "references") throw new Error("not a page of references");
    const back = refs.map((_, i) => ({
      id: page.child(i),
      firstName: page.firstName(i),
      entries: page.entriesBelow(i),
    }));
    expect([page.level, back]).toEqual([level, refs]);
  });

  test("of a chunk list", () => {
    const { level, entries, hex } = vector("chunk-list.json") as {
      level: number;
      entries: ChunkRef[];
      hex: string;
    };
    expect(toHex(encodeChunkList(level, entries))).toBe(hex);
    const list = decodeChunkList(fromHex(hex));
    expect([list.level, list.idAt(1), [...list.ends]]).toEqual([
      level,
      entries[1]?.id,
      [1048576, 1048577],
    ]);
  });

  test("of a hole list", () => {
    const { holes, hex } = vector("hole-list.json") as { holes: Hole[]; hex: string };
    expect(toHex(encodeHoleList(holes))).toBe(hex);
    const list = decodeHoleList(fromHex(hex));
    expect([...list.offsets]).toEqual(holes.map(({ offset }) => offset));
    expect([...list.lengths]).toEqual(holes.map(({ length }) => length));
  });

  test("of a snapshot", () => {
    const { id, json } = vector("snapshot.json") as { id: string; json: string };
    const snapshot = decodeSnapshot(utf8(json), parseId<SnapshotId>(id));
    expect(new TextDecoder().decode(encodeSnapshot(snapshot))).toBe(json);
    expect(snapshot.paths).toEqual([utf8("/home/ann"), Uint8Array.of(...utf8("/tmp/"), 0xff)]);
  });
});
