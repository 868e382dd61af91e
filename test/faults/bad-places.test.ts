/** Storages that are not what they should be: nothing there, full, read-only, failing. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import type { ForgeError } from "../../engine/base/errors.ts";
import { verifyObjects } from "../../engine/maintenance/verify-objects.ts";
import { nativePlatform } from "../../engine/platform/node/native.ts";
import { type Repository, openRepository } from "../../engine/repository/repository.ts";
import { LocalBackend } from "../../engine/storage/node/local.ts";
import {
  PASSPHRASE,
  backUp,
  createSmallRepository,
  directoryLines,
  readSideOf,
  snapshotLines,
  snapshotsOf,
} from "../helpers/backup-fixture.ts";
import { noise } from "../helpers/expected-tree.ts";
import { hasProgram, need } from "../helpers/need.ts";
import { traceBackup } from "./traced-backup.ts";

let folder: string;
let tree: string;

beforeAll(() => {
  folder = mkdtempSync("/var/tmp/forge-places-");
  tree = `${folder}/tree`;
  mkdirSync(tree);
  for (let i = 0; i < 6; i++) writeFileSync(`${tree}/${i}`, noise(3000, i + 1));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function open(place: string): Promise<Repository<LocalBackend>> {
  const credentials = { passphrase: () => Promise.resolve(PASSPHRASE) };
  return openRepository({
    backend: new LocalBackend(place),
    platform: nativePlatform,
    credentials,
  });
}

async function expectStored(repository: Repository, number: number): Promise<void> {
  const snapshot = (await snapshotsOf(repository))[number];
  if (snapshot === undefined) throw new Error(`no snapshot ${number}`);
  const lines = await snapshotLines(await readSideOf(repository), snapshot, tree);
  expect(lines).toEqual(directoryLines(tree));
}

describe("a place that is no repository", () => {
  it.each<[string, (place: string) => void]>([
    ["is not there", () => undefined],
    ["is an empty directory", (place) => mkdirSync(place)],
    ["is a file", (place) => writeFileSync(place, "a file")],
    [
      "holds something else",
      (place) => {
        mkdirSync(place);
        writeFileSync(`${place}/notes.txt`, "mine");
      },
    ],
  ])("%s: that is what is said", async (what, make) => {
    const place = `${folder}/${what.replaceAll(" ", "-")}`;
    make(place);
    await expect(open(place)).rejects.toMatchObject({
      code: "no-repository",
      message: expect.stringContaining(place) as unknown,
    });
  });
});

describe("a config on disk", () => {
  it("that is damaged, cut short, empty or of a newer forge is told apart", async () => {
    const place = `${folder}/config`;
    await createSmallRepository({ backend: new LocalBackend(place) });
    const config = `${place}/config`;
    const whole = readFileSync(config);
    chmodSync(config, 0o600);
    const put = (bytes: Uint8Array): Promise<unknown> => {
      writeFileSync(config, bytes);
      return open(place);
    };
    await expect(put(new Uint8Array(0))).rejects.toMatchObject({ code: "corrupt" });
    await expect(put(whole.subarray(0, 60))).rejects.toMatchObject({ code: "corrupt" });
    await expect(put(noise(120))).rejects.toMatchObject({ code: "corrupt" });
    const newer = Buffer.from(whole);
    newer[4] = 7;
    await expect(put(newer)).rejects.toMatchObject({ code: "corrupt" });
    newer.set(
      (await nativePlatform.hash(new Uint8Array(newer.subarray(0, 72)))).subarray(0, 16),
      72,
    );
    await expect(put(newer)).rejects.toMatchObject({
      code: "unsupported-version",
      message: expect.stringContaining("version 7") as unknown,
    });
    await put(whole);
  });
});

const isRoot = process.geteuid?.() === 0;

describe.runIf(need(isRoot, "root, to mount file systems"))("a file system of its own", () => {
  let mounted: string | undefined;

  function mountTmpfs(name: string, size: string): string {
    mounted = `${folder}/${name}`;
    mkdirSync(mounted);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", mounted]);
    return mounted;
  }

  afterEach(() => {
    if (mounted !== undefined) execFileSync("umount", [mounted]);
    mounted = undefined;
  });

  it("that is full fails the backup with no-space, and loses nothing", async () => {
    const place = mountTmpfs("full", "8m");
    const repository = await createSmallRepository({
      backend: new LocalBackend(`${place}/repository`),
      dataPackBytes: 1024 * 1024,
      chunker: { minBytes: 16_384, normalBytes: 65_536, maxBytes: 262_144, normalization: 2 },
    });
    await backUp(repository, tree);
    const large = `${tree}/large`;
    writeFileSync(large, noise(7_000_000, 77));
    const ballast = `${place}/ballast`;
    writeFileSync(ballast, new Uint8Array(3_000_000));
    await expect(backUp(repository, tree)).rejects.toMatchObject({ code: "no-space" });
    await expect(backUp(repository, tree)).rejects.toMatchObject({ code: "no-space" });
    expect((await snapshotsOf(repository)).length).toBe(1);
    const problems: ForgeError[] = [];
    await verifyObjects(repository, { onProblem: (error) => problems.push(error) });
    expect(problems).toEqual([]);
    // Room for what is missing, but not for all of it once more.
    rmSync(ballast);
    await backUp(repository, tree);
    await expectStored(repository, 1);
    rmSync(large);
    await repository.backend.close();
  });

  it("that has no room at all leaves every reader what was there", async () => {
    const place = mountTmpfs("brim", "1m");
    const repository = await createSmallRepository({
      backend: new LocalBackend(`${place}/repository`),
    });
    await backUp(repository, tree);
    expect(() => writeFileSync(`${place}/ballast`, new Uint8Array(2_000_000))).toThrow("ENOSPC");
    await expect(backUp(repository, tree)).rejects.toMatchObject({ code: "no-space" });
    const reader = await open(`${place}/repository`);
    await expectStored(reader, 0);
    await reader.backend.close();
    await repository.backend.close();
  });

  it("that is read-only can be read, and is said to be so when written", async () => {
    const place = mountTmpfs("read-only", "8m");
    const repository = await createSmallRepository({
      backend: new LocalBackend(`${place}/repository`),
    });
    await backUp(repository, tree);
    await repository.backend.close();
    execFileSync("mount", ["-o", "remount,ro", place]);
    const opened = await open(`${place}/repository`);
    await expectStored(opened, 0);
    await expect(backUp(opened, tree)).rejects.toMatchObject({
      code: "permission",
      message: expect.stringContaining("read-only") as unknown,
    });
    await opened.backend.close();
  });
});

describe.runIf(need(hasProgram("strace"), "strace"))("a system call that fails", () => {
  const before = (): string => `${folder}/before`;

  beforeAll(async () => {
    const repository = await createSmallRepository({ backend: new LocalBackend(before()) });
    await backUp(repository, tree);
    writeFileSync(`${tree}/more`, noise(20_000, 50));
    await repository.backend.close();
  });

  // Call numbers well within the backup: the reading before it makes fewer.
  it.each([
    ["fsync", 6, "error=EIO", "io"],
    ["fsync", 12, "error=ENOSPC", "no-space"],
    ["link", 2, "error=EIO", "io"],
    ["link", 4, "error=ENOSPC", "no-space"],
    ["fchmod", 3, "error=EIO", ""],
    ["unlink", 2, "error=EIO", ""],
  ] as const)("%s number %i with %s ends it with %s", async (call, number, what, code) => {
    const repository = `${folder}/failing`;
    rmSync(repository, { recursive: true, force: true });
    cpSync(before(), repository, { recursive: true, preserveTimestamps: true });
    const run = await traceBackup({
      repository,
      passphrase: PASSPHRASE,
      tree,
      log: `${folder}/strace.log`,
      inject: { call, number, what },
    });
    // Neither a mode nor a temporary file that stays is worth a backup.
    expect({ said: run.said, code: run.code }).toEqual({ said: code, code: code === "" ? 0 : 1 });
    const opened = await open(repository);
    if (code !== "") {
      expect((await snapshotsOf(opened)).length).toBe(1);
      await backUp(opened, tree);
    }
    await expectStored(opened, 1);
    const problems: ForgeError[] = [];
    await verifyObjects(opened, { onProblem: (error) => problems.push(error) });
    expect(problems).toEqual([]);
    await opened.backend.close();
  });
});
