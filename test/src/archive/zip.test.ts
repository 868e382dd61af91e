import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bytes, concatBytes, toHex, utf8 } from "../../../engine/base/bytes.ts";
import type { FsDirectory, FsEntry } from "../../../engine/read/readonly-fs.ts";
import { type ZipEntry, zipLayout } from "../../../src/archive/zip-layout.ts";
import { type ZipPlan, planZip } from "../../../src/archive/zip-plan.ts";
import { readZip } from "../../../src/archive/zip-read.ts";
import { contentOf, directory, file, special, symlink } from "../../helpers/memory-fs.ts";
import { hasProgram, need } from "../../helpers/need.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const signal = new AbortController().signal;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forge-zip-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Planned {
  readonly plan: ZipPlan;
  readonly skipped: string[];
}

async function planned(root: FsDirectory, path: Bytes = root.name): Promise<Planned> {
  const skipped: string[] = [];
  const onSkipped = (at: Bytes, reason: string): void => {
    skipped.push(`${Buffer.from(at).toString()}: ${reason}`);
  };
  return { plan: await planZip(root, { path, signal, onSkipped }), skipped };
}

async function bytesOf(plan: ZipPlan, offset = 0, length = plan.layout.sizeBytes): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of readZip(plan, { offset, length }, signal)) pieces.push(piece);
  return concatBytes(pieces);
}

interface PythonEntry {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  readonly mode: number;
  readonly time: readonly number[];
  readonly version: number;
  readonly content: string | null;
}

/** What Python's zipfile finds; `content` in hex, of small entries and of the last. */
function readByPython(path: string): PythonEntry[] {
  const script = `
import sys,json,zipfile
z=zipfile.ZipFile(sys.argv[1])
all=z.infolist()
few=set(map(id,all[:100]+all[-1:]))
print(json.dumps([dict(name=i.filename,size=i.file_size,offset=i.header_offset,mode=i.external_attr>>16,
  time=i.date_time,version=i.extract_version,content=z.read(i).hex() if i.file_size<100000 and id(i) in few else None)
  for i in all]))`;
  const out = execFileSync("python3", ["-c", script, path], { maxBuffer: 1 << 30 });
  return JSON.parse(out.toString()) as PythonEntry[];
}

async function written(plan: ZipPlan, name: string): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, await bytesOf(plan));
  return path;
}

const big = new SeededRandom(7).bytes(3 * 1024 * 1024 + 17);
const sample = directory("docs", [
  file("a.txt", "hello"),
  file("empty", ""),
  file("big.bin", contentOf(big)),
  file("grün ☂ 𝄞.txt", "umbrella", { attributes: { mode: 0o600 } }),
  file("run.sh", "#!/bin/sh\n", {
    attributes: { mode: 0o755, mtimeNs: 1_000_000_001_500_000_000n },
  }),
  symlink("to", "../else/where"),
  special("pipe", "fifo"),
  directory("below", [file("deep", "x"), directory("empty folder", [])]),
]);

describe("a ZIP archive", () => {
  test("has the length that was known before, and is whole for other programs", async () => {
    const { plan, skipped } = await planned(sample);
    expect(skipped).toEqual(["docs/pipe: a ZIP archive cannot hold a fifo"]);
    expect(plan).toMatchObject({ files: 6, directories: 3, others: 1 });
    const path = await written(plan, "sample.zip");
    expect(statSync(path).size).toBe(plan.layout.sizeBytes);
    execFileSync("unzip", ["-tqq", path]);
    const found = new Map(readByPython(path).map((entry) => [entry.name, entry]));
    expect([...found.keys()]).toEqual([
      "docs/",
      "docs/a.txt",
      "docs/below/",
      "docs/below/deep",
      "docs/below/empty folder/",
      "docs/big.bin",
      "docs/empty",
      "docs/grün ☂ 𝄞.txt",
      "docs/run.sh",
      "docs/to",
    ]);
    expect(found.get("docs/a.txt")?.content).toBe(toHex(utf8("hello")));
    expect(found.get("docs/grün ☂ 𝄞.txt")).toMatchObject({ mode: 0o100600, version: 10 });
    expect(found.get("docs/below/")).toMatchObject({ mode: 0o040755, version: 20 });
    expect(found.get("docs/to")).toMatchObject({
      mode: 0o120777,
      content: toHex(utf8("../else/where")),
    });
  });

  test("unpacks with its modes, times, links and contents", async () => {
    const { plan } = await planned(sample);
    const path = await written(plan, "modes.zip");
    const out = join(folder, "modes");
    execFileSync("unzip", ["-qq", path, "-d", out], {
      env: { ...process.env, TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8" },
    });
    expect(statSync(join(out, "docs/run.sh")).mode & 0o777).toBe(0o755);
    expect(statSync(join(out, "docs/run.sh")).mtimeMs).toBe(1_000_000_001_000);
    expect(readlinkSync(join(out, "docs/to"))).toBe("../else/where");
    expect(readFileSync(join(out, "docs/big.bin")).equals(big)).toBe(true);
  });

  test.each([
    ["bsdtar", ["-xf"], "libarchive-tools"],
    ["7z", ["t"], "p7zip-full"],
  ] as const)("is read by %s", async (program, words, debian) => {
    if (!hasProgram(program)) return void need(false, debian);
    const { plan } = await planned(sample);
    const path = await written(plan, `${program}.zip`);
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    execFileSync(program, [...words, path], { cwd: folder, stdio: "ignore", env });
  });

  test("is the same each time, and empty when there is nothing", async () => {
    const first = await bytesOf((await planned(sample)).plan);
    const second = await bytesOf((await planned(sample)).plan);
    expect(Buffer.compare(first, second)).toBe(0);
    const nothing = await planned(directory("", []));
    expect(toHex(await bytesOf(nothing.plan))).toBe(`504b0506${"00".repeat(18)}`);
  });

  test("holds times before 1970 and beyond 2038 as far as the format can", async () => {
    const at = (mtimeNs: bigint): { attributes: { mtimeNs: bigint } } => ({
      attributes: { mtimeNs },
    });
    const { plan } = await planned(
      directory("", [
        file("old", "x", at(-1_500_000_000n)),
        file("late", "x", at(4_000_000_000n * 1_000_000_000n)),
        file("never", "x", at(9_000_000_000n * 1_000_000_000n)),
      ]),
    );
    const path = await written(plan, "times.zip");
    const out = join(folder, "times");
    execFileSync("unzip", ["-qq", path, "-d", out], {
      env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
    });
    // unzip takes a year before 1980 for an error; the field itself has a sign.
    const old = plan.layout.centralHeader(2);
    expect(toHex(plan.layout.name(2))).toBe(toHex(utf8("old")));
    expect(toHex(old)).toContain("55540500" + "01" + "feffffff");
    expect(statSync(join(out, "late")).mtimeMs).toBe(4_000_000_000_000);
    expect(readByPython(path)[1]?.time).toEqual([2107, 12, 31, 23, 59, 58]);
  });

  test("breaks off when a content is not what the snapshot says", async () => {
    const wrong = { ...contentOf(utf8("right")), crc32: 1 };
    const { plan } = await planned(directory("", [file("a", "fine"), file("b", wrong)]));
    await expect(bytesOf(plan)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("Cannot archive b") as string,
    });
    const short = { ...contentOf(utf8("short")), sizeBytes: 50, read: () => utf8("short") };
    const other = await planned(directory("", [file("c", short)]));
    await expect(bytesOf(other.plan)).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("names in a ZIP archive", () => {
  const namesOf = async (entries: readonly FsEntry[]): Promise<string[]> => {
    const { plan } = await planned(directory("", entries));
    const { layout } = plan;
    return Array.from({ length: layout.count }, (_, i) =>
      Buffer.from(layout.name(i)).toString("utf8"),
    );
  };

  test("lead nowhere else, wherever they are unpacked", async () => {
    const names = await namesOf([
      file("..\\..\\evil", ""),
      file("C:evil", ""),
      file("line\nbreak", ""),
      file(new Uint8Array([0x66, 0xff]), ""),
      file("\u0000nul".slice(1), ""),
      directory("c:", [file("d:kept", "")]),
    ]);
    expect(names.sort()).toEqual(
      [".._.._evil", "C_evil", "c_/", "c_/d:kept", "f_xff", "line_u000abreak", "nul"].sort(),
    );
    for (const name of names) {
      expect(name).not.toMatch(/[\\\p{Cc}]/u);
      expect(name.split("/")).not.toContain("..");
    }
  });

  test("stay different when making them safe makes them equal", async () => {
    const names = await namesOf([
      file("a\\b.txt", ""),
      file("a_b.txt", ""),
      file("a\\b.tar", ""),
      file("a_b (2).txt", ""),
      file("x\\y\\z", ""),
      file("x\\y_z", ""),
      file("x_y\\z", ""),
    ]);
    expect(new Set(names).size).toBe(7);
    expect(names).toContain("a_b.txt");
    expect(names).toContain("a_b (2).txt");
    expect(names).toContain("a_b (3).txt");
    expect(names).toEqual(expect.arrayContaining(["x_y_z", "x_y_z (2)", "x_y_z (3)"]));
  });

  test("that are too long are left out, and said", async () => {
    let deep: FsEntry = file("end", "x");
    for (let i = 0; i < 300; i++) deep = directory("d".repeat(250), [deep]);
    const { plan, skipped } = await planned(directory("", [deep, file("kept", "")]));
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).toMatch(/too long for a ZIP archive$/);
    expect(readByPython(await written(plan, "long.zip")).at(-1)?.name).toBe("kept");
  });
});

describe("a range of a ZIP archive", () => {
  const seed = testSeed();
  test(`equals that part of the whole (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 8; round++) {
      const { plan } = await planned(randomFolder(random, "top", 0));
      const whole = await bytesOf(plan);
      expect(whole.length).toBe(plan.layout.sizeBytes);
      for (let i = 0; i < 60; i++) {
        const offset = random.below(whole.length);
        const length = 1 + random.below(Math.min(whole.length - offset, 1 << random.below(23)));
        const part = await bytesOf(plan, offset, length);
        expect(Buffer.compare(part, whole.subarray(offset, offset + length))).toBe(0);
      }
    }
  }, 30_000);

  test("reads only the files it touches", async () => {
    const read: string[] = [];
    const told = (name: string): FsEntry => {
      const content = contentOf(new Uint8Array(2 * 1024 * 1024));
      const spied = {
        ...content,
        read: (range: { offset: number; length: number }): Bytes => {
          read.push(name);
          return new Uint8Array(range.length);
        },
      };
      return file(name, spied);
    };
    const { plan } = await planned(directory("", ["a", "b", "c"].map(told)));
    const { contentOffset } = plan.layout.place(1);
    await bytesOf(plan, contentOffset + 1000, 50);
    expect(read).toEqual(["b"]);
    await bytesOf(plan, plan.layout.centralStart, 100);
    expect(read).toEqual(["b"]);
  });
});

function randomFolder(random: SeededRandom, name: string, depth: number): FsDirectory {
  const children: FsEntry[] = [];
  for (let i = random.below(depth === 0 ? 40 : 12); i > 0; i--) {
    const child = `${i}${random.chance(0.2) ? "\\ü" : ""}`;
    const sizeBytes = random.chance(0.1)
      ? random.below(2_500_000)
      : random.below(1 << random.below(14));
    if (random.chance(0.2) && depth < 4) children.push(randomFolder(random, child, depth + 1));
    else if (random.chance(0.1)) children.push(symlink(child, "t".repeat(1 + random.below(300))));
    else {
      const bytes = new Uint8Array(sizeBytes).fill(random.below(256));
      bytes.set(random.bytes(Math.min(64, sizeBytes)));
      children.push(file(child, contentOf(bytes)));
    }
  }
  return directory(name, children, { pageEntries: 1 + random.below(7) });
}

describe("ZIP64", () => {
  test("appears for more than 65,534 entries, and not for as many", async () => {
    const entryOf = (_: unknown, i: number): ZipEntry => ({
      path: `f${i}`,
      type: "file",
      mode: 0,
      mtimeNs: 0n,
      sizeBytes: 0,
      crc32: 0,
    });
    const most = zipLayout(Array.from({ length: 65_534 }, entryOf));
    expect(most.end.length).toBe(22);
    expect(zipLayout(Array.from({ length: 65_535 }, entryOf)).end.length).toBe(98);
    expect(most.heldBytes / most.count).toBeLessThan(42 * 2 + 20);

    const entries = Array.from({ length: 66_000 }, (_, i) => file(`f${i}`, `${i}`));
    const { plan } = await planned(directory("", entries));
    const found = readByPython(await written(plan, "many.zip"));
    expect(found).toHaveLength(66_000);
    const last = found.at(-1);
    expect(Buffer.from(last?.content ?? "", "hex").toString()).toBe(last?.name.slice(1));
  }, 30_000);

  test("carries files and offsets beyond 4 GiB, and only what needs it", async () => {
    const hugeBytes = 5 * 1024 ** 3 + 3;
    const huge = {
      sizeBytes: hugeBytes,
      contentKey: "huge",
      crc32: 0x12345678,
      read: ({ length }: { length: number }): Bytes => new Uint8Array(length),
    };
    const root = directory("", [file("a", "before"), file("huge", huge), file("z", "behind")]);
    const { plan } = await planned(root);
    const { layout } = plan;
    // What is not zeros is written; the rest of the file is a hole.
    const path = join(folder, "huge.zip");
    const fd = openSync(path, "w");
    ftruncateSync(fd, layout.sizeBytes);
    const head = await bytesOf(plan, 0, layout.place(1).contentOffset);
    const tailAt = layout.place(2).offset;
    const tail = await bytesOf(plan, tailAt, layout.sizeBytes - tailAt);
    writeSync(fd, head, 0, head.length, 0);
    writeSync(fd, tail, 0, tail.length, tailAt);
    closeSync(fd);
    const found = readByPython(path);
    expect(found.map(({ name, size, version }) => [name, size, version])).toEqual([
      ["a", 6, 10],
      ["huge", hugeBytes, 45],
      ["z", 6, 45],
    ]);
    expect(found[2]?.offset).toBe(tailAt);
    expect(found[2]?.content).toBe(toHex(utf8("behind")));
    const listed = execFileSync("zipinfo", ["-l", path]).toString();
    expect(listed).toContain(String(hugeBytes));
    rmSync(path);
    // The bytes around the 4 GiB are those of the content.
    const middle = await bytesOf(plan, layout.place(1).contentOffset + 2 ** 32 - 10, 20);
    expect(toHex(middle)).toBe("00".repeat(20));
  });
});

test("a layout without a snapshot has the bytes that the format names", () => {
  const content = utf8("hi");
  const layout = zipLayout([
    {
      path: "ü",
      type: "file",
      mode: 0o644,
      mtimeNs: 1_700_000_000_000_000_000n,
      sizeBytes: 2,
      crc32: crc32(content),
    },
  ]);
  // Written by hand from APPNOTE 4.3.7: 2023-11-14 22:13:20 UTC is 0x576e 0xb1aa in DOS.
  expect(toHex(layout.localHeader(0))).toBe(
    "504b0304" +
      "0a00" +
      "0008" +
      "0000" +
      "aab1" +
      "6e57" +
      "ac2a93d8" +
      "02000000" +
      "02000000" +
      "0200" +
      "0900" +
      "c3bc" +
      "5554" +
      "0500" +
      "01" +
      "00f15365",
  );
  expect(() =>
    zipLayout([
      { path: "x".repeat(65_536), type: "file", mode: 0, mtimeNs: 0n, sizeBytes: 0, crc32: 0 },
    ]),
  ).toThrow(/too long/);
});
