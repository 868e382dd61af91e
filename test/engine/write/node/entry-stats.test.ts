/** Its slow twin is Node's lstat: field by field the same, for every kind of entry and odd numbers. */
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { encodeLeafPage } from "../../../../engine/snapshots/leaf-page-encode.ts";
import { decodeLeafPage } from "../../../../engine/snapshots/leaf-page.ts";
import type { SourceStat } from "../../../../engine/write/source.ts";
import { isUnchanged } from "../../../../engine/write/unchanged.ts";
import { EntryStats } from "../../../../engine/write/node/entry-stats.ts";
import { rawFromText } from "../../../../engine/write/node/raw-path.ts";
import { sourceStatOf } from "../../../../engine/write/node/source-stat.ts";
import { plainNode } from "../../snapshots/random-nodes.ts";

const folder = mkdtempSync(join(tmpdir(), "entry-stats-"));
afterAll(() => rmSync(folder, { recursive: true }));

const FIELDS = [
  "type",
  "mode",
  "uid",
  "gid",
  "sizeBytes",
  "mtimeNs",
  "ctimeNs",
  "atimeNs",
  "device",
  "inode",
  "linkCount",
  "deviceMajor",
  "deviceMinor",
] as const;

function fieldsOf(stat: SourceStat): Record<string, unknown> {
  return Object.fromEntries(FIELDS.map((field) => [field, stat[field]]));
}

test("says what Node's lstat says of files, directories, links, fifos, sockets and devices", () => {
  const path = (name: string): string => join(folder, name);
  writeFileSync(path("file"), "some bytes");
  writeFileSync(path("setuid"), "", { mode: 0o4711 });
  writeFileSync(path("Grüße 日本"), "x");
  writeFileSync(path("large"), "");
  truncateSync(path("large"), 5 * 2 ** 32 + 7);
  writeFileSync(path("old"), "");
  utimesSync(path("old"), -1234567890.25, -0.5);
  writeFileSync(path("later"), "");
  utimesSync(path("later"), 2 ** 33, 2 ** 33 + 0.25);
  mkdirSync(path("directory"));
  symlinkSync("nowhere", path("link"));
  spawnSync("mkfifo", [path("fifo")]);
  const names = [
    "file",
    "setuid",
    "Grüße 日本",
    "large",
    "old",
    "later",
    "directory",
    "link",
    "fifo",
  ];
  const stats = new EntryStats();
  const places = [
    ...names.map((name) => [`${folder}/`, name] as const),
    ...["null", "tty", "urandom", "."].map((name) => ["/dev/", name] as const),
    ["/", ""] as const,
    ["/proc/self/", "status"] as const,
  ];
  for (const [base, name] of places) {
    const wanted = sourceStatOf(lstatSync(base + name, { bigint: true }));
    const found = stats.lstat(rawFromText(base), rawFromText(name));
    // Times of /proc and /dev are of the moment they are asked for.
    if (base === "/proc/self/") expect(found.type).toBe("file");
    else expect([name, fieldsOf(found)]).toEqual([name, fieldsOf(wanted)]);
  }
});

test("what fails fails as Node's lstat does, and the next call works", () => {
  const stats = new EntryStats();
  writeFileSync(join(folder, "there"), "");
  for (const [base, name, code] of [
    [`${folder}/`, "missing", "ENOENT"],
    [`${folder}/there/`, "below", "ENOTDIR"],
    [`${folder}/`, "n".repeat(300), "ENAMETOOLONG"],
    [`${folder}/${"d/".repeat(2100)}`, "deep", "ENAMETOOLONG"],
  ] as const) {
    const failure = expect.objectContaining({ code, syscall: "lstat" }) as Error;
    expect(() => stats.lstat(base, name)).toThrow(failure);
    expect(stats.lstat(`${folder}/`, "there").type).toBe("file");
  }
});

test("an entry of a page is unchanged by its stamp as by its bigints, and changed by any one bit", () => {
  const name = "stamped";
  writeFileSync(join(folder, name), "");
  for (const seconds of [-5_000_000_000.75, -0.5, 0, 1_700_000_000.123, 2 ** 33 + 0.5]) {
    utimesSync(join(folder, name), seconds, seconds);
    const stat = new EntryStats().lstat(`${folder}/`, name);
    const same = { mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, inode: stat.inode };
    const unchanged = (given: Partial<typeof same>, seen: SourceStat): boolean => {
      const bytes = encodeLeafPage([plainNode(name, { ...same, ...given })]);
      return isUnchanged({ page: decodeLeafPage(bytes, { root: false }), index: 0 }, seen);
    };
    const plain = fieldsOf(stat) as unknown as SourceStat;
    for (const seen of [stat, plain]) {
      expect(unchanged({}, seen)).toBe(true);
      for (const field of ["mtimeNs", "ctimeNs"] as const) {
        for (const off of [1n, -1n, 1_000_000_000n, 2n ** 32n * 1_000_000_000n]) {
          expect(unchanged({ [field]: same[field] + off }, seen)).toBe(false);
        }
      }
      for (const off of [1n, 2n ** 32n, 2n ** 63n]) {
        expect(unchanged({ inode: same.inode ^ off }, seen)).toBe(false);
      }
    }
  }
});
