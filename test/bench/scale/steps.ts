/** What is measured on a repository of one size, in the order it runs. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Mounted } from "../mounted.ts";
import { measured, mountWork, run } from "../process.ts";
import { findForge } from "../tools/forge.ts";
import { PASSPHRASE } from "../tools/tool.ts";
import type { LookupReport, OpenReport } from "./probe.ts";
import { LARGE_FOLDER_ENTRIES, LARGE_FOLDER_PATH } from "./synthetic-tree.ts";

export interface Measure {
  readonly step: string;
  readonly seconds: number;
  readonly cpuSeconds?: number;
  readonly peakBytes?: number;
}

export interface Place {
  readonly repository: string;
  /** Scratch space beside it. */
  readonly folder: string;
}

const SMALL_TREE_FILES = 200;
const forge = findForge();

/** Every step once. @throws Error when one fails or does not do its work. */
export async function measureAll(place: Place): Promise<Measure[]> {
  return [
    ...openSteps(place),
    ...lookupSteps(place),
    ...commandSteps(place),
    ...(await mountSteps(place)),
    ...backupSteps(place),
    ...checkSteps(place),
  ];
}

/** @returns blobs and segments of the repository, as its index counts them. */
export function sizeOf(place: Place): { readonly blobs: number; readonly segments: number } {
  return probe<OpenReport>("open", place);
}

function openSteps(place: Place): Measure[] {
  const { unlockMs, openMs, openCpuMs, firstListMs, peakBytes } = probe<OpenReport>("open", place);
  return [
    { step: "unlock (the KDF)", seconds: unlockMs / 1e3 },
    {
      step: "open: index and snapshots",
      seconds: openMs / 1e3,
      cpuSeconds: openCpuMs / 1e3,
      peakBytes,
    },
    { step: "first folder listing after it", seconds: firstListMs / 1e3 },
  ];
}

function lookupSteps(place: Place): Measure[] {
  const found = probe<LookupReport>("lookup", place);
  return [
    { step: "lookup, page in memory", seconds: found.residentNs / 1e9 },
    { step: "lookup, not stored", seconds: found.absentNs / 1e9 },
    { step: "lookup, page to be read", seconds: found.coldUs / 1e6 },
    { step: "lookup, 20,000 at once", seconds: found.batchedUs / 1e6 },
  ];
}

function commandSteps(place: Place): Measure[] {
  const [before = "", after = ""] = generatedSnapshots(place).slice(-2);
  return [
    command(place, "snapshots", ["snapshots"], 50),
    command(place, "ls of /", ["ls", after], 1),
    command(
      place,
      "ls -l of 100,000 entries",
      ["ls", "-l", after, LARGE_FOLDER_PATH],
      LARGE_FOLDER_ENTRIES,
    ),
    command(place, "diff of two snapshots", ["diff", before, after], 2),
    command(place, "find, one snapshot", ["find", "-s", after, "IMG_*_01234?.jpg"], 10),
    command(place, "find, 50 snapshots", ["find", "--path", "/home", "IMG_*_01234?.jpg"], 10),
  ];
}

/** Ready is when the newest snapshot's root was listed. */
async function mountSteps(place: Place): Promise<Measure[]> {
  const { repository, folder } = place;
  const { mounting } = forge;
  if (mounting === undefined) throw new Error("forge has no mount");
  const ofHome = {
    ...mounting,
    mount: (_: string, mountPoint: string) =>
      words(place, ["mount", "--path", "/home", mountPoint]),
  };
  const mounted = Mounted.start(ofHome, { repository, number: 1, work: folder });
  try {
    const ready = { step: "mount ready", seconds: mounted.readySeconds };
    const [cpuSeconds, peakBytes] = [mounted.cpuSeconds(), mounted.peakBytes()];
    const list = (path: string, entries: number): number => {
      const work = mountWork(["list", join(mounted.root, path)]);
      if ((work.entries ?? 0) < entries)
        throw new Error(`${path} has ${work.entries ?? 0} entries`);
      return work.seconds;
    };
    const first = list("home/anna", 1);
    const large = list(LARGE_FOLDER_PATH, LARGE_FOLDER_ENTRIES);
    return [
      { ...ready, cpuSeconds, peakBytes },
      { step: "mount, first ls -l", seconds: first },
      {
        step: "mount, ls -l of 100,000 entries",
        seconds: large,
        cpuSeconds: mounted.cpuSeconds() - cpuSeconds,
        peakBytes: mounted.peakBytes(),
      },
    ];
  } finally {
    await mounted.end();
  }
}

/** A small tree that did not change since the backup before: what is left is the repository's size. */
function backupSteps(place: Place): Measure[] {
  const tree = join(place.folder, "small-tree");
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  for (let i = 0; i < SMALL_TREE_FILES; i++)
    writeFileSync(join(tree, `file-${i}`), `content ${i}\n`);
  run(words(place, ["backup", "--tag", "measured", tree]));
  const backup = command(
    place,
    "unchanged backup of 200 files",
    ["backup", "--tag", "measured", tree],
    0,
  );
  rmSync(tree, { recursive: true, force: true });
  return [backup];
}

/** When this forge has the command. */
function checkSteps(place: Place): Measure[] {
  const help = run({ words: words(place, ["--help"]).words, environment: {} });
  return /^ {2}check\b/m.test(help) ? [command(place, "check", ["check"], 0)] : [];
}

function command(place: Place, step: string, line: readonly string[], lines: number): Measure {
  const cost = measured(words(place, line), place.folder);
  const printed = readFileSync(join(place.folder, "stdout"), "utf8").split("\n").length - 1;
  if (printed < lines) throw new Error(`${step}: ${printed} lines, and ${lines} were expected`);
  return { step, ...cost };
}

function words({ repository }: Place, line: readonly string[]) {
  const { words: all, environment } = forge.init(repository);
  // All of it but what `init` adds: the program and the repository.
  return { words: [...all.slice(0, 3), ...line], environment };
}

/** Ids of the snapshots that were generated, oldest first; those of backups measured here are not. */
function generatedSnapshots(place: Place): string[] {
  const listed: unknown = JSON.parse(run(words(place, ["--json", "snapshots", "--path", "/home"])));
  if (!Array.isArray(listed)) throw new Error("`forge snapshots --json` gave no list");
  return listed.map((one: { readonly id: string }) => one.id);
}

function probe<Report>(what: string, { repository }: Place): Report {
  const script = join(import.meta.dirname, "probe.ts");
  const text = run({
    words: [process.execPath, script, what, repository],
    environment: { FORGE_PASSPHRASE: PASSPHRASE, UV_THREADPOOL_SIZE: "16" },
  });
  return JSON.parse(text) as Report;
}
