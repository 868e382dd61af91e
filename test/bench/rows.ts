/** The rows of the table, in the order they run. */
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { countTree } from "./corpus.ts";
import { Mounted } from "./mounted.ts";
import { type Cost, mountWork } from "./process.ts";
import type { RepositoryName, Workshop } from "./workshop.ts";

export interface Sample {
  readonly row: RowId;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** What a backup added to the repository. */
  readonly addedBytes?: number;
}

export interface RowFacts {
  readonly label: string;
  /** The share of the better peer's time that forge aims at; absent where only bytes are compared. */
  readonly target?: number;
}

export const ROWS = {
  "backup-small": { label: "backup small, cold", target: 0.5 },
  "backup-small-unchanged": { label: "backup small, unchanged", target: 0.35 },
  "backup-big": { label: "backup big, cold", target: 0.5 },
  "backup-big-edited": { label: "backup big, 40 edits", target: 0.6 },
  "backup-one": { label: "backup one large file, cold" },
  "backup-random": { label: "backup incompressible, cold", target: 0.5 },
  "backup-release": { label: "backup of the next release" },
  "restore-small": { label: "restore small", target: 0.5 },
  "restore-big": { label: "restore big", target: 0.5 },
  list: { label: "ls -R of a snapshot", target: 0.5 },
  dump: { label: "dump one small file", target: 0.6 },
  check: { label: "check, structure", target: 0.5 },
  "check-data": { label: "check --read-data", target: 0.5 },
  "mount-ready": { label: "mount ready", target: 0.8 },
  "mount-sequential": { label: "mount, sequential read", target: 0.35 },
  "mount-random": { label: "mount, 300 random 4 KiB", target: 0.4 },
  "mount-stat-first": { label: "mount, stat of every file", target: 0.2 },
  "mount-stat-again": { label: "mount, stat of every file again", target: 0.2 },
  "mount-small-files": { label: "mount, read 7,900 small files", target: 0.4 },
  "mount-copy": { label: "mount, cp -a of all small files" },
  "mount-copy-plain": { label: "mount --no-xattrs, the same" },
} as const satisfies Record<string, RowFacts>;

export type RowId = keyof typeof ROWS;

export const ROW_IDS = Object.keys(ROWS) as RowId[];

/** What runs in one go for one tool; a group runs when one of its rows is wanted. */
export interface RowGroup {
  readonly rows: readonly RowId[];
  readonly run: (shop: Workshop) => Promise<Sample[]> | Sample[];
}

export const SEQUENTIAL_BYTES = 560e6;
const RANDOM_READS = 300;
const RANDOM_SEED = 7;

export const GROUPS: readonly RowGroup[] = [
  {
    rows: ["backup-small"],
    run(shop) {
      shop.init("small");
      return [backup(shop, "backup-small", "small")];
    },
  },
  {
    rows: ["backup-small-unchanged"],
    run(shop) {
      shop.ensure("small", 1);
      return [backup(shop, "backup-small-unchanged", "small")];
    },
  },
  {
    rows: ["backup-big"],
    run(shop) {
      shop.corpus.big.show("before");
      shop.init("big");
      return [backup(shop, "backup-big", "big")];
    },
  },
  {
    rows: ["backup-big-edited"],
    run(shop) {
      shop.ensure("big", 1);
      shop.corpus.big.show("after");
      return [backup(shop, "backup-big-edited", "big")];
    },
  },
  {
    rows: ["backup-one"],
    run(shop) {
      shop.corpus.big.show("before");
      shop.init("one");
      return [backup(shop, "backup-one", "one")];
    },
  },
  {
    rows: ["backup-random"],
    run(shop) {
      shop.init("random");
      return [backup(shop, "backup-random", "random")];
    },
  },
  {
    rows: ["backup-release"],
    run(shop) {
      const { releases } = shop.corpus;
      if (releases === undefined) return [];
      releases.show("before");
      shop.init("releases");
      shop.backup("releases");
      releases.show("after");
      return [backup(shop, "backup-release", "releases")];
    },
  },
  { rows: ["restore-small"], run: (shop) => [restore(shop, "restore-small", "small")] },
  { rows: ["restore-big"], run: (shop) => [restore(shop, "restore-big", "big")] },
  {
    rows: ["list"],
    run(shop) {
      if (shop.tool.list === undefined) return [];
      shop.ensure("small", 2);
      const cost = shop.measure(shop.tool.list(shop.repository("small"), shop.newest("small")));
      const lines = readFileSync(join(shop.folder, "stdout"), "utf8").split("\n").length;
      expectAtLeast(lines, shop.corpus.smallEntries, "lines listed", shop);
      return [{ row: "list", ...cost }];
    },
  },
  {
    rows: ["dump"],
    run(shop) {
      shop.ensure("small", 2);
      const path = join(shop.corpus.small, shop.corpus.oneFile);
      const { tool } = shop;
      if (tool.dump === undefined) return [];
      const cost = shop.measure(tool.dump(shop.repository("small"), shop.newest("small"), path));
      if (!readFileSync(path).equals(readFileSync(join(shop.folder, "stdout")))) {
        throw new Error(`${tool.name} dumped something else than ${path}`);
      }
      return [{ row: "dump", ...cost }];
    },
  },
  {
    rows: ["check", "check-data"],
    run(shop) {
      const { check, checkData } = shop.tool;
      shop.ensure("small", 2);
      const repository = shop.repository("small");
      const samples: Sample[] = [];
      if (check !== undefined) samples.push({ row: "check", ...shop.measure(check(repository)) });
      if (checkData !== undefined) {
        samples.push({ row: "check-data", ...shop.measure(checkData(repository)) });
      }
      return samples;
    },
  },
  {
    rows: ["mount-ready"],
    run: (shop) =>
      inMount(shop, "small", (mounted) => [
        {
          row: "mount-ready",
          seconds: mounted.readySeconds,
          cpuSeconds: mounted.cpuSeconds(),
          peakBytes: mounted.peakBytes(),
        },
      ]),
  },
  {
    rows: ["mount-sequential"],
    run: (shop) =>
      inMount(shop, "big", (mounted) => {
        const files = shop.corpus.bigFiles.map((name) => join(mounted.root, name));
        return [
          served("mount-sequential", mounted, () => {
            const work = mountWork(["sequential", String(SEQUENTIAL_BYTES), ...files]);
            const whole = Math.min(SEQUENTIAL_BYTES, shop.corpus.bigBytes);
            expectAtLeast(work.bytes ?? 0, whole, "bytes read", shop);
            return work.seconds;
          }),
        ];
      }),
  },
  {
    rows: ["mount-random"],
    run: (shop) =>
      inMount(shop, "big", (mounted) => {
        const files = shop.corpus.bigFiles.map((name) => join(mounted.root, name));
        return [
          served("mount-random", mounted, () => {
            const { seconds } = mountWork([
              "random",
              String(RANDOM_READS),
              String(RANDOM_SEED),
              ...files,
            ]);
            return seconds;
          }),
        ];
      }),
  },
  {
    rows: ["mount-stat-first", "mount-stat-again"],
    run: (shop) =>
      inMount(shop, "small", (mounted) => {
        const folder = join(mounted.root, shop.corpus.small);
        const find = { words: ["find", folder, "-printf", "%s\\n"], environment: {} };
        const statAll = (): number => {
          const { seconds } = shop.measure(find);
          const lines = readFileSync(join(shop.folder, "stdout"), "utf8").split("\n").length;
          expectAtLeast(lines, shop.corpus.smallEntries, "files seen", shop);
          return seconds;
        };
        return [
          served("mount-stat-first", mounted, statAll),
          served("mount-stat-again", mounted, statAll),
        ];
      }),
  },
  {
    rows: ["mount-small-files"],
    run: (shop) =>
      inMount(shop, "small", (mounted) => {
        const folder = join(mounted.root, shop.corpus.small);
        return [
          served("mount-small-files", mounted, () => {
            const work = mountWork(["files", shop.corpus.fileList, folder]);
            expectAtLeast(work.files ?? 0, shop.corpus.fileListCount, "files read", shop);
            return work.seconds;
          }),
        ];
      }),
  },
  {
    rows: ["mount-copy"],
    run: (shop) => inMount(shop, "small", (mounted) => [copy(shop, "mount-copy", mounted)]),
  },
  {
    rows: ["mount-copy-plain"],
    run: (shop) => {
      const { mounting } = shop.tool;
      const mount = mounting?.mountWithoutXattrs;
      const plain = mounting && mount && { ...mounting, mount };
      if (plain === undefined) return [];
      const work = (mounted: Mounted): Sample[] => [copy(shop, "mount-copy-plain", mounted)];
      return inMount(shop, "small", work, plain);
    },
  },
];

function copy(shop: Workshop, row: RowId, mounted: Mounted): Sample {
  const target = join(shop.folder, "copied");
  rmSync(target, { recursive: true, force: true });
  const words = ["cp", "-a", join(mounted.root, shop.corpus.small), target];
  const sample = served(row, mounted, () => shop.measure({ words, environment: {} }).seconds);
  expectAtLeast(countTree(target).smallBytes, shop.corpus.smallBytes, "bytes copied", shop);
  rmSync(target, { recursive: true, force: true });
  return sample;
}

function backup(shop: Workshop, row: RowId, name: RepositoryName): Sample {
  const before = shop.repositoryBytes(name);
  const cost = shop.backup(name);
  return { row, ...cost, addedBytes: shop.repositoryBytes(name) - before };
}

function restore(shop: Workshop, row: RowId, name: RepositoryName): Sample {
  shop.ensure(name, 2);
  if (name === "big") shop.corpus.big.show("after");
  const target = join(shop.folder, "restored");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  const cost: Cost = shop.measure(
    shop.tool.restore(shop.repository(name), shop.newest(name), target),
  );
  if (name === "small") {
    const { smallBytes } = countTree(shop.tool.restoredAt(target, shop.corpus.small));
    expectAtLeast(smallBytes, shop.corpus.smallBytes, "bytes restored", shop);
  } else {
    const root = shop.tool.restoredAt(target, shop.corpus.big.path);
    for (const file of shop.corpus.bigFiles) {
      const restored = join(root, relative(shop.corpus.big.path, file));
      expectAtLeast(statSync(restored).size, statSync(file).size, "bytes restored", shop);
    }
  }
  rmSync(target, { recursive: true, force: true });
  return { row, ...cost };
}

/** A fresh mount for `work`, ended on every way out. */
async function inMount(
  shop: Workshop,
  name: RepositoryName,
  work: (mounted: Mounted) => Sample[],
  mounting = shop.tool.mounting,
): Promise<Sample[]> {
  if (mounting === undefined) return [];
  shop.ensure(name, 2);
  shop.settle();
  const mounted = Mounted.start(mounting, {
    repository: shop.repository(name),
    number: shop.newest(name),
    work: shop.folder,
  });
  try {
    return work(mounted);
  } finally {
    await mounted.end();
  }
}

function served(row: RowId, mounted: Mounted, work: () => number): Sample {
  const before = mounted.cpuSeconds();
  const seconds = work();
  const cpuSeconds = mounted.cpuSeconds() - before;
  return { row, seconds, cpuSeconds, peakBytes: mounted.peakBytes() };
}

/** A row that did not do its work has no time. */
function expectAtLeast(found: number, wanted: number, what: string, shop: Workshop): void {
  if (found < wanted) {
    throw new Error(`${shop.tool.name}: ${found} ${what}, and ${wanted} were expected`);
  }
}
