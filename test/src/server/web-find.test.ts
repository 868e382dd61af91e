/** Search, versions and differences over the web API. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import type { Snapshot } from "../../../engine/node.ts";
import type { DiffLine, SearchHit, SearchLine, VersionList } from "../../../src/server/api.ts";
import {
  type ExpectedEntry,
  directory,
  file,
  noise,
  symlink,
} from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";

const DAY_NS = 86_400_000_000_000n;
const START_NS = 1_700_000_000_000_000_000n;

let web: TestWeb;
let user: TestUser;
/** Of the machine `one`, the oldest first; then one of `two`. */
let snapshots: Snapshot[];

function home(...children: ExpectedEntry[]): ExpectedEntry {
  return directory("", [directory("home", children)]);
}

const notUtf8 = new Uint8Array([0x66, 0xff, 0x6f]);
const trees = [
  home(file("report.txt", "first"), file("Gone.txt", "x"), file("same", "s")),
  home(file("report.txt", "second!"), file("Gone.txt", "x"), file("same", "s")),
  home(file("report.txt", "first"), file("same", "s"), directory("new", [file(notUtf8, "n")])),
];

beforeAll(async () => {
  const memory = await MemoryRepository.create();
  snapshots = [];
  for (const [day, tree] of trees.entries()) {
    snapshots.push(await memory.addSnapshot(tree, fields("one", day, "/home")));
  }
  const other = directory("", [
    directory("etc", [file("report.conf", noise(10)), symlink("l", "x")]),
  ]);
  snapshots.push(await memory.addSnapshot(other, fields("two", 3, "/etc")));
  web = await serveWeb(memory);
  user = await web.logIn();
});
afterAll(() => web.close());

function fields(hostname: string, day: number, path: string): Partial<Snapshot> {
  const timeNs = START_NS + BigInt(day) * DAY_NS;
  return { hostname, timeNs, endTimeNs: timeNs + 1n, paths: [utf8(path)] };
}

function idOf(number: number): string {
  return snapshots[number]?.id ?? "";
}

async function lines<Line>(path: string): Promise<Line[]> {
  const { status, text, headers } = await user.ask(path);
  expect(status, text).toBe(200);
  expect(headers["content-type"]).toBe("application/x-ndjson");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

async function search(query: string): Promise<{ hits: SearchHit[]; end: SearchLine | undefined }> {
  const all = await lines<SearchLine>(`/api/search?${query}`);
  return { hits: all.flatMap((line) => (line.type === "hit" ? [line.hit] : [])), end: all.at(-1) };
}

describe("search", () => {
  test("tells each path once, with the snapshots and contents it has", async () => {
    const { hits, end } = await search("q=report");
    expect(hits.map(({ path }) => path)).toEqual(["etc/report.conf", "home/report.txt"]);
    expect(hits[1]).toMatchObject({
      entry: { name: "report.txt", type: "file", sizeBytes: 5 },
      folder: "/home",
      newestSnapshotId: idOf(2),
      oldestSnapshotId: idOf(0),
      snapshotCount: 3,
      versionCount: 2,
      deleted: false,
    });
    expect(end).toEqual({ type: "done", hits: 2, truncated: false });
  });

  test("what a later backup of the same folders lacks was deleted", async () => {
    const { hits } = await search("q=gone");
    expect(hits).toMatchObject([{ newestSnapshotId: idOf(1), snapshotCount: 2, deleted: true }]);
  });

  test("a capital makes upper and lower case differ", async () => {
    expect((await search("q=Gone")).hits).toHaveLength(1);
    expect((await search("q=GONE")).hits).toHaveLength(0);
  });

  test("globs, paths, types, one snapshot, a host, a folder", async () => {
    const paths = async (query: string): Promise<string[]> =>
      (await search(query)).hits.map(({ path }) => path).sort();
    expect(await paths("q=*.txt")).toEqual(["home/Gone.txt", "home/report.txt"]);
    expect(await paths("q=%2Fhome%2F*")).toEqual([
      "home/Gone.txt",
      "home/new",
      "home/report.txt",
      "home/same",
    ]);
    expect(await paths("q=home/re")).toEqual(["home/report.txt"]);
    expect(await paths("q=e&type=directory")).toEqual(["etc", "home", "home/new"]);
    expect(await paths(`q=t&snapshot=${idOf(0).slice(0, 10)}&type=file`)).toEqual([
      "home/Gone.txt",
      "home/report.txt",
    ]);
    expect(await paths("q=report&host=two")).toEqual(["etc/report.conf"]);
    expect(await paths("q=o&path=home/new")).toEqual(["home/new/f%FFo"]);
  });

  test("says that there is more", async () => {
    const { hits, end } = await search("q=e&limit=2");
    expect(hits).toHaveLength(2);
    expect(end).toEqual({ type: "done", hits: 7, truncated: true });
  });

  test("refuses what means nothing with a status", async () => {
    for (const query of ["q=", "q=///", "q=[z-a]", "q=a&type=socket", `q=${"a".repeat(1001)}`]) {
      expect((await user.ask(`/api/search?${query}`)).status, query).toBe(400);
    }
    expect((await user.ask("/api/search?q=a&snapshot=ffffffffffffff")).status).toBe(404);
    expect((await user.ask("/api/search?q=a&path=..%2Fx")).status).toBe(400);
  });
});

describe("versions", () => {
  test("are distinct contents, the newest first, with when each was there", async () => {
    const list = await user.json<VersionList>("/api/versions/home/report.txt");
    expect(list).toMatchObject({
      crumbs: [{ name: "home" }, { name: "report.txt", path: "home/report.txt" }],
      snapshotCount: 4,
      absentCount: 1,
      versions: [
        {
          firstSnapshotId: idOf(0),
          lastSnapshotId: idOf(2),
          snapshotCount: 2,
          entry: { sizeBytes: 5 },
        },
        {
          firstSnapshotId: idOf(1),
          lastSnapshotId: idOf(1),
          snapshotCount: 1,
          entry: { sizeBytes: 7 },
        },
      ],
    });
  });

  test("of one host", async () => {
    const list = await user.json<VersionList>("/api/versions/home/same?host=one");
    expect(list).toMatchObject({ snapshotCount: 3, absentCount: 0 });
    expect((await user.ask("/api/versions/home/same?host=two")).status).toBe(404);
  });

  test("of names that are no text, and of none", async () => {
    expect(await user.json<VersionList>("/api/versions/home/new/f%FFo")).toMatchObject({
      absentCount: 3,
    });
    expect((await user.ask("/api/versions/home/nothing")).status).toBe(404);
    expect((await user.ask("/api/versions/home/..")).status).toBe(400);
  });
});

describe("differences", () => {
  test("come in order of paths with the totals of all", async () => {
    const query = `before=${idOf(1)}&after=${idOf(2)}`;
    const all = await lines<DiffLine>(`/api/diff/home?${query}`);
    expect(
      all.map((line) =>
        line.type === "change" ? `${line.change.change} ${line.change.path}` : line,
      ),
    ).toEqual([
      "removed home/Gone.txt",
      "added home/new",
      "added home/new/f%FFo",
      "modified home/report.txt",
      {
        type: "done",
        truncated: false,
        counts: { added: 2, removed: 1, modified: 1, metadata: 0, type: 0 },
        bytesAdded: 1,
        bytesRemoved: 3,
      },
    ]);
    expect(all[2]).toMatchObject({
      change: { names: ["new", "f\\xffo"], after: { sizeBytes: 1 } },
    });
  });

  test("beyond the limit are counted alone", async () => {
    const all = await lines<DiffLine>(`/api/diff/?before=${idOf(1)}&after=${idOf(2)}&limit=1`);
    expect(all).toHaveLength(2);
    expect(all[1]).toMatchObject({ truncated: true, counts: { added: 2, removed: 1 } });
  });

  test("of what is no folder, is not there or not named are refused", async () => {
    const query = `before=${idOf(1)}&after=${idOf(2)}`;
    expect((await user.ask(`/api/diff/home/report.txt?${query}`)).status).toBe(404);
    expect((await user.ask(`/api/diff/home/new?${query}`)).status).toBe(404);
    expect((await user.ask("/api/diff/home")).status).toBe(400);
  });
});
