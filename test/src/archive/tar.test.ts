import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Header, extract } from "tar-stream";
import { describe, expect, test } from "vitest";
import { type Bytes, concatBytes, utf8 } from "../../../engine/base/bytes.ts";
import type { FsEntry } from "../../../engine/read/readonly-fs.ts";
import { tarArchive } from "../../../src/archive/tar.ts";
import { contentOf, directory, file, special, symlink } from "../../helpers/memory-fs.ts";

/** An access control list as the kernel stores it: not text. */
const ACL = new Uint8Array([2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 10, 0, 128, 200]);
const LONG = "n".repeat(180);
const NOT_UTF8 = concatBytes([utf8("bad-"), new Uint8Array([0xff])]);

const sample = directory("folder", [
  file("acl", contentOf(utf8("x")), {
    xattrs: { "system.posix_acl_access": ACL, "user.note": "grün" },
  }),
  file(NOT_UTF8, contentOf(utf8("bytes")), {}),
  file("first", contentOf(utf8("same")), {
    attributes: { linkCount: 2, hardLinkKey: "k" },
  }),
  file("second", contentOf(utf8("same")), {
    attributes: { linkCount: 2, hardLinkKey: "k" },
  }),
  file(`${LONG}-ü`, contentOf(utf8("long")), {
    attributes: { uid: 5_000_000, user: "jürgen", mtimeNs: -1_500_000_000n },
  }),
  symlink("to", "../else/where"),
  special("pipe", "fifo"),
  special("sock", "socket"),
  directory("empty", []),
]);

interface Read {
  readonly header: Header;
  readonly content: Buffer;
}

async function archiveOf(entry: FsEntry): Promise<{ bytes: Bytes; skipped: string[] }> {
  const skipped: string[] = [];
  const pieces: Bytes[] = [];
  const archive = tarArchive(entry, {
    path: entry.name,
    signal: new AbortController().signal,
    onSkipped: (path) => skipped.push(Buffer.from(path).toString()),
  });
  for await (const piece of archive) pieces.push(piece);
  return { bytes: concatBytes(pieces), skipped };
}

async function readBack(bytes: Bytes): Promise<Map<string, Read>> {
  const entries = new Map<string, Read>();
  const reader = extract();
  Readable.from([Buffer.from(bytes)]).pipe(reader);
  for await (const entry of reader) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(Buffer.from(part as Uint8Array));
    entries.set(entry.header.name, { header: entry.header, content: Buffer.concat(parts) });
  }
  return entries;
}

describe("a tar archive", () => {
  test("is read back by another implementation", async () => {
    const { bytes, skipped } = await archiveOf(sample);
    expect(bytes.length % 512).toBe(0);
    expect(skipped).toEqual(["folder/sock"]);
    const entries = await readBack(bytes);
    expect(entries.get("folder/first")?.content.toString()).toBe("same");
    expect(entries.get("folder/second")?.header).toMatchObject({
      type: "link",
      linkname: "folder/first",
      size: 0,
    });
    const long = entries.get(`folder/${LONG}-ü`);
    expect(long?.content.toString()).toBe("long");
    expect(long?.header.pax).toMatchObject({
      uid: "5000000",
      uname: "jürgen",
      mtime: "-1.500000000",
    });
    expect(entries.get("folder/to")?.header).toMatchObject({
      type: "symlink",
      linkname: "../else/where",
    });
    expect(entries.get("folder/pipe")?.header.type).toBe("fifo");
    expect(entries.get("folder/empty/")?.header.type).toBe("directory");
    expect(entries.get("folder/acl")?.header.pax).toMatchObject({
      "SCHILY.xattr.user.note": "grün",
    });
  });

  test("holds bytes that are no text as they are", async () => {
    const { bytes } = await archiveOf(sample);
    const whole = Buffer.from(bytes);
    expect(
      whole.includes(Buffer.concat([Buffer.from("acl_access="), ACL, Buffer.from("\n")])),
    ).toBe(true);
    const script =
      "import sys,tarfile,io; t=tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())); " +
      "print([m.name.encode('utf-8','surrogateescape').hex() for m in t if m.name.startswith('folder/bad')])";
    const names = execFileSync("python3", ["-c", script], { input: whole }).toString();
    expect(names.trim()).toBe(
      `['${Buffer.concat([Buffer.from("folder/"), NOT_UTF8]).toString("hex")}']`,
    );
  });

  test("is taken by GNU tar without a word", async () => {
    const { bytes } = await archiveOf(sample);
    const target = mkdtempSync(join(tmpdir(), "forge-tar-"));
    try {
      const words = ["-c", `tar xf - -C "$0" --no-same-owner --warning=no-timestamp 2>&1`, target];
      expect(execFileSync("sh", words, { input: bytes }).toString()).toBe("");
    } finally {
      rmSync(target, { recursive: true });
    }
  });
});
