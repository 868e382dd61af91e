import { expect, test } from "vitest";

import type { FsDirectory, FsEntry, FsFile } from "../../engine/read/readonly-fs.ts";
import type { Inode } from "../../mount/inode-table.ts";
import { SmallFilesAhead } from "../../mount/small-files-ahead.ts";
import { contentOf, directory, file } from "../helpers/memory-fs.ts";

interface Folder {
  readonly ahead: SmallFilesAhead;
  /** Numbers of the files that were opened, and of those given to other threads. */
  readonly opened: number[];
  readonly begun: number[];
  readonly loaded: number[];
  /** A program reads file `ordinal`; then everything is done that can be. */
  readonly read: (ordinal: number, nodeId?: number) => void;
  /** Does what can be done now. */
  readonly work: () => "loading" | "nothing";
}

/** A folder of files of `sizes`; those in `unread` have to be loaded first. */
function folderOf(sizes: readonly number[], unread: ReadonlySet<number> = new Set()): Folder {
  const ahead = new SmallFilesAhead();
  const opened: number[] = [];
  const begun: number[] = [];
  const loaded: number[] = [];
  const entries = sizes.map((size, ordinal): FsEntry => {
    const made = file(String(ordinal), contentOf(new Uint8Array(size)));
    return Object.assign(made, {
      ordinal,
      readNow: () => {
        if (unread.has(ordinal) && !loaded.includes(ordinal)) return undefined;
        opened.push(ordinal);
        return [];
      },
      load: () => {
        loaded.push(ordinal);
        return Promise.resolve();
      },
      prefetch: () => begun.push(ordinal),
    } satisfies Partial<FsFile> & { prefetch: () => number });
  });
  const parent: FsDirectory = Object.assign(directory("folder", entries), {
    // A page of seven.
    readEntriesNow: (from: number) => entries.slice(from, from + 7),
  });
  const work = (): "loading" | "nothing" => {
    for (let i = 0; i < 1000; i++) {
      const done = ahead.work();
      if (done !== "done") return done;
    }
    return expect.fail("it goes on for ever");
  };
  const read = (ordinal: number, nodeId = 7): void => {
    const entry = entries[ordinal] as FsEntry;
    const home: Inode = { id: nodeId, number: 7n, parent: undefined, entry: parent };
    ahead.onRead({ id: 100 + ordinal, number: 0n, parent: home, entry });
    work();
  };
  return { ahead, opened, begun, loaded, read, work };
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

test("a program that goes through a folder finds the next eight files opened, each once", () => {
  const { opened, read } = folderOf(numbers(0, 40).map(() => 1000));
  read(0);
  expect(opened).toEqual([]);
  read(1);
  expect(opened).toEqual(numbers(2, 10));
  read(2);
  expect(opened).toEqual(numbers(2, 11));
  for (const ordinal of numbers(3, 40)) read(ordinal);
  expect(opened).toEqual(numbers(2, 40));
});

test("reading one file, or here and there, or the same again, opens nothing", () => {
  const { opened, read } = folderOf(numbers(0, 400).map(() => 1000));
  for (const ordinal of [5, 5, 5, 100, 60, 300, 200]) read(ordinal);
  expect(opened).toEqual([]);
});

test("larger files go to other threads, empty and huge ones to nobody", () => {
  const sizes = [10, 10, 0, 70_000, 10, 3_000_000, 10];
  const { opened, begun, read } = folderOf(sizes);
  read(0);
  read(1);
  expect({ opened, begun }).toEqual({ opened: [4, 6], begun: [3] });
});

test("what has to be loaded is waited for, and the rest follows", async () => {
  const { opened, loaded, read, work } = folderOf(
    numbers(0, 12).map(() => 1000),
    new Set([4, 5]),
  );
  read(0);
  read(1);
  expect({ opened, loaded }).toEqual({ opened: [2, 3], loaded: [4] });
  expect(work()).toBe("loading");
  await Promise.resolve();
  await Promise.resolve();
  expect(work()).toBe("loading");
  await Promise.resolve();
  await Promise.resolve();
  expect(work()).toBe("nothing");
  // The loaded ones are in the cache already.
  expect(opened).toEqual([2, 3, 6, 7, 8, 9]);
});

test("what cannot be read ends it quietly, until the program goes on", () => {
  const folder = folderOf(numbers(0, 12).map(() => 1000));
  folder.read(0);
  const fails = folder.opened.push.bind(folder.opened);
  folder.opened.push = () => {
    throw new Error("damaged");
  };
  folder.read(1);
  expect(folder.work()).toBe("nothing");
  folder.opened.push = fails;
  folder.read(2);
  expect([...folder.opened]).toEqual(numbers(3, 11));
});

test("a folder that can change is left alone", () => {
  const ahead = new SmallFilesAhead();
  const entry = Object.assign(file("0", contentOf(new Uint8Array(9))), { ordinal: 1 });
  const parent: Inode = {
    id: 2,
    number: 2n,
    parent: undefined,
    entry: directory("latest", [], { immutable: false }),
  };
  ahead.onRead({ id: 3, number: 3n, parent, entry: Object.assign(entry, { ordinal: 1 }) });
  ahead.onRead({ id: 4, number: 4n, parent, entry: Object.assign({ ...entry }, { ordinal: 2 }) });
  expect(ahead.work()).toBe("nothing");
});
