/**
 * Removing all but the newest snapshot and freeing the space: forge prune --compact beside
 * restic forget --prune and borg prune, borg compact, on the same data, one after another.
 * `npm run bench:space [-- --repeats N --work DIR]`; 1 GB of scratch space for each program.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { measured, run, type Command, type Cost } from "./process.ts";
import { findBorg } from "./tools/borg.ts";
import { findForge } from "./tools/forge.ts";
import { findRestic } from "./tools/restic.ts";
import type { Tool } from "./tools/tool.ts";

const option = (name: string, usual: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? usual : (process.argv[at + 1] ?? usual);
};

const work = join(option("work", "/dev/shm"), `forge-space-${process.pid}`);
const repeats = Number(option("repeats", "3"));

/** Trees of many small files that every Debian has. */
const SMALL = ["/usr/include", "/usr/lib/python3", "/usr/share/doc", "/usr/share/perl"];
const BIG_BYTES = 256 * 1024 * 1024;

function makeData(): void {
  const first = join(work, "first");
  mkdirSync(first, { recursive: true });
  for (const [i, tree] of SMALL.entries()) {
    cpSync(tree, join(first, String(i)), {
      recursive: true,
      verbatimSymlinks: true,
      errorOnExist: false,
    });
  }
  const tar = {
    words: [
      "sh",
      "-c",
      `tar cf - /usr/bin /usr/lib 2>/dev/null | head -c ${BIG_BYTES} > ${first}/big`,
    ],
  };
  run({ ...tar, environment: {} });
  // The second state: half of the small trees are gone, and the big file is edited at 40 places.
  const second = join(work, "second");
  run({ words: ["cp", "-a", first, second], environment: {} });
  for (const i of [1, 3]) rmSync(join(second, String(i)), { recursive: true, force: true });
  const big = join(second, "big");
  copyFileSync(join(first, "big"), big);
  const edits = Array.from({ length: 40 }, (_, i) => Math.floor((BIG_BYTES / 41) * (i + 1)));
  const program = `import os,sys\nf=open(sys.argv[1],'r+b')\nfor at in sys.argv[2:]:\n f.seek(int(at)); f.write(os.urandom(2000))`;
  run({ words: ["python3", "-c", program, big, ...edits.map(String)], environment: {} });
}

/** The commands that remove all but the newest snapshot and free the space, in order. */
function freeing(tool: Tool, repository: string): readonly Command[] {
  const { environment } = tool.init(repository);
  const command = (...words: string[]): Command => ({ words, environment });
  switch (tool.name) {
    case "forge": {
      const launcher = tool.init(repository).words[0] ?? "";
      return [command(launcher, "--repo", repository, "prune", "--keep-last", "1", "--compact")];
    }
    case "restic":
      return [command("restic", "--repo", repository, "forget", "--keep-last", "1", "--prune")];
    case "borg":
      return [
        command("borg", "prune", "--keep-last", "1", repository),
        command("borg", "compact", repository),
      ];
    default:
      throw new Error(`${tool.name} cannot be compared`);
  }
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

interface Freed extends Cost {
  readonly before: number;
  readonly after: number;
}

function runOnce(tool: Tool): Freed {
  const folder = join(work, tool.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const repository = join(folder, "repository");
  const data = join(work, "data");
  run(tool.init(repository));
  for (const [i, state] of (["first", "second"] as const).entries()) {
    renameSync(join(work, state), data);
    try {
      measured(tool.backup(repository, data, i + 1), folder, [1, 3]);
    } finally {
      renameSync(data, join(work, state));
    }
  }
  const before = bytesOf(repository);
  const costs = freeing(tool, repository).map((command) => measured(command, folder));
  const after = bytesOf(repository);
  const sum = (of: (cost: Cost) => number): number =>
    costs.reduce((all, cost) => all + of(cost), 0);
  const target = join(folder, "restored");
  mkdirSync(target);
  measured(tool.restore(repository, 2, target), folder, [1, 3]);
  run({
    words: ["diff", "-r", "--no-dereference", join(work, "second"), tool.restoredAt(target, data)],
    environment: {},
  });
  rmSync(folder, { recursive: true, force: true });
  return {
    seconds: sum(({ seconds }) => seconds),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    peakBytes: Math.max(...costs.map(({ peakBytes }) => peakBytes)),
    before,
    after,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);

mkdirSync(work, { recursive: true });
try {
  makeData();
  const tools = [findForge(), findRestic(work), findBorg(work)].filter(
    (tool) => tool !== undefined,
  );
  const results = new Map<Tool, Freed[]>(tools.map((tool) => [tool, []]));
  for (let round = 0; round < repeats; round++) {
    for (const tool of tools) results.get(tool)?.push(runOnce(tool));
  }
  const of = (tool: Tool, field: keyof Freed): number =>
    median((results.get(tool) ?? []).map((freed) => freed[field]));
  const [forge, ...peers] = tools;
  for (const tool of tools) {
    process.stdout.write(
      `${tool.name.padEnd(7)} ${of(tool, "seconds").toFixed(2)} s, CPU ${of(tool, "cpuSeconds").toFixed(2)} s, ` +
        `peak ${mib(of(tool, "peakBytes"))} MiB, repository ${mib(of(tool, "before"))} → ${mib(of(tool, "after"))} MiB (${tool.version})\n`,
    );
  }
  if (forge !== undefined && peers.length > 0) {
    const ratio = (field: "seconds" | "cpuSeconds"): string =>
      (of(forge, field) / Math.min(...peers.map((peer) => of(peer, field)))).toFixed(2);
    process.stdout.write(
      `forge to the better peer: time ${ratio("seconds")}, CPU ${ratio("cpuSeconds")}\n`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
